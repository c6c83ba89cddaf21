//! What a hub is told: where its log is, how long streams last, who may use it.

use std::fmt;
use std::time::Duration;

use crate::access::origins::Origins;
use crate::access::tokens::Tokens;
use crate::log::Retention;
use crate::log::redis::address;
use crate::log::redis::keys::Keys;
use crate::topic::reserved::path_of;

/// The configuration of a hub. The default is a hub with its log in Spin's SQLite, to which nobody may publish.
#[derive(Debug)]
pub struct Config {
    /// Where the log is.
    pub backend: Backend,
    /// How much history the log keeps; by default 100,000 updates of the last 24 hours, of 256 MB in all.
    pub retention: Retention,
    /// How often an instance reads the log at most, where nothing wakes it; 50 ms by default.
    pub poll: Duration,
    /// Whether instances with few streams end them, so that the streams gather in fewer instances; by default they do.
    pub gather: bool,
    /// After how long a stream ends by itself, at most; 600 s by default.
    pub max_duration: Duration,
    /// After how many bytes a stream ends by itself, at most; `u64::MAX`, the default, is no limit.
    pub max_bytes: u64,
    /// How long clients are asked to wait before they reconnect, 50 % to 150 % at random; 1 s by default.
    pub retry: Duration,
    /// Whose tokens the hub accepts. Without a key, nobody may publish.
    pub tokens: Tokens,
    /// Whether subscribers without a token may read public updates; by default they may.
    pub anonymous: bool,
    /// Whether streams are without the hub's own events, where a subscriber does not say; by default they are not.
    pub quiet: bool,
    /// How many streams all instances have together, about, before a subscriber is refused; 0, the default, is no
    /// limit.
    pub max_streams: u64,
    /// The other origins whose pages may use the hub; none by default.
    pub origins: Origins,
    /// The hub's URL as its clients know it, such as `https://example.com/.well-known/mercure`. By default it is made
    /// of the scheme, the host and the path of each request.
    pub hub_url: Option<String>,
    /// Whether updates say who subscribes and who leaves; by default they do not.
    pub subscriptions: bool,
}

impl Config {
    /// The path of the hub's URL; `otherwise` where that is not known.
    pub(crate) fn path<'p>(&'p self, otherwise: &'p str) -> &'p str {
        self.hub_url.as_deref().map_or(otherwise, path_of)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            backend: Backend::Sqlite,
            retention: Retention { updates: 100_000, seconds: 86_400, bytes: 256_000_000 },
            poll: Duration::from_millis(50),
            gather: true,
            max_duration: Duration::from_secs(600),
            max_bytes: u64::MAX,
            retry: Duration::from_secs(1),
            tokens: Tokens::default(),
            anonymous: true,
            quiet: false,
            max_streams: 0,
            origins: Origins::default(),
            hub_url: None,
            subscriptions: false,
        }
    }
}

/// Where the log of a hub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// In Spin's database `default`.
    Sqlite,
    /// In a Redis or Valkey server.
    Redis(Redis),
}

/// A Redis or Valkey server, and the hub's keys in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Redis {
    pub(crate) url: String,
    pub(crate) keys: Keys,
    pub(crate) replicas: u32,
}

impl Redis {
    /// The server at `url`, which may hold a password. `host` is the same without user, password and path: what the
    /// component's `allowed_outbound_hosts` has. `stream_key` is the key of the hub's stream. An update is answered
    /// when `replicas` replicas have it.
    ///
    /// # Errors
    ///
    /// One sentence that names the variable `log`, `log_host` or `stream_key` and says what it takes, without the
    /// password.
    pub fn new(url: &str, host: &str, stream_key: &str, replicas: u32) -> Result<Redis, String> {
        address::check(url, host)?;
        Ok(Redis { url: url.to_owned(), keys: Keys::new(stream_key)?, replicas })
    }
}

/// The URL may hold a password: it is not printed.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("keys", &self.keys).field("replicas", &self.replicas).finish_non_exhaustive()
    }
}
