//! Tokens: JSON Web Tokens (RFC 7515 and 7519), signed with one of the hub's keys.
//!
//! What a token says about its key or its algorithm can only make it invalid: a key goes with one algorithm, and none
//! comes from a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::Mac;
use serde_json::{Value, json};

use crate::access::algorithm::Algorithm;
use crate::access::grant::{Grant, claim};
use crate::access::invalid_token::InvalidToken;
use crate::access::key::{Key, Secret};
use crate::pattern::Base;
use crate::request::json::Json;

/// How many bytes a token has at most.
const MAX_SIZE: usize = 64 * 1024;

/// What a token must say, besides that it is signed with a key of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode<'c> {
    /// What hubs before the protocol's version 1.0 take: any issuer, any audience, and `exp` only if it is there.
    Compatible,
    /// What the specification asks for in its section "Token Validation", a profile of RFC 9068.
    Strict {
        /// Who issues the tokens.
        issuer: &'c str,
        /// Whom they are for: the hub's URL. Without one, they are for nobody.
        audience: Option<&'c str>,
    },
}

/// A token whose signature was not checked: nothing that it says is true yet.
pub(crate) struct Unverified<'t> {
    /// What is signed: the header and the claims.
    signed: &'t str,
    claims: &'t str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: Option<String>,
}

impl<'t> Unverified<'t> {
    /// Reads a token, but for its claims.
    pub(crate) fn read(token: &'t str, mode: Mode<'_>) -> Result<Unverified<'t>, InvalidToken> {
        if token.len() > MAX_SIZE {
            return Err(InvalidToken::TooLarge);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(InvalidToken::Malformed)?;
        let header = object(&decode(header)?)?;
        let algorithm = header.get("alg").and_then(Json::as_str).and_then(Algorithm::from_name);
        let algorithm = algorithm.ok_or(InvalidToken::Algorithm)?;
        // Extensions "that MUST be understood" (RFC 7515, section 4.1.11); none is.
        if header.get("crit").is_some() {
            return Err(InvalidToken::Critical);
        }
        check_type(header.get("typ"), mode)?;
        let key_id = header.get("kid").and_then(Json::as_str).map(str::to_owned);
        Ok(Unverified { signed, claims, signature: decode(signature)?, algorithm, key_id })
    }

    /// Whether this key may have signed it.
    pub(crate) fn may_be_of(&self, key: &Key) -> bool {
        key.goes_with(self.algorithm) && key.may_be(self.key_id.as_deref())
    }

    /// Whether it says that a private key signed it, and not a secret.
    pub(crate) fn is_of_a_key_pair(&self) -> bool {
        self.algorithm != Algorithm::Hs256
    }

    /// Checks it at the time `now`, in unix seconds, and returns what it allows. Relative patterns are resolved against
    /// `base`, the hub's URL.
    pub(crate) fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k Key>,
        mode: Mode<'_>,
        now: u64,
        base: Option<&Base>,
    ) -> Result<Grant, InvalidToken> {
        let mut keys = keys.into_iter().filter(|key| self.may_be_of(key)).peekable();
        if keys.peek().is_none() {
            return Err(InvalidToken::Key);
        }
        if !keys.any(|key| key.verifies(self.algorithm, self.signed, &self.signature)) {
            return Err(InvalidToken::Signature);
        }
        let text = String::from_utf8(decode(self.claims)?).map_err(|_| InvalidToken::Malformed)?;
        let claims = object(text.as_bytes())?;
        if seconds(&claims, "nbf", f64::ceil)?.is_some_and(|start| now < start) {
            return Err(InvalidToken::NotYet);
        }
        let expires = seconds(&claims, "exp", f64::floor)?;
        if expires.is_some_and(|end| end <= now) {
            return Err(InvalidToken::Expired);
        }
        match mode {
            Mode::Compatible => Ok(Grant::from_claims(&claims, &text, expires, base)?),
            Mode::Strict { issuer, audience } => {
                expires.ok_or(InvalidToken::Claim("exp"))?;
                if claims.get("iss").and_then(Json::as_str) != Some(issuer) {
                    return Err(InvalidToken::Issuer);
                }
                let hub = audience.filter(|hub| is_for(claims.get("aud"), hub));
                hub.ok_or(InvalidToken::Audience)?;
                Ok(Grant::from_details(&claims, &text, expires, base)?)
            }
        }
    }
}

