//! Whose tokens a hub accepts, and in which mode.

use crate::access::grant::Grant;
use crate::access::invalid_token::InvalidToken;
use crate::access::keys::Keys;
use crate::access::token::{Mode, Unverified};
use crate::pattern::Base;

/// The cookie that the Mercure protocol recommends for a token.
const COOKIE: &str = "__Secure-mercure_access_token";

/// Whose tokens a hub accepts. By default it has no keys: nobody may publish.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// What the tokens of publishers are signed with.
    pub publishers: Keys,
    /// What the tokens of subscribers are signed with.
    pub subscribers: Keys,
    /// Who issues the tokens: the one value of `iss`. Given, the hub checks a token as the specification asks for, also
    /// `typ` and `exp`, and that `aud` has [`hub_url`](crate::Config::hub_url). Without it, the hub takes the tokens of
    /// hubs before the protocol's version 1.0, and does not check these.
    pub issuer: Option<String>,
    /// The name of the cookie that may hold a token.
    pub cookie: String,
}

impl Tokens {
    /// Tokens of publishers and subscribers, signed with the same keys.
    pub fn new(keys: Keys) -> Tokens {
        Tokens { publishers: keys.clone(), subscribers: keys, ..Tokens::default() }
    }

    /// What a token must say; `hub_url` is whom it is for.
    pub(crate) fn mode<'c>(&'c self, hub_url: Option<&'c str>) -> Mode<'c> {
        match &self.issuer {
            Some(issuer) => Mode::Strict { issuer, audience: hub_url },
            None => Mode::Compatible,
        }
    }

    /// The authorization server that clients can get a token from: the issuer, if it publishes its keys as such servers
    /// do. Who issues tokens with a key of its own is none.
    pub(crate) fn authorization_server(&self) -> Option<&str> {
        let publishes = self.publishers.url.is_some() || self.subscribers.url.is_some();
        self.issuer.as_deref().filter(|issuer| publishes && issuer.starts_with("https://"))
    }
}

/// Checks a publisher's token with the keys that are known, for a hub of this address.
pub fn verify_publisher(tokens: &Tokens, hub_url: Option<&str>, token: &str, now: u64) -> Result<Grant, InvalidToken> {
    let (mode, base) = (tokens.mode(hub_url), Base::configured(hub_url));
    Unverified::read(token, mode)?.verify(&*tokens.publishers.known, mode, now, base.as_ref())
}

impl Default for Tokens {
    fn default() -> Self {
        Tokens { publishers: Keys::default(), subscribers: Keys::default(), issuer: None, cookie: COOKIE.to_owned() }
    }
}
