//! Who signs tokens: the code of BoringSSL, by `ring`.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use hmac::Mac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};

use crate::access::key::{Key, Secret};
use crate::access::public_key::PublicKey;

/// A private key, or a secret.
pub(super) enum Signer {
    Hs256(Secret),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

impl Signer {
    pub(super) fn hs256(secret: &[u8]) -> Signer {
        Signer::Hs256(Secret::new(secret).unwrap())
    }

    /// Another key at each call.
    pub(super) fn es256() -> Signer {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Signer::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap())
    }

    /// Another key at each call.
    pub(super) fn ed_dsa() -> Signer {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Signer::EdDsa(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    /// The same key at each call.
    pub(super) fn rs256() -> Signer {
        let der: String = include_str!("rs256.pem").lines().filter(|line| !line.starts_with('-')).collect();
        Signer::Rs256(RsaKeyPair::from_pkcs8(&STANDARD.decode(der).unwrap()).unwrap())
    }

    /// One of each kind.
    pub(super) fn all() -> [Signer; 4] {
        [Signer::hs256(b"a secret of at least 32 bytes, for HS256"), Signer::es256(), Signer::ed_dsa(), Signer::rs256()]
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Signer::Hs256(_) => "HS256",
            Signer::Es256(_) => "ES256",
            Signer::EdDsa(_) => "EdDSA",
            Signer::Rs256(_) => "RS256",
        }
    }

    /// The key that its tokens are checked with.
    pub(super) fn key(&self) -> Key {
        match self {
            Signer::Hs256(secret) => secret.clone().into(),
            Signer::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                PublicKey::p256(x, y).unwrap().into()
            }
            Signer::EdDsa(key) => PublicKey::ed25519(key.public_key().as_ref()).unwrap().into(),
            Signer::Rs256(key) => {
                let [modulus, exponent] = components(key);
                PublicKey::rsa(&modulus, &exponent).unwrap().into()
            }
        }
    }

    /// The public key as a JWK with these other members.
    pub(super) fn jwk(&self, members: &str) -> String {
        let encode = |bytes: &[u8]| BASE64.encode(bytes);
        let key = match self {
            Signer::Hs256(_) => r#""kty":"oct","k":"AAAA""#.to_owned(),
            Signer::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                format!(r#""kty":"EC","crv":"P-256","x":"{}","y":"{}""#, encode(x), encode(y))
            }
            Signer::EdDsa(key) => {
                format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, encode(key.public_key().as_ref()))
            }
            Signer::Rs256(key) => {
                let [modulus, exponent] = components(key);
                format!(r#""kty":"RSA","n":"{}","e":"{}""#, encode(&modulus), encode(&exponent))
            }
        };
        format!("{{{key}{members}}}")
    }

    /// A token with this header and these claims.
    pub(super) fn token(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let signature = self.sign(&signed);
        format!("{signed}.{}", BASE64.encode(signature))
    }

    pub(super) fn sign(&self, signed: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Signer::Hs256(secret) => secret.mac(signed).finalize().into_bytes().to_vec(),
            Signer::Es256(key) => key.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Signer::EdDsa(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
            Signer::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        }
    }
}

fn components(key: &RsaKeyPair) -> [Vec<u8>; 2] {
    let components = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
    [components.n, components.e]
}
