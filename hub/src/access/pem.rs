//! Public keys in PEM, as `openssl pkey -pubout` writes them: RFC 7468, section 13.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::access::public_key::PublicKey;

const BEGIN: &str = "-----BEGIN ";
const LABEL: &str = "PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// What comes before the coordinates of a point of P-256 that is not compressed (RFC 5480).
const P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// What comes before a key of Ed25519 (RFC 8410).
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What an RSA key says that it is: `rsaEncryption` (RFC 3279).
const RSA: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Reads the keys of a text, one after the other. What is between them is passed over.
///
/// # Errors
///
/// What is wrong, as the end of a sentence. It repeats nothing of the text, which may be a private key.
pub(crate) fn read(text: &str) -> Result<Vec<PublicKey>, &'static str> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once(BEGIN) {
        let Some(body) = block.strip_prefix(LABEL) else {
            return Err("has something else in PEM than public keys: make one by `openssl pkey -pubout`");
        };
        let (body, after) = body.split_once(END).ok_or("has a public key in PEM without its end")?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = BASE64.decode(body).map_err(|_| "has a public key in PEM that is not base64")?;
        keys.push(key(&der).ok_or(
            "has a public key that the hub cannot use: take one on P-256 or Ed25519, or an RSA key of 2048 to 4096 bits",
        )?);
        rest = after;
    }
    Ok(keys)
}

/// A `SubjectPublicKeyInfo`.
fn key(der: &[u8]) -> Option<PublicKey> {
    if let Some(point) = der.strip_prefix(&P256) {
        return point.split_at_checked(32).and_then(|(x, y)| PublicKey::p256(x, y));
    }
    if let Some(bytes) = der.strip_prefix(&ED25519) {
        return PublicKey::ed25519(bytes);
    }
    let bits = whole(0x03, whole(0x30, der)?.strip_prefix(&RSA)?)?;
    let (modulus, rest) = value(0x02, whole(0x30, bits.strip_prefix(&[0])?)?)?;
    PublicKey::rsa(modulus, whole(0x02, rest)?)
}

/// The content of the one value that this is.
fn whole(tag: u8, der: &[u8]) -> Option<&[u8]> {
    value(tag, der).and_then(|(content, rest)| rest.is_empty().then_some(content))
}

/// The content of the first value, which has this tag, and what follows it.
fn value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [0x81, length @ 0x80..=0xff, rest @ ..] => (usize::from(*length), rest),
        [0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}
