//! The algorithms of tokens: all that the hub accepts, whatever a token says.

/// How a token is signed. `none` is no algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// HMAC with SHA-256: one secret signs and checks. RFC 7518, section 3.2.
    Hs256,
    /// ECDSA on P-256 with SHA-256. RFC 7518, section 3.4.
    Es256,
    /// Ed25519. RFC 8037, section 3.1.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256. RFC 7518, section 3.3.
    Rs256,
}

impl Algorithm {
    /// The algorithm of that name, as `alg` has it. Names are case-sensitive.
    pub(crate) fn from_name(name: &str) -> Option<Algorithm> {
        Some(match name {
            "HS256" => Algorithm::Hs256,
            "ES256" => Algorithm::Es256,
            // RFC 9864 names the curve: there is no other one here.
            "EdDSA" | "Ed25519" => Algorithm::EdDsa,
            "RS256" => Algorithm::Rs256,
            _ => return None,
        })
    }
}
