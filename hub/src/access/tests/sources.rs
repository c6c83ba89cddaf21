//! Keys as settings have them.

use super::signer::Signer;
use crate::access::key::{Key, Material};
use crate::access::keys::Keys;
use crate::access::public_key::PublicKey;
use crate::access::{jwks, token_settings};

const ES256: &str = include_str!("es256.pub.pem");
const ED25519: &str = include_str!("ed25519.pub.pem");
const RS256: &str = include_str!("rs256.pub.pem");

fn kinds(keys: &[Key]) -> Vec<&'static str> {
    let kind = |key: &Key| match &key.material {
        Material::Secret(_) => "HS256",
        Material::Public(PublicKey::Es256(_)) => "ES256",
        Material::Public(PublicKey::EdDsa(_)) => "EdDSA",
        Material::Public(PublicKey::Rs256(_)) => "RS256",
    };
    keys.iter().map(kind).collect()
}

#[track_caller]
fn refused(text: &str, sentence: &str) {
    let reason = Keys::public(text).unwrap_err();
    assert!(reason.contains(sentence), "{reason}");
}

#[test]
fn keys_in_pem_are_read_as_openssl_writes_them() {
    let all = [ES256, ED25519, RS256].concat();
    assert_eq!(kinds(&Keys::public(&all).unwrap().known), ["ES256", "EdDSA", "RS256"]);
    // As they are in a variable of one line, and after other text.
    for text in [all.replace('\n', " "), all.replace('\n', "\r\n"), format!("# our keys\n{all}\n# end")] {
        assert_eq!(Keys::public(&text).unwrap().known.len(), 3, "{text}");
    }
    let Material::Public(key) = Keys::public(RS256).unwrap().known[0].material.clone() else { panic!() };
    let signer = Signer::rs256();
    assert!(key.verifies(b"text", &signer.sign("text")) && !key.verifies(b"texts", &signer.sign("text")));
}

#[test]
fn what_is_no_public_key_in_pem_is_refused_and_not_repeated() {
    let private = include_str!("rs256.pem");
    for (text, sentence) in [
        (private, "has something else in PEM than public keys"),
        (&format!("{ES256}{private}"), "has something else in PEM than public keys"),
        (&ES256.replace("PUBLIC KEY", "CERTIFICATE"), "has something else in PEM than public keys"),
        (&ES256.replace("-----END", ""), "without its end"),
        (&ES256.replace("MFk", "M!k"), "is not base64"),
        (&ES256.replace("==", ""), "is not base64"),
        (&ES256.replace("MFkw", "MFow"), "has a public key that the hub cannot use"),
        (&ES256.replacen("MFkwEwYHKoZIzj0C", "", 1), "has a public key that the hub cannot use"),
        (&RS256.replacen("MIIB", "MIIC", 1), "has a public key that the hub cannot use"),
        (P384, "has a public key that the hub cannot use"),
        (SECP256K1, "has a public key that the hub cannot use"),
        (RSA_1024, "has a public key that the hub cannot use"),
        ("secret", "must be public keys in PEM, a JWK Set, or the URL of one"),
        ("ftp://secret", "must be public keys in PEM, a JWK Set, or the URL of one"),
    ] {
        refused(text, sentence);
        assert!(!Keys::public(text).unwrap_err().contains("secret"));
    }
}

const P384: &str = "-----BEGIN PUBLIC KEY-----\n\
    MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE5gWLkCbWyR9gi6VRkSoRILjDrcb3cpEH\n\
    Yrul4hqmHoIUyQnKqSMF2LWIdiSyounKcrz776bS+zpTt0I3UoxYPeQRcVKwPDRY\n\
    obRGWg41Tzj1E3cYDIwt+dZEU9pmxT7z\n\
    -----END PUBLIC KEY-----";
const SECP256K1: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEoyrVr8xaZoHHZQlo+DvLZJv2XvycJxBG\n\
    dPTa8VQ1ScwVGQHhNxtzCQKiwg/5+ffTCHehizK1Of23WlI/RxMpUA==\n\
    -----END PUBLIC KEY-----";
