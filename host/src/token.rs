//! `token`: signs a token for the hub, as issuers do.

use crate::key;
use crate::options::Options;
use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use spin_sse_hub::Selector;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a token says, and what it is signed with. Without an issuer, a key and a payload it is what hubs before version
/// 1.0 of the protocol take.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Token {
    /// Topics it may publish to, * for all; urlpattern: before one makes it a pattern
    #[arg(long, value_name = "TOPIC", num_args = 1..)]
    pub publish: Vec<String>,

    /// Topics whose private updates it may read, as for --publish
    #[arg(long, value_name = "TOPIC", num_args = 1..)]
    pub subscribe: Vec<String>,

    /// What the events about its subscriptions tell others: a JSON object
    #[arg(long, value_name = "JSON")]
    pub payload: Option<String>,

    /// For how many seconds it is valid [default: for ever; 3600 with an issuer]
    #[arg(long, value_name = "SECONDS")]
    pub expires_in: Option<u64>,

    /// Who issues it, as the hub's variable jwt_issuer has it
    #[arg(long, value_name = "URL", requires = "audience")]
    pub issuer: Option<String>,

    /// The hub it is for, as the hub's variable hub_url has it
    #[arg(long, value_name = "URL")]
    pub audience: Option<String>,

    /// The private key, a file in PEM (PKCS #8), for ES256, EdDSA or RS256 [default: HS256 with jwt_secret]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// The name of the key, where the hub has several
    #[arg(long, value_name = "NAME")]
    pub key_id: Option<String>,
}

impl Token {
    /// Signs it, with the key that it names or the variable `jwt_secret`.
    ///
    /// # Errors
    ///
    /// One sentence about the key, the manifest, a topic or the payload.
    pub fn sign(&self, options: &Options) -> Result<String> {
        if let Some(file) = &self.key {
            let pem = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            return self.sign_with(&SigningKey::from_pem(&pem)?);
        }
        let secret =
            key::key(options)?.context("there is no secret to sign with: give --key, or the variable jwt_secret")?;
        if self.is_plain() {
            return key::token(&secret, &self.publish, &self.subscribe, self.expires_in.map(Duration::from_secs));
        }
        self.sign_with(&SigningKey::Hs256(secret))
    }

    /// Signs it as an access token (RFC 9068), with this key.
    ///
    /// # Errors
    ///
    /// One sentence about the key, a topic or the payload.
    pub fn sign_with(&self, key: &SigningKey) -> Result<String> {
        let mut header = json!({ "alg": key.algorithm(), "typ": "at+jwt" });
        set(&mut header, "kid", self.key_id.as_deref());
        let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(self.claims()?.to_string()));
        Ok(format!("{signed}.{}", BASE64.encode(key.sign(signed.as_bytes())?)))
    }

    fn is_plain(&self) -> bool {
        let has_pattern = self.publish.iter().chain(&self.subscribe).any(|topic| topic.starts_with(PATTERN));
        let others = [&self.payload, &self.issuer, &self.audience, &self.key_id];
        !has_pattern && others.iter().all(|other| other.is_none())
    }

    fn claims(&self) -> Result<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(std::io::Error::other)?;
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let client = self.issuer.as_deref().unwrap_or("spin-sse-host");
        let mut claims = json!({ "sub": "spin-sse-host", "client_id": client, "iat": now, "jti": id });
        set(&mut claims, "iss", self.issuer.as_deref());
        set(&mut claims, "aud", self.audience.as_deref());
        let lifetime = self.expires_in.or(self.issuer.as_ref().map(|_| 3600));
        set(&mut claims, "exp", lifetime.map(|lifetime| now.saturating_add(lifetime)));
        let mut details = Vec::new();
        for (action, topics) in [("publish", &self.publish), ("subscribe", &self.subscribe)] {
            if !topics.is_empty() {
                let topics = matchers(topics).with_context(|| format!("--{action}"))?;
                let mut detail = json!({ "type": DETAIL, "actions": [action], "topics": topics });
                set(&mut detail, "payload", self.payload()?.filter(|_| action == "subscribe"));
                details.push(detail);
            }
        }
        set(&mut claims, "authorization_details", Some(details));
        Ok(claims)
    }

    fn payload(&self) -> Result<Option<Value>> {
        let Some(text) = &self.payload else { return Ok(None) };
        let payload = serde_json::from_str(text).ok().filter(Value::is_object);
        payload.map(Some).context("--payload must be a JSON object, such as '{\"name\":\"Ada\"}'")
    }
}

