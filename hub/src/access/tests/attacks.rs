//! What somebody without a key may try.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD as BASE64};
use proptest::prelude::*;

use super::signer::Signer;
use crate::access::algorithm::Algorithm;
use crate::access::invalid_token::InvalidToken;
use crate::access::key::{Key, Material, Secret};
use crate::access::public_key::PublicKey;
use crate::access::token::{Mode, Unverified};

const MODES: [Mode<'_>; 2] = [Mode::Compatible, Mode::Strict { issuer: "i", audience: Some("a") }];
const CLAIMS: &str = r#"{"iss":"i","aud":"a","exp":9999999999}"#;

fn header(algorithm: &str) -> String {
    format!(r#"{{"alg":"{algorithm}","typ":"at+jwt"}}"#)
}

fn verify(keys: &[Key], token: &str, mode: Mode<'_>) -> Result<(), InvalidToken> {
    Unverified::read(token, mode)?.verify(keys, mode, 0, None).map(drop)
}

#[track_caller]
fn refused(keys: &[Key], token: &str) {
    for mode in MODES {
        assert!(verify(keys, token, mode).is_err(), "{token}");
    }
}

#[test]
fn no_key_is_used_for_another_algorithm() {
    for signer in Signer::all() {
        let own = signer.algorithm();
        for algorithm in ["HS256", "ES256", "EdDSA", "RS256", "PS256", "HS384", "none", ""] {
            let token = signer.token(&header(algorithm), CLAIMS);
            for mode in MODES {
                assert_eq!(verify(&[signer.key()], &token, mode).is_ok(), algorithm == own, "{own} {algorithm}");
            }
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n";
    for signer in Signer::all().into_iter().skip(1) {
        let jwk = signer.jwk("");

        for known in [pem.as_bytes(), jwk.as_bytes()] {
            let forger = Signer::hs256(known);
            refused(&[signer.key()], &forger.token(&header("HS256"), CLAIMS));
            refused(&[signer.key()], &forger.token(&header(signer.algorithm()), CLAIMS));
        }
    }
}

#[test]
fn a_key_in_the_token_is_not_used() {
    let (own, forger) = (Signer::es256(), Signer::es256());
    let jwk = forger.jwk("");
    for member in [
        format!(r#""jwk":{jwk}"#),
        r#""jku":"https://evil.example/jwks""#.to_owned(),
        r#""x5u":"https://evil.example/x""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""kid":"../../etc/passwd""#.to_owned(),
        r#""kid":"' OR 1=1 --""#.to_owned(),
    ] {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt",{member}}}"#);
        refused(&[own.key()], &forger.token(&header, CLAIMS));
        assert_eq!(verify(&[own.key()], &own.token(&header, CLAIMS), MODES[1]), Ok(()));
    }
}

#[test]
fn signatures_that_fit_everything_or_are_empty_fit_nothing() {
    for signer in Signer::all() {
        let good = signer.token(&header(signer.algorithm()), CLAIMS);
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let signature = BASE64.decode(signature).unwrap();
        let length = signature.len();
        let mut cases = vec![vec![], vec![0; length], vec![0xff; length], vec![1; length]];
        cases.push(signature[1..].to_vec());
        cases.push(signature[..length - 1].to_vec());
        cases.push([&[0], &signature[..]].concat());
        cases.push([&signature[..], &[0]].concat());
        cases.push(signature.iter().rev().copied().collect());
        for bit in (0..length * 8).step_by(7) {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            cases.push(changed);
        }
        for case in cases.into_iter().filter(|case| *case != signature) {
            refused(&[signer.key()], &format!("{signed}.{}", BASE64.encode(case)));
        }
    }
}

#[test]
fn a_text_has_one_encoding() {
    let signer = Signer::hs256(b"key");
    // With bytes whose encodings differ.
    let claims = r#"{"exp":9999999999,"iss":"i","aud":"a","x":"?>?>~~"}"#;
    let good = signer.token(&header("HS256"), claims);
    assert_eq!(verify(&[signer.key()], &good, MODES[1]), Ok(()));
    let parts: Vec<Vec<u8>> = good.split('.').map(|part| BASE64.decode(part).unwrap()).collect();
    for encode in [|bytes: &Vec<u8>| STANDARD.encode(bytes), |bytes: &Vec<u8>| URL_SAFE.encode(bytes)] {
        for at in 0..3 {
            let mut texts: Vec<String> = good.split('.').map(str::to_owned).collect();
            texts[at] = encode(&parts[at]);
            let changed = texts.join(".");
            if changed != good {
                refused(&[signer.key()], &changed);
            }
        }
    }
    for (at, _) in good.match_indices('.') {
        for inserted in [" ", "\n", "\r\n", "\t", "=", "%2E", "\0"] {
            refused(&[signer.key()], &format!("{}{inserted}{}", &good[..at], &good[at..]));
        }
    }
    for around in [format!(" {good}"), format!("{good} "), format!("{good}\n"), format!("{good}=")] {
        refused(&[signer.key()], &around);
    }
    // The bits that no byte needs.
    let last = good.chars().next_back().unwrap();
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        if other != last {
            refused(&[signer.key()], &format!("{}{other}", &good[..good.len() - 1]));
        }
    }
}

#[test]
fn a_name_that_is_there_twice_counts_as_none() {
    let signer = Signer::hs256(b"key");
    for (header, claims) in [
        (r#"{"alg":"HS256","typ":"at+jwt","alg":"HS256"}"#, CLAIMS),
        (r#"{"alg":"none","typ":"at+jwt","alg":"HS256"}"#, CLAIMS),
        (r#"{"alg":"HS256","typ":"at+jwt","\u0061lg":"HS256"}"#, CLAIMS),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, r#"{"iss":"x","aud":"a","exp":9999999999,"iss":"i"}"#),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, r#"{"iss":"i","aud":"a","exp":1,"exp":9999999999}"#),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, r#"{"iss":"i","aud":"a","exp":9999999999,"x":[{"y":1,"y":1}]}"#),
    ] {
        for mode in MODES {
            assert_eq!(verify(&[signer.key()], &signer.token(header, claims), mode), Err(InvalidToken::Twice));
        }
    }
}

#[test]
fn a_large_or_deep_token_is_refused_at_once() {
    let signer = Signer::hs256(b"key");
    let megabyte = format!(r#"{{"iss":"i","aud":"a","exp":9999999999,"x":"{}"}}"#, "x".repeat(1024 * 1024));
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let deep_header = format!(r#"{{"alg":"HS256","x":{}1{}}}"#, "{\"a\":".repeat(5_000), "}".repeat(5_000));
    for mode in MODES {
        let token = signer.token(&header("HS256"), &megabyte);
        assert_eq!(verify(&[signer.key()], &token, mode), Err(InvalidToken::TooLarge));
        assert_eq!(verify(&[signer.key()], &".".repeat(1024 * 1024), mode), Err(InvalidToken::TooLarge));
        for token in [signer.token(&header("HS256"), &deep), signer.token(&deep_header, CLAIMS)] {
            assert!(token.len() < 64 * 1024);
            assert_eq!(verify(&[signer.key()], &token, mode), Err(InvalidToken::Malformed));
        }
    }
}

#[test]
fn no_key_is_printed() {
    let secret = Key::from(Secret::new(b"password").unwrap());
    assert_eq!(format!("{secret:?}"), "Key { id: None, material: Secret(Secret) }");
    assert!(matches!(secret.material, Material::Secret(_)));
}

#[test]
fn keys_that_are_weak_are_none() {
    let rsa = |bits: usize, last: u8, exponent: &[u8]| {
        let mut modulus = vec![0xff; bits / 8];
        *modulus.last_mut().unwrap() = last;
        PublicKey::rsa(&modulus, exponent).is_some()
    };
    assert!(rsa(2048, 0xff, &[1, 0, 1]) && rsa(4096, 0xff, &[3]) && rsa(2048, 0xff, &[0, 0, 0, 0, 3]));
    assert!(!rsa(1024, 0xff, &[1, 0, 1]) && !rsa(2040, 0xff, &[1, 0, 1]) && !rsa(4104, 0xff, &[1, 0, 1]));
    // An even modulus; exponents that sign nothing, are even, or take for ever.
    assert!(!rsa(2048, 0xfe, &[1, 0, 1]));
    for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1], &[0xff; 256]] {
        assert!(!rsa(2048, 0xff, exponent), "{exponent:?}");
    }
    // No point of the curve: all the same, the origin, the field's size.
    for (x, y) in
        [(&[4; 32][..], &[4; 32][..]), (&[0; 32], &[0; 32]), (&[0xff; 32], &[0xff; 32]), (&[], &[]), (&[1], &[1])]
    {
        assert!(PublicKey::p256(x, y).is_none(), "{x:?}");
    }
    assert!(PublicKey::ed25519(&[1; 31]).is_none());
    // Points of small order, with which a signature can fit any text.
    let mut one = [0; 32];
    one[0] = 1;
    for point in [[0; 32], one] {
        assert!(PublicKey::ed25519(&point).is_none(), "{point:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_one_library_signs_the_other_checks_and_nothing_else(claims in "\\{\"[a-z]{0,40}\":1\\}", other in ".{0,40}") {
        for signer in Signer::all() {
            let token = signer.token(&header(signer.algorithm()), &claims);
            prop_assert_eq!(verify(&[signer.key()], &token, Mode::Compatible), Ok(()));
            let (_, signature) = token.rsplit_once('.').unwrap();
            let signature = BASE64.decode(signature).unwrap();
            let algorithm = Algorithm::from_name(signer.algorithm()).unwrap();
            prop_assert!(!signer.key().verifies(algorithm, &other, &signature));
        }
    }
}
