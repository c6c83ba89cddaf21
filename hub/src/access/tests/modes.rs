//! What each mode asks of a token.

use super::signer::Signer;
use crate::access::grant::Grant;
use crate::access::invalid_token::InvalidToken;
use crate::access::token::{Mode, Unverified};
use crate::topic::selector::Selector;

const NOW: u64 = 1_767_225_600;
const HUB: &str = "https://hub.example/.well-known/mercure";
const ISSUER: &str = "https://login.example";
const STRICT: Mode<'_> = Mode::Strict { issuer: ISSUER, audience: Some(HUB) };

/// Claims that both modes take, with a part replaced.
fn claims(old: &str, new: &str) -> String {
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{HUB}","sub":"s","client_id":"c","iat":{NOW},"jti":"j","exp":{},"mercure":{{"publish":["old"]}},"authorization_details":[{{"type":"https://mercure.rocks/authorization-detail","actions":["publish"],"topics":[{{"match":"new"}}]}}]}}"#,
        NOW + 60
    );
    assert!(old.is_empty() || claims.matches(old).count() == 1, "{old}");
    claims.replacen(old, new, 1)
}

fn verify(signer: &Signer, token: &str, mode: Mode<'_>) -> Result<Grant, InvalidToken> {
    Unverified::read(token, mode)?.verify([&signer.key()], mode, NOW, None)
}

#[track_caller]
fn strictly(old: &str, new: &str, expected: Result<(), InvalidToken>) {
    let signer = Signer::es256();
    let token = signer.token(r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims(old, new));
    assert_eq!(verify(&signer, &token, STRICT).map(drop), expected, "{old} -> {new}");
}

