//! The keys for the tokens of a role: of publishers, or of subscribers.

use std::rc::Rc;

use http::Uri;

use crate::access::key::{Key, Secret};
#[cfg(feature = "keys")]
use crate::access::{jwks, pem};

/// What the tokens of publishers, or those of subscribers, are checked with: a secret, public keys, or both. By default
/// there is neither, and no such token is valid.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Those that are known.
    pub(crate) known: Rc<[Key]>,
    /// Where others are.
    pub(crate) url: Option<Uri>,
}

impl Keys {
    /// A secret, for tokens signed with HS256.
    pub fn secret(secret: Secret) -> Keys {
        Keys { known: Rc::new([secret.into()]), url: None }
    }

    /// Public keys, for tokens signed with ES256, EdDSA or RS256: a text that has them in PEM, a JWK Set, or the URL of
    /// one, beginning with `https://` or `http://`. A set at a URL is fetched when a token comes.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence that begins with the name of the setting. It repeats nothing of the
    /// text, which may be a private key by mistake.
    pub fn public(text: &str) -> Result<Keys, &'static str> {
        let text = text.trim();
        if cfg!(not(feature = "keys")) {
            return Err("must be empty: the hub was built without its feature `keys`, for tokens signed with HS256");
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Keys { known: Rc::default(), url: Some(url(text)?) });
        }
        let known = here(text)?;
        if known.is_empty() {
            return Err("must be public keys in PEM, a JWK Set, or the URL of one");
        }
        Ok(Keys { known: known.into(), url: None })
    }

    /// These and those.
    #[must_use]
    pub fn and(self, others: Keys) -> Keys {
        Keys { known: self.known.iter().chain(&*others.known).cloned().collect(), url: self.url.or(others.url) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.url.is_none()
    }
}

#[cfg(feature = "keys")]
fn here(text: &str) -> Result<Vec<Key>, &'static str> {
    if text.starts_with('{') {
        let keys = jwks::read(text.as_bytes())?;
        return if keys.is_empty() { Err(jwks::NO_KEY) } else { Ok(keys) };
    }
    Ok(pem::read(text)?.into_iter().map(Key::from).collect())
}

#[cfg(not(feature = "keys"))]
fn here(_: &str) -> Result<Vec<Key>, &'static str> {
    Ok(Vec::new())
}

fn url(text: &str) -> Result<Uri, &'static str> {
    const URL: &str = "must be a URL such as https://example.com/.well-known/jwks.json, without user and fragment";
    let url: Uri = text.parse().map_err(|_| URL)?;
    let authority = url.authority().ok_or(URL)?;
    if authority.as_str().contains('@') || authority.host().is_empty() || text.contains('#') {
        Err(URL)
    } else {
        Ok(url)
    }
}
