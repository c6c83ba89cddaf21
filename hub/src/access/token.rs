//! Tokens: JSON Web Tokens, signed with HS256 and a secret that the hub shares with those who issue them.
//!
//! RFC 7515 and 7519 with one algorithm, so that there is none to choose: what a token says about its key or its
//! algorithm can only make it invalid.

use std::error::Error;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::access::grant::{Grant, InvalidClaim};
use crate::request::json::Json;
use crate::request::refusal::{Challenge, Refusal};
use crate::topic::selector::Selector;

/// The key of tokens: the variable `jwt_secret`. It has at least one byte; its text cannot be got back or printed.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// A key; `None` when it is empty, since everyone knows that one.
    pub fn new(key: &[u8]) -> Option<Secret> {
        if key.is_empty() { None } else { Hmac::new_from_slice(key).ok().map(Secret) }
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(signed)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Checks a token at the time `now`, in unix seconds, and returns what it allows.
///
/// `exp` and `nbf` are exact to the second, without leeway. The header may have the type `JWT` or `at+jwt`, or none.
///
/// # Errors
///
/// [`InvalidToken`]. Its text is for the log of the hub; to the client it becomes a refusal that does not tell the
/// reasons apart.
pub fn verify(token: &str, secret: &Secret, now: u64) -> Result<Grant, InvalidToken> {
    let (signed, signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(InvalidToken::Malformed)?;
    check_header(&object(header)?)?;
    let signature = BASE64.decode(signature).map_err(|_| InvalidToken::Malformed)?;
    // In constant time.
    secret.mac(signed).verify_slice(&signature).map_err(|_| InvalidToken::Signature)?;
    let claims = object(claims)?;
    if seconds(&claims, "nbf", f64::ceil)?.is_some_and(|start| now < start) {
        return Err(InvalidToken::NotYet);
    }
    let expires = seconds(&claims, "exp", f64::floor)?;
    if expires.is_some_and(|end| end <= now) {
        return Err(InvalidToken::Expired);
    }
    Ok(Grant::from_claims(&claims, expires)?)
}

/// Issues a token: `verify` returns the same grant, until it expires.
pub fn sign(grant: &Grant, secret: &Secret, now: u64) -> String {
    let topics = |selector: &Selector| selector.topics().map(Value::from).collect::<Vec<_>>();
    let mut claims = json!({
        "mercure": { "publish": topics(&grant.publish), "subscribe": topics(&grant.subscribe) },
        "iat": now,
    });
    if let (Some(claims), Some(end)) = (claims.as_object_mut(), grant.expires) {
        claims.insert("exp".to_owned(), end.into());
    }
    let encode = |part: Value| BASE64.encode(part.to_string());
    let signed = format!("{}.{}", encode(json!({ "alg": "HS256", "typ": "JWT" })), encode(claims));
    let signature = BASE64.encode(secret.mac(&signed).finalize().into_bytes());
    format!("{signed}.{signature}")
}

fn check_header(header: &Json) -> Result<(), InvalidToken> {
    if header.get("alg").and_then(Json::as_str) != Some("HS256") {
        return Err(InvalidToken::Algorithm);
    }
    // Extensions "that MUST be understood" (RFC 7515, 4.1.11); none is.
    if header.get("crit").is_some() {
        return Err(InvalidToken::Critical);
    }
    let Some(kind) = header.get("typ") else { return Ok(()) };
    let kind = kind.as_str().unwrap_or_default().to_ascii_lowercase();
    match kind.strip_prefix("application/").unwrap_or(&kind) {
        "jwt" | "at+jwt" => Ok(()),
        _ => Err(InvalidToken::Type),
    }
}

fn object(part: &str) -> Result<Json, InvalidToken> {
    let json = BASE64.decode(part).map_err(|_| InvalidToken::Malformed)?;
    Json::read(&json).ok().filter(Json::is_object).ok_or(InvalidToken::Malformed)
}

/// A time in seconds since 1970, which may have a fraction; times before are 0.
fn seconds(claims: &Json, name: &'static str, round: fn(f64) -> f64) -> Result<Option<u64>, InvalidToken> {
    match claims.get(name) {
        None => Ok(None),
        Some(Json::Whole(time)) => Ok(Some(*time)),
        Some(Json::Number(time)) => Ok(Some(round(*time) as u64)),
        Some(_) => Err(InvalidToken::Claim(name)),
    }
}

/// Why a token is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidToken {
    /// It is not three parts of base64url, two of them JSON objects.
    Malformed,
    /// Its algorithm is not HS256.
    Algorithm,
    /// It relies on an extension.
    Critical,
    /// It is a token for something else.
    Type,
    /// It was not signed with this secret, or changed since.
    Signature,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
    /// This claim is not as it must be.
    Claim(&'static str),
}

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidToken::Malformed => f.write_str("the token is no JSON Web Token in compact form"),
            InvalidToken::Algorithm => f.write_str("the token has another alg than HS256"),
            InvalidToken::Critical => f.write_str("the token relies on crit, which is not supported"),
            InvalidToken::Type => f.write_str("the token has another typ than JWT or at+jwt"),
            InvalidToken::Signature => f.write_str("the token was not signed with jwt_secret"),
            InvalidToken::NotYet => f.write_str("the token is not valid yet, by its nbf"),
            InvalidToken::Expired => f.write_str("the token has expired, by its exp"),
            InvalidToken::Claim(name) => write!(f, "the token has a claim {name} that is not as it must be"),
        }
    }
}

