//! Key pairs of tests, made by OpenSSL, and tokens that are signed with them.

use spin_sse_host::token::{SigningKey, Token};

/// A key pair, in PEM.
#[derive(Clone, Copy)]
pub struct Pair {
    pub private: &'static str,
    pub public: &'static str,
}

pub const ES256: Pair = Pair { private: include_str!("keys/es256.pem"), public: include_str!("keys/es256.pub.pem") };
pub const ED25519: Pair =
    Pair { private: include_str!("keys/ed25519.pem"), public: include_str!("keys/ed25519.pub.pem") };
pub const RS256: Pair = Pair { private: include_str!("keys/rs256.pem"), public: include_str!("keys/rs256.pub.pem") };

/// The public keys of [`ES256`] and [`ED25519`] as JWKs, by the names `es` and `ed`.
pub const ES256_JWK: &str = r#"{"kid":"es","kty":"EC","crv":"P-256","use":"sig","x":"ldgf2vFNEZbMZFDSAkA8LqBQN3ElzPICbFX5UJXscDw","y":"VtLv_ykzyQ2ml7EqWGhP7utpO7P_lAY46Rt1c-EUBBA"}"#;
pub const ED25519_JWK: &str =
    r#"{"kid":"ed","kty":"OKP","crv":"Ed25519","x":"_ypyhVuUh9ZgkuPzHEkld7iik2qPXpEZhlDAkDT5iNI"}"#;

pub const ISSUER: &str = "https://login.example";
pub const HUB_URL: &str = "https://hub.example/.well-known/mercure";

/// An access token for this issuer and hub, to publish and subscribe to everything.
pub fn access_token() -> Token {
    Token {
        publish: vec!["*".to_owned()],
        subscribe: vec!["*".to_owned()],
        issuer: Some(ISSUER.to_owned()),
        audience: Some(HUB_URL.to_owned()),
        ..Token::default()
    }
}

impl Pair {
    /// The value of `authorization` with this token.
    pub fn bearer(self, token: &Token) -> String {
        format!("Bearer {}", token.sign_with(&SigningKey::from_pem(self.private).unwrap()).unwrap())
    }
}

/// The value of `authorization` with this token, signed with a secret.
pub fn bearer(secret: &str, token: &Token) -> String {
    format!("Bearer {}", token.sign_with(&SigningKey::Hs256(secret.to_owned())).unwrap())
}
