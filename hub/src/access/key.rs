//! A key, and whether it made a signature.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::access::algorithm::Algorithm;
use crate::access::public_key::PublicKey;

/// A secret that the hub shares with those who issue tokens: the variable `jwt_secret`. It has at least one byte; its
/// text cannot be got back or printed.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// A key; `None` when it is empty, since everyone knows that one.
    pub fn new(key: &[u8]) -> Option<Secret> {
        if key.is_empty() { None } else { Hmac::new_from_slice(key).ok().map(Secret) }
    }

    pub(crate) fn mac(&self, signed: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(signed)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A key that tokens are checked with. It goes with one algorithm, which the token cannot choose.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its name, if it has one: the member `kid` of a JWK.
    pub(crate) id: Option<String>,
    pub(crate) material: Material,
}

#[derive(Debug, Clone)]
pub(crate) enum Material {
    Secret(Secret),
    Public(PublicKey),
}

impl Key {
    /// Whether this is the algorithm that the key goes with.
    pub(crate) fn goes_with(&self, algorithm: Algorithm) -> bool {
        algorithm
            == match &self.material {
                Material::Secret(_) => Algorithm::Hs256,
                Material::Public(key) => key.algorithm(),
            }
    }

    /// Whether the token that names the key `id`, or none, may be signed with this one. The name is only a hint.
    pub(crate) fn may_be(&self, id: Option<&str>) -> bool {
        match (&self.id, id) {
            (Some(own), Some(id)) => own == id,
            _ => true,
        }
    }

    /// Whether this key made the signature of `signed`, by this algorithm.
    pub(crate) fn verifies(&self, algorithm: Algorithm, signed: &str, signature: &[u8]) -> bool {
        self.goes_with(algorithm)
            && match &self.material {
                // In constant time.
                Material::Secret(secret) => secret.mac(signed).verify_slice(signature).is_ok(),
                Material::Public(key) => key.verifies(signed.as_bytes(), signature),
            }
    }
}

impl From<Secret> for Key {
    fn from(secret: Secret) -> Key {
        Key { id: None, material: Material::Secret(secret) }
    }
}

impl From<PublicKey> for Key {
    fn from(key: PublicKey) -> Key {
        Key { id: None, material: Material::Public(key) }
    }
}