const DETAIL: &str = "https://mercure.rocks/authorization-detail";
const PATTERN: &str = "urlpattern:";

/// Sets a member of an object, if there is a value for it.
fn set(object: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value.into());
    }
}

fn matchers(topics: &[String]) -> Result<Vec<Value>> {
    Selector::new(topics.iter().map(|topic| topic.strip_prefix(PATTERN).unwrap_or(topic).to_owned()))?;
    let matcher = |topic: &String| match topic.strip_prefix(PATTERN) {
        Some(pattern) => json!({ "match": pattern, "match_type": "urlpattern" }),
        None => json!({ "match": topic }),
    };
    Ok(topics.iter().map(matcher).collect())
}

/// What a token is signed with.
pub enum SigningKey {
    /// A secret.
    Hs256(String),
    /// A private key on P-256.
    Es256(EcdsaKeyPair),
    /// A private key on Ed25519.
    EdDsa(Ed25519KeyPair),
    /// A private RSA key.
    Rs256(RsaKeyPair),
}

impl SigningKey {
    /// The private key in a text in PEM.
    ///
    /// # Errors
    ///
    /// One sentence that says how to make such a key.
    pub fn from_pem(pem: &str) -> Result<SigningKey> {
        const TAKES: &str = "the key must be a private one in PEM, on P-256 or Ed25519 or an RSA key of 2048 to 4096 bits, \
            as `openssl genpkey -algorithm ed25519` makes one; `openssl pkcs8 -topk8 -nocrypt` makes one of another form";
        let body = pem.split_once("-----BEGIN PRIVATE KEY-----").and_then(|(_, rest)| rest.split_once("-----END"));
        let body: String = body.context(TAKES)?.0.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| anyhow!(TAKES))?;
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &SystemRandom::new()) {
            return Ok(SigningKey::Es256(key));
        }
        // As OpenSSL writes it, without the public key.
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            return Ok(SigningKey::EdDsa(key));
        }
        match RsaKeyPair::from_pkcs8(&der) {
            Ok(key) => Ok(SigningKey::Rs256(key)),
            Err(_) => bail!(TAKES),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            SigningKey::Hs256(_) => "HS256",
            SigningKey::Es256(_) => "ES256",
            SigningKey::EdDsa(_) => "EdDSA",
            SigningKey::Rs256(_) => "RS256",
        }
    }

    fn sign(&self, signed: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let failed = |_| anyhow!("the key cannot sign");
        Ok(match self {
            SigningKey::Hs256(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed).as_ref().to_vec()
            }
            SigningKey::Es256(key) => key.sign(&random, signed).map_err(failed)?.as_ref().to_vec(),
            SigningKey::EdDsa(key) => key.sign(signed).as_ref().to_vec(),
            SigningKey::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature).map_err(failed)?;
                signature
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(token: &str) -> Value {
        serde_json::from_slice(&BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    }

    fn token() -> Token {
        Token {
            publish: vec!["demo".into(), "urlpattern:/books/:id".into()],
            subscribe: vec!["*".into()],
            payload: Some(r#"{"name":"Ada"}"#.into()),
            issuer: Some("https://login.example".into()),
            audience: Some("https://hub.example/.well-known/mercure".into()),
            ..Token::default()
        }
    }

    #[test]
    fn an_access_token_has_the_claims_that_rfc_9068_asks_for() {
        let claims = claims(&token().sign_with(&SigningKey::Hs256("secret".into())).unwrap());
        for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
            assert!(!claims[name].is_null(), "{name}");
        }
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
        assert_eq!(
            claims["authorization_details"],
            json!([
                { "type": DETAIL, "actions": ["publish"], "topics": [
                    { "match": "demo" }, { "match": "/books/:id", "match_type": "urlpattern" }
                ] },
                { "type": DETAIL, "actions": ["subscribe"], "topics": [{ "match": "*" }], "payload": { "name": "Ada" } },
            ])
        );
    }

    #[test]
    fn a_token_that_cannot_be_signed_says_why() {
        let sentence = |token: Token| format!("{:#}", token.sign_with(&SigningKey::Hs256("x".into())).unwrap_err());
        let payload = Token { payload: Some("[1]".into()), ..token() };
        assert!(sentence(payload).starts_with("--payload must be a JSON object"));
        let topic = Token { subscribe: vec!["a\nb".into()], ..token() };
        assert!(sentence(topic).starts_with("--subscribe: "));
        for pem in ["", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            assert!(SigningKey::from_pem(pem).err().unwrap().to_string().starts_with("the key must be a private one"));
        }
    }
}