/// Checks a token at the time `now`, in unix seconds, and returns what it allows. This is what a hub does that has one
/// secret and no issuer: it takes HS256.
///
/// `exp` and `nbf` are exact to the second, without leeway. The header may have the type `JWT` or `at+jwt`, or none.
///
/// # Errors
///
/// [`InvalidToken`]. Its text is for the log of the hub; to the client it becomes a refusal that does not tell the
/// reasons apart.
pub fn verify(token: &str, secret: &Secret, now: u64) -> Result<Grant, InvalidToken> {
    let key = Key::from(secret.clone());
    Unverified::read(token, Mode::Compatible)?.verify([&key], Mode::Compatible, now, None)
}

/// Issues a token: `verify` returns the same grant, until it expires.
pub fn sign(grant: &Grant, secret: &Secret, now: u64) -> String {
    let mut claims = json!({
        "mercure": { "publish": claim(&grant.publish), "subscribe": claim(&grant.subscribe) },
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

fn check_type(kind: Option<&Json>, mode: Mode<'_>) -> Result<(), InvalidToken> {
    let kind = kind.map(|kind| kind.as_str().unwrap_or_default().to_ascii_lowercase());
    match (kind.as_deref().map(|kind| kind.strip_prefix("application/").unwrap_or(kind)), mode) {
        (Some("at+jwt"), _) | (Some("jwt") | None, Mode::Compatible) => Ok(()),
        _ => Err(InvalidToken::Type),
    }
}

/// Whether the claim `aud` has this name: it is a text, or a list of them.
fn is_for(audience: Option<&Json>, hub: &str) -> bool {
    match audience {
        Some(Json::List(names)) => names.iter().any(|name| name.as_str() == Some(hub)),
        Some(name) => name.as_str() == Some(hub),
        None => false,
    }
}

/// Base64url without padding; a text has one encoding.
fn decode(part: &str) -> Result<Vec<u8>, InvalidToken> {
    BASE64.decode(part).map_err(|_| InvalidToken::Malformed)
}

/// RFC 7519, section 4, lets the last of two members of the same name count. Who issues and who forwards a token may
/// have read the first, so neither does here.
fn object(json: &[u8]) -> Result<Json, InvalidToken> {
    let object = Json::read(json).ok().filter(Json::is_object).ok_or(InvalidToken::Malformed)?;
    if object.repeats_a_name() { Err(InvalidToken::Twice) } else { Ok(object) }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::refusal::{Challenge, Refusal};
    use crate::topic::selector::Selector;

    const NOW: u64 = 1_767_225_600;

    fn secret() -> Secret {
        Secret::new(b"a secret of at least 32 bytes, as HS256 wants").unwrap()
    }

    fn selector(topics: &[&str]) -> Selector {
        Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap()
    }

    fn grant() -> Grant {
        Grant::new(selector(&["*"]), selector(&["a", "b"])).until(NOW + 60)
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
        assert_eq!(grant, Grant::new(Selector::none(), Selector::none()).until(1_300_819_380));
        assert_eq!(verify(token, &key, 1_300_819_380), Err(InvalidToken::Expired));
        assert_eq!(verify(token, &secret(), 0), Err(InvalidToken::Signature));
    }

    #[test]
    fn a_token_that_was_signed_is_verified_to_the_same_grant() {
        for grant in [
            grant(),
            Grant { expires: None, ..grant() },
            Grant::new(Selector::none(), Selector::none()),
            Grant::new(selector(&["é \"x\"", "{id}"]), Selector::ALL).until(u64::MAX),
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
        for algorithm in ["none", "None", "NONE", "hs256", "HS384", "HS512", "RS512", "ES384", "PS256", "es256", ""] {
            with_header(&format!(r#"{{"alg":"{algorithm}"}}"#), Err(InvalidToken::Algorithm));
        }
        for algorithm in ["RS256", "ES256", "EdDSA"] {
            with_header(&format!(r#"{{"alg":"{algorithm}"}}"#), Err(InvalidToken::Key));
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
