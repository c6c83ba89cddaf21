//! The component's variables, parsed.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use spin_sdk::variables;

use crate::hub::cors::Origins;
use crate::hub::log::Retention;
use crate::hub::log::redis::address;
use crate::hub::log::redis::keys::Keys;
use crate::hub::token::Secret;

/// What the variables of `spin.toml` say; each field is one, or two.
#[derive(Debug)]
pub struct Settings {
    /// `log`, and for Redis `log_host`, `stream_key` and `redis_wait_replicas`.
    pub log: Place,
    /// `stream_seconds`: the time budget of a stream.
    pub stream_duration: Duration,
    /// `stream_bytes`: the byte budget of a stream; 0 means unlimited.
    pub stream_bytes: u64,
    /// `retry_ms`: how long clients wait, about, before they come back.
    pub retry: Duration,
    /// `poll_ms`: how often the log is looked at for what other instances published.
    pub poll: Duration,
    /// `history_updates` and `history_seconds`.
    pub retention: Retention,
    /// `jwt_secret`: the key that tokens are signed with; `None` while it is empty.
    pub secret: Option<Secret>,
    /// `anonymous`: whether subscribers without a token may read public updates.
    pub anonymous: bool,
    /// `cors_origins`: which other origins' pages may use the hub.
    pub origins: Origins,
}

/// Where the log is.
#[derive(PartialEq, Eq)]
pub enum Place {
    /// In Spin's database `default`.
    Sqlite,
    /// In a Redis or Valkey server.
    Redis {
        /// Its URL, which may hold a password.
        url: String,
        /// The hub's keys in it.
        keys: Keys,
        /// How many replicas must have an update before its publisher is answered.
        replicas: u32,
    },
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Place::Sqlite { "Sqlite" } else { "Redis" })
    }
}

impl Settings {
    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// One sentence that names the variable and says what it takes.
    pub async fn read() -> anyhow::Result<Settings> {
        let stream_bytes = number("stream_bytes", 0).await?;
        Ok(Settings {
            log: place().await?,
            stream_duration: Duration::from_secs(number("stream_seconds", 1).await?),
            stream_bytes: if stream_bytes == 0 { u64::MAX } else { stream_bytes },
            retry: Duration::from_millis(number("retry_ms", 1).await?),
            poll: Duration::from_millis(number("poll_ms", 1).await?),
            retention: Retention {
                updates: number("history_updates", 1).await?,
                seconds: number("history_seconds", 1).await?,
            },
            secret: secret(&text("jwt_secret").await?),
            anonymous: flag("anonymous").await?,
            origins: Origins::parse(&text("cors_origins").await?).map_err(anyhow::Error::msg)?,
        })
    }
}

async fn place() -> anyhow::Result<Place> {
    let log = text("log").await?;
    let url = log.trim();
    if url == "sqlite" {
        return Ok(Place::Sqlite);
    }
    address::check(url, &text("log_host").await?).map_err(anyhow::Error::msg)?;
    let keys = Keys::new(text("stream_key").await?.trim()).map_err(anyhow::Error::msg)?;
    let replicas = number("redis_wait_replicas", 0).await?;
    Ok(Place::Redis { url: url.to_owned(), keys, replicas: u32::try_from(replicas).unwrap_or(u32::MAX) })
}

async fn text(name: &str) -> anyhow::Result<String> {
    variables::get(name).await.with_context(|| format!("variable {name} cannot be read"))
}

async fn number(name: &str, least: u64) -> anyhow::Result<u64> {
    parse_number(name, &text(name).await?, least)
}

async fn flag(name: &str) -> anyhow::Result<bool> {
    parse_flag(name, &text(name).await?)
}

fn secret(key: &str) -> Option<Secret> {
    // RFC 7518, section 3.2: "A key of the same size as the hash output (for instance, 256 bits for "HS256") or larger"
    if (1..32).contains(&key.len()) {
        eprintln!(
            "variable jwt_secret has only {} bytes: with less than 32, tokens can be forged by trying",
            key.len()
        );
    }
    Secret::new(key.as_bytes())
}

fn parse_number(name: &str, value: &str, least: u64) -> anyhow::Result<u64> {
    match u64::from_str(value.trim()) {
        Ok(number) if number >= least => Ok(number),
        _ => bail!("variable {name} must be a whole number of at least {least}, not {value:?}"),
    }
}

fn parse_flag(name: &str, value: &str) -> anyhow::Result<bool> {
    match value.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => bail!("variable {name} must be true or false, not {value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_least_value() {
        assert_eq!(parse_number("n", " 5 ", 1).unwrap(), 5);
        for value in ["0", "", "-1", "1.5", "ten", "18446744073709551616"] {
            let error = parse_number("history_updates", value, 1).unwrap_err().to_string();
            assert!(error.contains("history_updates") && error.contains(&format!("{value:?}")), "{error}");
        }
    }

    #[test]
    fn flags_are_true_or_false() {
        assert!(parse_flag("anonymous", "true").unwrap());
        assert!(!parse_flag("anonymous", "false").unwrap());
        for value in ["", "yes", "True", "1"] {
            assert!(parse_flag("anonymous", value).is_err(), "{value}");
        }
    }
}