const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDXmDUAbAryvpWA9cxpj5PcKQgN\n\
    BYdoYz+9JZ5FnEdzgyDmUguWGOtqOlQ3K17lBSoP+Hzi+5fu63i6VJXgz1lLn404\n\
    70Iu2TeV6j6A5DTCPe1Cj37UQLaozgnPAi/RKILvQhrZPcwDerQreSYNgHxzDzqH\n\
    rG65vrdUaiQIGTZxMwIDAQAB\n\
    -----END PUBLIC KEY-----";

fn set(jwks: &[String]) -> Result<Vec<Key>, &'static str> {
    jwks::read(format!(r#"{{"keys":[{}]}}"#, jwks.join(",")).as_bytes())
}

#[test]
fn the_keys_of_a_set_are_read_and_others_passed_over() {
    let signers = Signer::all();
    let [_, es256, ed_dsa, rs256] = &signers;
    let all: Vec<String> = signers.iter().map(|signer| signer.jwk(r#","kid":"k","use":"sig","x5t":1"#)).collect();
    let keys = set(&all).unwrap();
    // A secret in a set is no key.
    assert_eq!(kinds(&keys), ["ES256", "EdDSA", "RS256"]);
    for (signer, key) in signers[1..].iter().zip(&keys) {
        assert_eq!(key.id.as_deref(), Some("k"));
        let algorithm = crate::access::algorithm::Algorithm::from_name(signer.algorithm()).unwrap();
        assert!(key.verifies(algorithm, "text", &signer.sign("text")));
    }
    let good = ed_dsa.jwk("");
    for other in [
        "1".to_owned(),
        "{}".to_owned(),
        r#"{"kty":"oct","k":"AAAA","alg":"HS256"}"#.to_owned(),
        r#"{"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"}"#.to_owned(),
        r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#.to_owned(),
        r#"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.to_owned(),
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
        es256.jwk(r#","use":"enc""#),
        es256.jwk(r#","key_ops":["sign"]"#),
        es256.jwk(r#","key_ops":"verify""#),
        es256.jwk(r#","alg":"ES384""#),
        es256.jwk(r#","alg":"HS256""#),
        es256.jwk(r#","alg":1"#),
        es256.jwk(r#","kid":1"#),
        // Published with its private part.
        es256.jwk(r#","d":"AAAA""#),
        es256.jwk("").replace("P-256", "p-256"),
        rs256.jwk(r#","alg":"PS256""#),
        rs256.jwk("").replace("AQAB", "AQAB=="),
    ] {
        let keys = set(&[other.clone(), good.clone()]).unwrap();
        assert_eq!(kinds(&keys), ["EdDSA"], "{other}");
        assert!(set(std::slice::from_ref(&other)).unwrap().is_empty(), "{other}");
        refused(&format!(r#"{{"keys":[{other}]}}"#), "has no key that the hub can use");
    }
    for more in [r#","alg":"EdDSA""#, r#","alg":"Ed25519""#, r#","key_ops":["sign","verify"]"#, r#","x":1,"use":"sig""#]
    {
        let twice = more.contains("\"x\"");
        assert_eq!(set(&[ed_dsa.jwk(more)]).is_ok_and(|keys| keys.len() == 1), !twice, "{more}");
    }
}

#[test]
fn a_set_is_bounded() {
    let key = Signer::ed_dsa().jwk("");
    assert_eq!(set(&vec![key.clone(); 32]).unwrap().len(), 32);
    assert_eq!(set(&vec![key.clone(); 33]).unwrap_err(), "has more than 32 keys");
    assert_eq!(set(&[key.clone(), " ".repeat(64 * 1024)]).unwrap_err(), "has more than 64 KiB");
    for (text, sentence) in
        [("", "is no JSON"), ("[]", "is no JWK Set"), (r#"{"keys":{}}"#, "is no JWK Set"), (&key, "is no JWK Set")]
    {
        assert!(jwks::read(text.as_bytes()).unwrap_err().starts_with(sentence), "{text}");
    }
    refused(&format!(r#"{{"keys":[{}]}}"#, "[".repeat(10_000)), "is no JSON");
}

/// The settings of a text of `name=value`, with `;` between two.
fn settings(text: &str, has_hub_url: bool) -> Result<crate::access::tokens::Tokens, String> {
    let find = |name: &'static str| {
        let pair = text.split(';').filter_map(|pair| pair.split_once('=')).find(|(found, _)| *found == name);
        pair.map_or("", |(_, value)| value)
    };
    token_settings::read(&find, has_hub_url)
}

#[test]
fn a_role_has_its_own_keys_or_those_of_both() {
    for (text, publishers, subscribers) in [
        ("", &[][..], &[][..]),
        ("jwt_secret=a", &["HS256"], &["HS256"]),
        ("jwt_secret=a;jwt_keys=ES", &["HS256", "ES256"], &["HS256", "ES256"]),
        ("jwt_secret=a;jwt_publisher_secret=b", &["HS256"], &["HS256"]),
        ("jwt_secret=a;jwt_publisher_keys=ES", &["ES256"], &["HS256"]),
        ("jwt_keys=ES;jwt_subscriber_keys=ED", &["ES256"], &["EdDSA"]),
        ("jwt_publisher_keys=ES", &["ES256"], &[]),
        ("jwt_subscriber_secret=a;jwt_publisher_keys=ED", &["EdDSA"], &["HS256"]),
    ] {
        let tokens = settings(&text.replace("ES", ES256.trim_end_matches("=\n")).replace("ED", ED25519), false);
        let tokens = tokens.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(kinds(&tokens.publishers.known), publishers, "{text}");
        assert_eq!(kinds(&tokens.subscribers.known), subscribers, "{text}");
    }
}

#[test]
fn a_setting_that_is_wrong_is_named_and_its_key_is_not_repeated() {
    let jwks = "https://login.example/jwks";
    for (text, sentence) in [
        ("jwt_keys=password", "variable jwt_keys must be public keys in PEM"),
        ("jwt_publisher_keys=password", "variable jwt_publisher_keys must be public keys in PEM"),
        ("jwt_subscriber_keys={password", "variable jwt_subscriber_keys is no JSON"),
        (
            "jwt_secret=-----BEGIN PUBLIC KEY-----",
            "variable jwt_secret must be a secret text, not a key of a key pair: put public keys into jwt_keys",
        ),
        ("jwt_publisher_secret= {\"kty\":\"password\"}", "variable jwt_publisher_secret must be a secret text"),
        ("jwt_issuer=https://login.example", "variable hub_url must be set where jwt_issuer is"),
        ("cookie_name=a b", "variable cookie_name must be letters, digits and signs"),
        ("cookie_name=a=b", "variable cookie_name must be"),
        (&format!("jwt_keys={jwks}"), "variable jwks_host must be https://login.example,"),
        (
            &format!("jwt_keys={jwks};jwks_host=https://other.example"),
            "variable jwks_host must be https://login.example,",
        ),
        (&format!("jwt_subscriber_keys={jwks};jwks_host=http://login.example"), "variable jwks_host must be"),
        ("jwt_keys=https://password@login.example/", "variable jwt_keys must be a URL such as"),
        ("jwt_keys=https://login.example/#password", "variable jwt_keys must be a URL such as"),
        ("jwt_keys=https:///password", "variable jwt_keys must be a URL such as"),
    ] {
        let error = settings(text, false).unwrap_err();
        assert!(error.starts_with(sentence), "{error}");
        assert!(!error.contains("password"), "{error}");
    }
}

#[test]
fn the_host_of_the_set_is_that_which_spin_was_told() {
    for (url, host) in [
        ("https://login.example/jwks?x", "https://login.example"),
        ("https://login.example/jwks", "https://Login.example:443/"),
        ("http://127.0.0.1:8080/jwks", "http://127.0.0.1:8080"),
        ("https://login.example:8443/jwks", "https://*.example:*"),
    ] {
        let tokens = settings(&format!("jwt_keys={url};jwks_host={host}"), false).unwrap();
        assert_eq!(tokens.publishers.url, Some(url.parse().unwrap()));
        assert_eq!(tokens.authorization_server(), None);
        let text = format!("jwt_keys={url};jwks_host={host};jwt_issuer= https://login.example ");
        let tokens = settings(&text, true).unwrap();
        assert_eq!(tokens.authorization_server(), Some("https://login.example"));
    }
}

#[test]
fn the_cookie_has_the_name_that_the_protocol_recommends_or_another() {
    assert_eq!(settings("", false).unwrap().cookie, "__Secure-mercure_access_token");
    assert_eq!(settings("cookie_name= hub-2 ", false).unwrap().cookie, "hub-2");
}
