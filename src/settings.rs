//! The component's variables, parsed.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use spin_sdk::variables;
use spin_sse::report;
use spin_sse_hub::{Backend, Config, Origins, Redis, Retention, Secret};

/// Reads the variables of `spin.toml`.
///
/// # Errors
///
/// One sentence that names the variable and says what it takes.
pub async fn read() -> anyhow::Result<Config> {
    let max_bytes = number("stream_bytes", 0).await?;
    Ok(Config {
        backend: backend().await?,
        max_duration: Duration::from_secs(number("stream_seconds", 1).await?),
        max_bytes: if max_bytes == 0 { u64::MAX } else { max_bytes },
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

async fn backend() -> anyhow::Result<Backend> {
    let log = text("log").await?;
    let url = log.trim();
    if url == "sqlite" {
        return Ok(Backend::Sqlite);
    }
    let replicas = u32::try_from(number("redis_wait_replicas", 0).await?).unwrap_or(u32::MAX);
    let (host, stream_key) = (text("log_host").await?, text("stream_key").await?);
    Redis::new(url, &host, stream_key.trim(), replicas).map(Backend::Redis).map_err(anyhow::Error::msg)
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
        let length = key.len();
        report(format_args!(
            "variable jwt_secret has only {length} bytes: with less than 32, tokens can be forged by trying"
        ));
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
