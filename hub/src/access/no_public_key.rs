//! Public keys, where the crate is built without its feature `keys`: there are none.

use crate::access::algorithm::Algorithm;

/// A public key.
#[derive(Debug, Clone)]
pub(crate) enum PublicKey {}

impl PublicKey {
    pub(crate) fn algorithm(&self) -> Algorithm {
        match *self {}
    }

    pub(crate) fn verifies(&self, _: &[u8], _: &[u8]) -> bool {
        match *self {}
    }
}