#[test]
fn every_algorithm_is_checked_in_both_modes() {
    let topics = |topics: &[&str]| Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap();
    for signer in Signer::all() {
        let header = format!(r#"{{"alg":"{}","typ":"at+jwt"}}"#, signer.algorithm());
        let token = signer.token(&header, &claims("", ""));
        let grant = |publish: &[&str]| Grant::new(topics(publish), Selector::none()).until(NOW + 60);
        assert_eq!(verify(&signer, &token, STRICT), Ok(grant(&["new"])), "{header}");
        // What older hubs knew counts for them alone.
        assert_eq!(verify(&signer, &token, Mode::Compatible), Ok(grant(&["new", "old"])), "{header}");
        let other = signer.token(&header, &claims("\"new\"", "\"*\""));
        let (signed, _) = other.rsplit_once('.').unwrap();
        let (_, signature) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{signature}");
        for mode in [STRICT, Mode::Compatible] {
            assert_eq!(verify(&signer, &forged, mode), Err(InvalidToken::Signature), "{header}");
        }
    }
}

#[test]
fn a_strict_hub_takes_access_tokens_only() {
    let signer = Signer::ed_dsa();
    for (kind, is_taken) in [
        (r#","typ":"at+jwt""#, true),
        (r#","typ":"AT+JWT""#, true),
        (r#","typ":"application/at+jwt""#, true),
        (r#","typ":"Application/At+Jwt""#, true),
        (r#","typ":"JWT""#, false),
        (r#","typ":"application/jwt""#, false),
        (r#","typ":"application/application/at+jwt""#, false),
        (r#","typ":" at+jwt""#, false),
        (r#","typ":["at+jwt"]"#, false),
        (r#","typ":null"#, false),
        ("", false),
    ] {
        let token = signer.token(&format!(r#"{{"alg":"EdDSA"{kind}}}"#), &claims("", ""));
        let expected = if is_taken { Ok(()) } else { Err(InvalidToken::Type) };
        assert_eq!(verify(&signer, &token, STRICT).map(drop), expected, "{kind}");
    }
    let token = signer.token(r#"{"alg":"EdDSA","typ":"at+jwt","crit":["exp"]}"#, &claims("", ""));
    assert_eq!(verify(&signer, &token, STRICT).map(drop), Err(InvalidToken::Critical));
}

#[test]
fn a_strict_hub_wants_its_issuer_byte_for_byte() {
    let iss = format!(r#""iss":"{ISSUER}""#);
    for other in [
        r#""iss":"https://login.example/""#,
        r#""iss":"https://LOGIN.example""#,
        r#""iss":"https://other.example""#,
        r#""iss":["https://login.example"]"#,
        r#""iss":null"#,
        r#""issuer":"https://login.example""#,
    ] {
        strictly(&iss, other, Err(InvalidToken::Issuer));
    }
    strictly(&iss, r#""iss":"https:\/\/login.example""#, Ok(()));
}

#[test]
fn a_strict_hub_wants_tokens_for_itself() {
    let aud = format!(r#""aud":"{HUB}""#);
    strictly(&aud, &format!(r#""aud":["x",1,"{HUB}"]"#), Ok(()));
    for other in [
        r#""aud":"https://hub.example""#,
        r#""aud":"https://hub.example/.well-known/mercure/""#,
        r#""aud":"https://other.example/.well-known/mercure""#,
        r#""aud":[]"#,
        r#""aud":["https://hub.example/.well-known/mercure2"]"#,
        r#""aud":[["https://hub.example/.well-known/mercure"]]"#,
        r#""aud":{"https://hub.example/.well-known/mercure":1}"#,
        r#""aud":null"#,
        r#""audience":"https://hub.example/.well-known/mercure""#,
    ] {
        strictly(&aud, other, Err(InvalidToken::Audience));
    }
    let signer = Signer::es256();
    let token = signer.token(r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims(HUB, ""));
    let nobody = Mode::Strict { issuer: ISSUER, audience: None };
    assert_eq!(verify(&signer, &token, nobody).map(drop), Err(InvalidToken::Audience));
}

#[test]
fn a_strict_hub_wants_an_end() {
    let exp = format!(r#""exp":{},"#, NOW + 60);
    strictly(&exp, "", Err(InvalidToken::Claim("exp")));
    for (other, expected) in [
        (r#""exp":null,"#, Err(InvalidToken::Claim("exp"))),
        (r#""exp":"1767225660","#, Err(InvalidToken::Claim("exp"))),
        (r#""exp":true,"#, Err(InvalidToken::Claim("exp"))),
        (r#""exp":1767225600,"#, Err(InvalidToken::Expired)),
        (r#""exp":1767225600.99,"#, Err(InvalidToken::Expired)),
        (r#""exp":1767225601.5,"#, Ok(())),
        (r#""exp":-1,"#, Err(InvalidToken::Expired)),
        (r#""exp":-0.0,"#, Err(InvalidToken::Expired)),
        (r#""exp":1e300,"#, Ok(())),
        // No number that the hub could hold: it is not read as if it had no end.
        (r#""exp":1e400,"#, Err(InvalidToken::Malformed)),
        (r#""exp":-1e400,"#, Err(InvalidToken::Malformed)),
        (r#""exp":NaN,"#, Err(InvalidToken::Malformed)),
    ] {
        strictly(&exp, other, expected);
    }
    strictly(&exp, &format!(r#"{exp}"nbf":{NOW},"#), Ok(()));
    strictly(&exp, &format!(r#"{exp}"nbf":{},"#, NOW + 1), Err(InvalidToken::NotYet));
    strictly(&exp, &format!(r#"{exp}"nbf":"0","#), Err(InvalidToken::Claim("nbf")));
}

#[test]
fn a_strict_hub_knows_authorization_details_only() {
    let (start, _) =
        claims("", "").split_once(r#","authorization_details""#).map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let signer = Signer::es256();
    let without = format!(r#"{start},"https://mercure.rocks/":{{"publish":["*"]}}}}"#);
    let token = signer.token(r#"{"alg":"ES256","typ":"at+jwt"}"#, &without);
    let nothing = Grant::new(Selector::none(), Selector::none()).until(NOW + 60);
    assert_eq!(verify(&signer, &token, STRICT), Ok(nothing));
    // It does not read the others at all.
    let token = signer.token(r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims(r#"{"publish":["old"]}"#, "1"));
    assert!(verify(&signer, &token, STRICT).is_ok());
    assert_eq!(verify(&signer, &token, Mode::Compatible).map(drop), Err(InvalidToken::Claim("mercure")));
    strictly(r#""match":"new""#, r#""match":"""#, Err(InvalidToken::Claim("authorization_details")));
}

#[test]
fn a_compatible_hub_asks_for_no_issuer_no_audience_and_no_end() {
    let signer = Signer::rs256();
    for header in [r#"{"alg":"RS256"}"#, r#"{"alg":"RS256","typ":"JWT"}"#, r#"{"alg":"RS256","typ":"at+jwt"}"#] {
        for claims in [r#"{"mercure":{"publish":["*"]}}"#, r#"{"mercure":{"publish":["*"]},"iss":1,"aud":[]}"#] {
            let grant = verify(&signer, &signer.token(header, claims), Mode::Compatible).unwrap();
            assert!(grant.publish.is_all() && grant.expires.is_none(), "{header} {claims}");
        }
    }
}

#[test]
fn a_token_is_checked_with_the_key_of_its_name_or_with_all() {
    let (one, two) = (Signer::es256(), Signer::es256());
    let key = |signer: &Signer, id: Option<&str>| {
        let mut key = signer.key();
        key.id = id.map(str::to_owned);
        key
    };
    let keys = [key(&one, Some("one")), key(&two, Some("two"))];
    let unnamed = [key(&one, None), key(&two, None)];
    let verify = |keys: &[_], id: &str| {
        let token = two.token(&format!(r#"{{"alg":"ES256"{id}}}"#), "{}");
        Unverified::read(&token, Mode::Compatible)?.verify(keys, Mode::Compatible, NOW, None).map(drop)
    };
    for id in [r#","kid":"two""#, "", r#","kid":2"#] {
        assert_eq!(verify(&keys, id), Ok(()), "{id}");
        assert_eq!(verify(&unnamed, id), Ok(()), "{id}");
    }
    assert_eq!(verify(&keys, r#","kid":"one""#), Err(InvalidToken::Signature));
    assert_eq!(verify(&keys, r#","kid":"three""#), Err(InvalidToken::Key));
    assert_eq!(verify(&unnamed, r#","kid":"three""#), Ok(()));
    assert_eq!(verify(&[], ""), Err(InvalidToken::Key));
}
