//! The component's variables, parsed.

use std::str::FromStr;
use std::time::Duration;

use spin_sdk::variables;
use spin_sse::report;
use spin_sse_hub::{Backend, Config, Origins, Redis, Retention, Secret};

/// The one variable of the component. It holds all those of the application, because each read crosses to the host.
const SETTINGS: &str = "settings";
/// What is between two settings: a character that none of them has.
const SEPARATOR: char = '\u{1e}';

/// Reads the variables of `spin.toml`.
///
/// # Errors
///
/// One sentence that names the variable and says what it takes.
pub async fn read() -> Result<Config, String> {
    let settings = variables::get(SETTINGS).await.map_err(|error| {
        format!(
            "the component's variable settings cannot be read: \
             give the component the one that spin.toml of spin-sse has: {error}"
        )
    })?;
    Settings(&settings).config()
}

/// Settings as the component is given them: `name=value`, with [`SEPARATOR`] between.
struct Settings<'s>(&'s str);

impl Settings<'_> {
    fn config(&self) -> Result<Config, String> {
        let max_bytes = self.number("stream_bytes", 0)?;
        Ok(Config {
            backend: self.backend()?,
            max_duration: Duration::from_secs(self.number("stream_seconds", 1)?),
            max_bytes: if max_bytes == 0 { u64::MAX } else { max_bytes },
            retry: Duration::from_millis(self.number("retry_ms", 1)?),
            poll: Duration::from_millis(self.number("poll_ms", 1)?),
            gather: self.flag("gather")?,
            retention: Retention {
                updates: self.number("history_updates", 1)?,
                seconds: self.number("history_seconds", 1)?,
                bytes: self.number("history_bytes", 1)?,
            },
            secret: secret(self.text("jwt_secret")?),
            anonymous: self.flag("anonymous")?,
            origins: Origins::parse(self.text("cors_origins")?)?,
        })
    }

    fn backend(&self) -> Result<Backend, String> {
        let url = self.text("log")?.trim();
        if url == "sqlite" {
            return Ok(Backend::Sqlite);
        }
        let replicas = u32::try_from(self.number("redis_wait_replicas", 0)?).unwrap_or(u32::MAX);
        let (host, stream_key) = (self.text("log_host")?, self.text("stream_key")?);
        Redis::new(url, host, stream_key.trim(), replicas).map(Backend::Redis)
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        let mut settings = self.0.split(SEPARATOR).filter_map(|setting| setting.split_once('='));
        settings.find(|(found, _)| *found == name).map(|(_, value)| value).ok_or_else(|| {
            format!("variable {name} is not among the component's settings: give the component those of spin.toml")
        })
    }

    fn number(&self, name: &str, least: u64) -> Result<u64, String> {
        parse_number(name, self.text(name)?, least)
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        parse_flag(name, self.text(name)?)
    }
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

fn parse_number(name: &str, value: &str, least: u64) -> Result<u64, String> {
    match u64::from_str(value.trim()) {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("variable {name} must be a whole number of at least {least}, not {value:?}")),
    }
}

fn parse_flag(name: &str, value: &str) -> Result<bool, String> {
    match value.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("variable {name} must be true or false, not {value:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "log=sqlite|log_host=h|stream_key=k|redis_wait_replicas=0|stream_seconds=600|stream_bytes=0|\
        retry_ms=1000|poll_ms=50|gather=true|history_updates=5|history_seconds=6|history_bytes=7|jwt_secret=a=b c\n|\
        anonymous=false|cors_origins=";

    fn config(change: (&str, &str)) -> Result<Config, String> {
        let settings = ALL.replace('|', "\u{1e}").replace(change.0, change.1);
        Settings(&settings).config()
    }

    #[test]
    fn all_settings_are_read_from_one_text() {
        let config = config(("", "")).unwrap();
        assert_eq!(config.retention, Retention { updates: 5, seconds: 6, bytes: 7 });
        assert!(config.backend == Backend::Sqlite && config.gather && !config.anonymous);
        assert_eq!((config.max_duration, config.max_bytes), (Duration::from_secs(600), u64::MAX));
    }

    #[test]
    fn a_setting_is_the_whole_value_whatever_is_in_it() {
        let settings = ALL.replace('|', "\u{1e}");
        assert_eq!(Settings(&settings).text("jwt_secret").unwrap(), "a=b c\n");
        assert_eq!(Settings(&settings).text("cors_origins").unwrap(), "");
    }

    #[test]
    fn a_setting_that_is_missing_or_wrong_is_named() {
        for (change, name) in [
            (("gather=true", "gather=yes"), "gather"),
            (("gather=true", "x=true"), "gather"),
            (("history_bytes=7", "history_bytes=0"), "history_bytes"),
            (("poll_ms=50", "poll_ms=50ms"), "poll_ms"),
            (("log=sqlite", "log=other"), "log"),
        ] {
            let error = config(change).unwrap_err();
            assert!(error.contains(&format!("variable {name} ")), "{error}");
        }
    }

    #[test]
    fn numbers_have_a_least_value() {
        assert_eq!(parse_number("n", " 5 ", 1).unwrap(), 5);
        for value in ["0", "", "-1", "1.5", "ten", "18446744073709551616"] {
            let error = parse_number("history_updates", value, 1).unwrap_err();
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
