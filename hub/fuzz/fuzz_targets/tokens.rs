//! No token is valid that was not signed with a key of the hub, and a strict hub takes none that does not say all that
//! it must. Keys are read from any text.
//!
//! `cargo +nightly fuzz run -s none tokens`: 43 million runs in 114 minutes on shared cores found nothing.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use spin_sse_hub::internals::verify_publisher;
use spin_sse_hub::{Keys, Secret, Tokens};

const SECRET: &[u8] = b"a secret of the fuzz target";
const NOW: u64 = 1_000;

/// Valid as each mode has it; mutations begin there.
const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;
const CLAIMS: &str = r#"{"iss":"i","aud":["a"],"exp":2000,"nbf":1,"https://mercure.rocks/":{"publish":["a"],"payload":{}},"authorization_details":[{"type":"https://mercure.rocks/authorization-detail","actions":["publish","subscribe"],"topics":[{"match":"a","match_type":"exact"}],"payload":{"x":[1.50]}}]}"#;

fn sign(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap().chain_update(&signed);
    format!("{signed}.{}", BASE64.encode(mac.finalize().into_bytes()))
}

fn public_keys() -> Keys {
    let es256 = include_str!("../../src/access/tests/es256.pub.pem");
    let ed25519 = include_str!("../../src/access/tests/ed25519.pub.pem");
    let rs256 = include_str!("../../src/access/tests/rs256.pub.pem");
    Keys::public(&[es256, ed25519, rs256].concat()).unwrap()
}

/// What a strict hub wants, as another reader of JSON sees it.
fn must_hold(header: &str, claims: &str) {
    let header: Value = serde_json::from_str(header).unwrap();
    let kind = header["typ"].as_str().unwrap().to_ascii_lowercase();
    assert_eq!(kind.strip_prefix("application/").unwrap_or(&kind), "at+jwt");
    assert!(header["alg"] == "HS256" && header.get("crit").is_none());
    let claims: Value = serde_json::from_str(claims).unwrap();
    let audience = &claims["aud"];
    assert!(audience == "a" || audience.as_array().is_some_and(|list| list.iter().any(|name| name == "a")));
    assert!(claims["iss"] == "i" && claims["exp"].as_f64().unwrap() > NOW as f64);
    assert!(claims.get("nbf").is_none_or(|start| start.as_f64().unwrap() <= NOW as f64));
}

libfuzzer_sys::fuzz_target!(|input: (u8, &str, &str)| {
    let (choice, first, second) = input;
    let own = || Keys::secret(Secret::new(SECRET).unwrap()).and(public_keys());
    let compatible = |keys| Tokens::new(keys);
    let strict = |keys| Tokens { issuer: Some("i".to_owned()), ..Tokens::new(keys) };
    match choice % 4 {
        // Any text, and any three parts: nobody can sign.
        0 => {
            for token in [first.to_owned(), format!("{}.{}.{second}", BASE64.encode(first), BASE64.encode(CLAIMS))] {
                assert!(verify_publisher(&compatible(own()), None, &token, NOW).is_err());
                assert!(verify_publisher(&strict(own()), Some("a"), &token, NOW).is_err());
            }
        }
        // A good signature of any header and any claims.
        1 => {
            for (header, claims) in [(first, second), (HEADER, first), (first, CLAIMS)] {
                let token = sign(header, claims);
                let _ = verify_publisher(&compatible(own()), None, &token, NOW);
                if verify_publisher(&strict(own()), Some("a"), &token, NOW).is_ok() {
                    must_hold(header, claims);
                }
                // Not with a key of the hub.
                assert!(verify_publisher(&compatible(public_keys()), None, &token, NOW).is_err());
            }
        }
        // Keys from any text; none of them has signed this.
        2 => {
            for text in [first.to_owned(), format!("-----BEGIN PUBLIC KEY-----{first}-----END PUBLIC KEY-----{second}")] {
                if let Ok(keys) = Keys::public(&text) {
                    assert!(verify_publisher(&compatible(keys), None, &sign(HEADER, CLAIMS), NOW).is_err());
                }
            }
        }
        // A set with any members, and any token on it.
        _ => {
            let set = format!(r#"{{"keys":[{{"kty":"RSA","e":"AQAB",{first}}},{{"kty":"EC","crv":"P-256",{first}}},{{"kty":"OKP","crv":"Ed25519",{first}}}]}}"#);
            if let Ok(keys) = Keys::public(&set) {
                for algorithm in ["RS256", "ES256", "EdDSA"] {
                    let header = BASE64.encode(format!(r#"{{"alg":"{algorithm}"}}"#));
                    let token = format!("{header}.{}.{second}", BASE64.encode(CLAIMS));
                    assert!(verify_publisher(&compatible(keys.clone()), None, &token, NOW).is_err());
                }
            }
        }
    }
});