impl Error for InvalidToken {}

impl From<InvalidClaim> for InvalidToken {
    fn from(InvalidClaim(name): InvalidClaim) -> InvalidToken {
        InvalidToken::Claim(name)
    }
}

/// One sentence for all of them: who tries tokens out does not learn how far they got.
impl From<InvalidToken> for Refusal {
    fn from(_: InvalidToken) -> Refusal {
        let reason =
            "the token is not valid: check its signature (HS256 with the hub's jwt_secret), exp, nbf and claims";
        Refusal::token(Challenge::InvalidToken, reason)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_767_225_600;

    fn secret() -> Secret {
        Secret::new(b"a secret of at least 32 bytes, as HS256 wants").unwrap()
    }

    fn selector(topics: &[&str]) -> Selector {
        Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap()
    }

    fn grant() -> Grant {
        Grant { publish: selector(&["*"]), subscribe: selector(&["a", "b"]), expires: Some(NOW + 60) }
    }

    /// A token with this header and these claims, and a good signature.
    fn signed(header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let signature = BASE64.encode(secret().mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    #[track_caller]
    fn with_header(header: &str, expected: Result<(), InvalidToken>) {
        assert_eq!(verify(&signed(header, "{}"), &secret(), NOW).map(drop), expected, "{header}");
    }

    #[track_caller]
    fn with_claims(claims: &str, expected: Result<Option<u64>, InvalidToken>) {
        let result = verify(&signed(r#"{"alg":"HS256"}"#, claims), &secret(), NOW);
        assert_eq!(result.map(|grant| grant.expires), expected, "{claims}");
    }

    #[test]
    fn the_example_of_rfc_7515_is_verified() {
        let key = BASE64
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
                     .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
                     .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let key = Secret::new(&key).unwrap();
        let grant = verify(token, &key, 1_300_819_379).unwrap();
        assert_eq!(
            grant,
            Grant { publish: Selector::none(), subscribe: Selector::none(), expires: Some(1_300_819_380) }
        );
        assert_eq!(verify(token, &key, 1_300_819_380), Err(InvalidToken::Expired));
        assert_eq!(verify(token, &secret(), 0), Err(InvalidToken::Signature));
    }

    #[test]
    fn a_token_that_was_signed_is_verified_to_the_same_grant() {
        for grant in [
            grant(),
            Grant { expires: None, ..grant() },
            Grant { publish: Selector::none(), subscribe: Selector::none(), expires: None },
            Grant { publish: selector(&["é \"x\"", "{id}"]), subscribe: Selector::ALL, expires: Some(u64::MAX) },
        ] {
            assert_eq!(verify(&sign(&grant, &secret(), NOW), &secret(), NOW), Ok(grant));
        }
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused() {
        let token = sign(&grant(), &secret(), NOW);
        for place in 0..token.len() {
            for other in ['A', 'B', '_', '.', '=', 'é', ' '] {
                let changed: String =
                    token.chars().enumerate().map(|(at, is)| if at == place { other } else { is }).collect();
                assert!(changed == token || verify(&changed, &secret(), NOW).is_err(), "{changed}");
            }
            assert!(verify(&token[..place], &secret(), NOW).is_err());
        }
        for changed in
            [format!("{token}A"), format!("{token}="), format!("{token}."), format!(".{token}"), format!(" {token}")]
        {
            assert!(verify(&changed, &secret(), NOW).is_err(), "{changed}");
        }
    }

    #[test]
    fn a_token_of_another_secret_is_refused() {
        for key in
            ["x", "a secret of at least 32 bytes, as HS256 want", "a secret of at least 32 bytes, as HS256 wants\0x"]
        {
            let token = sign(&grant(), &Secret::new(key.as_bytes()).unwrap(), NOW);
            assert_eq!(verify(&token, &secret(), NOW), Err(InvalidToken::Signature));
        }
        assert!(Secret::new(b"").is_none());
        assert_eq!(format!("{:?}", secret()), "Secret");
    }

    #[test]
    fn only_hs256_is_accepted() {
        with_header(r#"{"alg":"HS256","kid":"x","jwk":{}}"#, Ok(()));
        for algorithm in ["none", "None", "hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA", ""] {
            with_header(&format!(r#"{{"alg":"{algorithm}"}}"#), Err(InvalidToken::Algorithm));
        }
        for header in [r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, "{}"] {
            with_header(header, Err(InvalidToken::Algorithm));
        }
        let unsigned = format!("{}.{}.", BASE64.encode(r#"{"alg":"none"}"#), BASE64.encode("{}"));
        assert_eq!(verify(&unsigned, &secret(), NOW), Err(InvalidToken::Algorithm));
        let unsigned = format!("{}.{}.", BASE64.encode(r#"{"alg":"HS256"}"#), BASE64.encode("{}"));
        assert_eq!(verify(&unsigned, &secret(), NOW), Err(InvalidToken::Signature));
    }

    #[test]
    fn a_token_for_something_else_is_refused() {
        for kind in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"] {
            with_header(&format!(r#"{{"alg":"HS256","typ":"{kind}"}}"#), Ok(()));
        }
        for kind in ["\"dpop+jwt\"", "\"logout+jwt\"", "\"\"", "1", "null"] {
            with_header(&format!(r#"{{"alg":"HS256","typ":{kind}}}"#), Err(InvalidToken::Type));
        }
        with_header(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, Err(InvalidToken::Critical));
        with_header(r#"{"alg":"HS256","crit":[]}"#, Err(InvalidToken::Critical));
    }

    #[test]
    fn a_text_that_is_no_token_is_refused() {
        for header in ["", "x", "[]", "null", "\"HS256\"", "{\"alg\":\"HS256\""] {
            with_header(header, Err(InvalidToken::Malformed));
        }
        for claims in ["", "x", "[]", "1", "{} x"] {
            with_claims(claims, Err(InvalidToken::Malformed));
        }
        for token in ["", ".", "..", "...", "a.b.c", "a", "é.é.é"] {
            assert!(verify(token, &secret(), NOW).is_err(), "{token}");
        }
    }

    #[test]
    fn exp_and_nbf_are_respected_to_the_second() {
        with_claims("{}", Ok(None));
        with_claims(&format!(r#"{{"exp":{}}}"#, NOW + 1), Ok(Some(NOW + 1)));
        with_claims(&format!(r#"{{"exp":{NOW}}}"#), Err(InvalidToken::Expired));
        with_claims(&format!(r#"{{"exp":{NOW}.9}}"#), Err(InvalidToken::Expired));
        with_claims(&format!(r#"{{"exp":{}.5}}"#, NOW + 1), Ok(Some(NOW + 1)));
        with_claims(r#"{"exp":-1}"#, Err(InvalidToken::Expired));
        with_claims(r#"{"exp":0}"#, Err(InvalidToken::Expired));
        with_claims(r#"{"exp":1e300}"#, Ok(Some(u64::MAX)));
        with_claims(&format!(r#"{{"nbf":{NOW}}}"#), Ok(None));
        with_claims(&format!(r#"{{"nbf":{}}}"#, NOW + 1), Err(InvalidToken::NotYet));
        with_claims(&format!(r#"{{"nbf":{NOW}.1}}"#), Err(InvalidToken::NotYet));
        with_claims(r#"{"nbf":-5}"#, Ok(None));
        for value in ["\"1\"", "null", "true", "[]", "\"\""] {
            with_claims(&format!(r#"{{"exp":{value}}}"#), Err(InvalidToken::Claim("exp")));
            with_claims(&format!(r#"{{"nbf":{value}}}"#), Err(InvalidToken::Claim("nbf")));
        }
    }

    #[test]
    fn the_client_is_not_told_which_check_failed() {
        let refusal = Refusal::from(InvalidToken::Expired);
        assert_eq!((refusal.status.as_u16(), refusal.challenge), (401, Some(Challenge::InvalidToken)));
        assert_eq!(refusal, Refusal::from(InvalidToken::Signature));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_it_panic(token in "\\PC*", claims in "\\PC*", json in "[\\[\\]{}\":,0-9a-z]*") {
            prop_assert!(verify(&token, &secret(), NOW).is_err());
            let _ = verify(&signed(r#"{"alg":"HS256"}"#, &claims), &secret(), NOW);
            let _ = verify(&signed(&json, &json), &secret(), NOW);
        }
    }
}
