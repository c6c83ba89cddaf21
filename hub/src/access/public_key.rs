//! Public keys: what is signed with a private one is checked with them.
//!
//! The curves are those of `p256`, without its reader of encoded points, which prints errors at length, and of
//! `ed25519-compact`.

use ed25519_compact as ed25519;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::elliptic_curve::point::AffineCoordinates;
use p256::{AffinePoint, FieldBytes};
use sha2::{Digest, Sha256};

use crate::access::algorithm::Algorithm;
use crate::access::rsa::Rsa;

/// A public key, of a kind and size that the hub accepts.
#[derive(Debug, Clone)]
pub(crate) enum PublicKey {
    Es256(Box<VerifyingKey>),
    EdDsa(ed25519::PublicKey),
    Rs256(Rsa),
}

impl PublicKey {
    /// The point on P-256 with these coordinates.
    pub(crate) fn p256(x: &[u8], y: &[u8]) -> Option<PublicKey> {
        let (x, y) = (FieldBytes::try_from(x).ok()?, FieldBytes::try_from(y).ok()?);
        let point: Option<AffinePoint> = AffinePoint::from_coordinates(&x, &y).into();
        VerifyingKey::from_affine(point?).ok().map(|key| PublicKey::Es256(Box::new(key)))
    }

    /// The key on Ed25519 with these 32 bytes, if they are a point that can be one.
    pub(crate) fn ed25519(bytes: &[u8]) -> Option<PublicKey> {
        let key = ed25519::PublicKey::from_slice(bytes).ok().filter(|key| key.validate().is_ok());
        key.map(PublicKey::EdDsa)
    }

    /// The RSA key with this modulus and this exponent, the most significant byte first.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<PublicKey> {
        Rsa::new(modulus, exponent).map(PublicKey::Rs256)
    }

    /// The one algorithm that goes with the key.
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Es256(_) => Algorithm::Es256,
            PublicKey::EdDsa(_) => Algorithm::EdDsa,
            PublicKey::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Whether the private key made this signature of `signed`.
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::Es256(key) => Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&Sha256::digest(signed), &signature).is_ok()),
            PublicKey::EdDsa(key) => {
                ed25519::Signature::from_slice(signature).is_ok_and(|signature| key.verify(signed, &signature).is_ok())
            }
            PublicKey::Rs256(key) => key.verifies(signed, signature),
        }
    }
}
