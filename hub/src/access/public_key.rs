//! Public keys: what is signed with a private one is checked with them.
//!
//! The curves are those of `p256` and `ed25519-compact`. RSA needs no more than a power of public numbers, which
//! `num-bigint` has: the library `rsa` would cost the component 40 KB more.

use ed25519_compact as ed25519;
use num_bigint::BigUint;
use p256::ecdsa::signature::Verifier;
use sha2::{Digest, Sha256};

use crate::access::algorithm::Algorithm;

/// A public key, of a kind and size that the hub accepts.
#[derive(Debug, Clone)]
pub(crate) enum PublicKey {
    Es256(Box<p256::ecdsa::VerifyingKey>),
    EdDsa(ed25519::PublicKey),
    Rs256(Rsa),
}

/// The modulus and the exponent of a key, and the modulus's length in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Rsa {
    modulus: BigUint,
    exponent: u32,
    length: usize,
}

/// RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used". Larger than 4096 is only slower.
const RSA_BITS: std::ops::RangeInclusive<u64> = 2048..=4096;

/// RFC 8017, section 9.2, note 1: the beginning of the `DigestInfo` of SHA-256.
const SHA_256: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

impl PublicKey {
    /// The point on P-256 with this encoding, as in SEC 1: 4, x and y.
    pub(crate) fn p256(point: &[u8]) -> Option<PublicKey> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
        (point.len() == 65).then(|| PublicKey::Es256(Box::new(key)))
    }

    /// The key on Ed25519 with these 32 bytes.
    pub(crate) fn ed25519(bytes: &[u8]) -> Option<PublicKey> {
        ed25519::PublicKey::from_slice(bytes).ok().map(PublicKey::EdDsa)
    }

    /// The RSA key with this modulus and this exponent, the most significant byte first.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<PublicKey> {
        let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
        let exponent = u32::try_from(&exponent).ok()?;
        let good = RSA_BITS.contains(&modulus.bits()) && modulus.bit(0) && exponent > 1 && exponent % 2 == 1;
        let length = usize::try_from(modulus.bits().div_ceil(8)).ok()?;
        good.then_some(PublicKey::Rs256(Rsa { modulus, exponent, length }))
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
            PublicKey::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok()),
            PublicKey::EdDsa(key) => {
                ed25519::Signature::from_slice(signature).is_ok_and(|signature| key.verify(signed, &signature).is_ok())
            }
            PublicKey::Rs256(key) => key.verifies(signed, signature).unwrap_or(false),
        }
    }
}

impl Rsa {
    /// RFC 8017, section 8.2.2. What the signature should be the root of is made, and compared as a whole: there is
    /// nothing to parse, and so no room for a forger.
    #[allow(clippy::arithmetic_side_effects, reason = "of numbers without an upper limit, by a modulus that is not 0")]
    fn verifies(&self, signed: &[u8], signature: &[u8]) -> Option<bool> {
        let root = BigUint::from_bytes_be(signature);
        if signature.len() != self.length || root >= self.modulus {
            return None;
        }
        let hash = Sha256::digest(signed);
        let padding = self.length.checked_sub(3 + SHA_256.len() + hash.len())?;
        let expected = [&[0, 1][..], &vec![0xff; padding], &[0], &SHA_256, &hash].concat();
        let mut power = root.clone();
        // From the bit after the highest one.
        for bit in (0..self.exponent.ilog2()).rev() {
            power = &power * &power % &self.modulus;
            if self.exponent >> bit & 1 == 1 {
                power = power * &root % &self.modulus;
            }
        }
        Some(power == BigUint::from_bytes_be(&expected))
    }
}
