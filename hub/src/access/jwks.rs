//! Keys in a JWK Set: RFC 7517.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::access::algorithm::Algorithm;
use crate::access::key::Key;
use crate::access::public_key::PublicKey;
use crate::request::json::Json;

/// How many bytes a set has at most.
pub(crate) const MAX_SIZE: usize = 64 * 1024;
/// How many keys a set has at most.
const MAX_KEYS: usize = 32;
/// What is said of a set without a key that tokens can be checked with.
pub(crate) const NO_KEY: &str =
    "has no key that the hub can use: it takes EC on P-256, OKP on Ed25519, and RSA of 2048 to 4096 bits";

/// Reads the keys of a set that tokens can be checked with. There may be none: who publishes such a set takes back
/// those that there were.
///
/// RFC 7517, section 5: "Implementations SHOULD ignore JWKs within a JWK Set that use "kty" (key type) values that are
/// not understood by them, that are missing required members, or for which values are out of the supported ranges."
/// A secret in a set, which others have read too, is no key; nor is one that is published with its private part.
///
/// # Errors
///
/// What is wrong, as the end of a sentence.
pub(crate) fn read(text: &[u8]) -> Result<Vec<Key>, &'static str> {
    if text.len() > MAX_SIZE {
        return Err("has more than 64 KiB");
    }
    let set = Json::read(text).map_err(|_| "is no JSON")?;
    let list = set.get("keys").and_then(Json::as_list).ok_or("is no JWK Set: an object with the list keys")?;
    if list.len() > MAX_KEYS {
        return Err("has more than 32 keys");
    }
    Ok(list.iter().filter_map(key).collect())
}

fn key(jwk: &Json) -> Option<Key> {
    let text = |name: &str| jwk.get(name).map(|value| value.as_str().unwrap_or_default());
    let bytes = |name: &str| BASE64.decode(text(name)?).ok();
    // Keys for encryption stand beside those for signatures.
    let checks = match jwk.get("key_ops") {
        Some(operations) => operations.as_list()?.iter().any(|operation| operation.as_str() == Some("verify")),
        None => true,
    };
    if !checks || text("use").is_some_and(|purpose| purpose != "sig") || jwk.get("d").is_some() {
        return None;
    }
    let key = match (text("kty")?, text("crv")) {
        ("EC", Some("P-256")) => PublicKey::p256(&bytes("x")?, &bytes("y")?)?,
        ("OKP", Some("Ed25519")) => PublicKey::ed25519(&bytes("x")?)?,
        ("RSA", _) => PublicKey::rsa(&bytes("n")?, &bytes("e")?)?,
        _ => return None,
    };
    if text("alg").is_some_and(|name| Algorithm::from_name(name) != Some(key.algorithm())) {
        return None;
    }
    // A name that is none names no key.
    let id = match jwk.get("kid") {
        Some(id) => Some(id.as_str()?.to_owned()),
        None => None,
    };
    Some(Key { id, ..Key::from(key) })
}
