//! The settings of a hub, as its component has them in one variable: a text to a configuration.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::access::origins::Origins;
use crate::access::token_settings;
use crate::config::{Backend, Config, Redis};
use crate::log::Retention;
use crate::pattern::Base;
use crate::topic::reserved::path_of;

/// What is between two settings: a character that none of them has.
const SEPARATOR: char = '\u{1e}';

impl Config {
    /// The names of the settings, which [`from_settings`](Config::from_settings) knows.
    pub const SETTINGS: [&str; 27] = [
        "log",
        "log_host",
        "stream_key",
        "redis_wait_replicas",
        "stream_seconds",
        "stream_bytes",
        "retry_ms",
        "poll_ms",
        "gather",
        "history_updates",
        "history_seconds",
        "history_bytes",
        "jwt_secret",
        "jwt_publisher_secret",
        "jwt_subscriber_secret",
        "jwt_keys",
        "jwt_publisher_keys",
        "jwt_subscriber_keys",
        "jwks_host",
        "jwt_issuer",
        "cookie_name",
        "anonymous",
        "cors_origins",
        "hub_url",
        "quiet",
        "max_streams",
        "subscriptions",
    ];

    /// Reads settings: each is `name=value`, with the character U+001E between two. What each means, and what it is
    /// when it is left out, is in the table of the page "Configuration" of the documentation.
    ///
    /// # Errors
    ///
    /// One sentence that names the setting and says what it takes, or that it is none.
    pub fn from_settings(settings: &str) -> Result<Config, String> {
        let settings = Settings::check(settings)?;
        let default = Config::default();
        let max_bytes = settings.number("stream_bytes", 0, 0)?;
        let hub_url = settings.url("hub_url")?;
        let millis = |name, default: Duration| settings.number(name, 1, to_u64(default.as_millis()));
        Ok(Config {
            backend: settings.backend()?,
            max_duration: Duration::from_secs(settings.number("stream_seconds", 1, default.max_duration.as_secs())?),
            max_bytes: if max_bytes == 0 { u64::MAX } else { max_bytes },
            retry: Duration::from_millis(millis("retry_ms", default.retry)?),
            poll: Duration::from_millis(millis("poll_ms", default.poll)?),
            gather: settings.flag("gather", default.gather)?,
            retention: Retention {
                updates: settings.number("history_updates", 1, default.retention.updates)?,
                seconds: settings.number("history_seconds", 1, default.retention.seconds)?,
                bytes: settings.number("history_bytes", 1, default.retention.bytes)?,
            },
            tokens: token_settings::read(&|name| settings.text(name, ""), hub_url.is_some())?,
            anonymous: settings.flag("anonymous", default.anonymous)?,
            origins: Origins::parse(settings.text("cors_origins", ""))?,
            hub_url,
            quiet: settings.flag("quiet", default.quiet)?,
            max_streams: settings.number("max_streams", 0, default.max_streams)?,
            subscriptions: settings.subscriptions(default.subscriptions)?,
        })
    }
}

/// The names as a sentence has them. To join them costs the component 1 KB.
const NAMES: &str = "log, log_host, stream_key, redis_wait_replicas, stream_seconds, stream_bytes, retry_ms, poll_ms, \
    gather, history_updates, history_seconds, history_bytes, jwt_secret, jwt_publisher_secret, \
    jwt_subscriber_secret, jwt_keys, jwt_publisher_keys, jwt_subscriber_keys, jwks_host, jwt_issuer, cookie_name, \
    anonymous, cors_origins, hub_url, quiet, max_streams, \
    subscriptions";

/// The settings that are there.
struct Settings<'s>(&'s str);

impl<'s> Settings<'s> {
    fn check(settings: &'s str) -> Result<Settings<'s>, String> {
        let settings = Settings(settings);
        let Some((name, _)) = settings.pairs().find(|(name, _)| NAMES.split(", ").all(|known| known != *name)) else {
            return Ok(settings);
        };
        // What is no name may be a part of a password that has the separator in it.
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        let name = if is_name { name } else { "" };
        Err(format!(
            "{name:?} in the component's variable settings is no setting: write name=value, with \\u001e between two, \
             and one of these names: {NAMES}"
        ))
    }

    /// Names and values.
    fn pairs(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        let settings = self.0.split(SEPARATOR).filter(|setting| !setting.trim().is_empty());
        settings.map(|setting| setting.split_once('=').unwrap_or_default()).map(|(name, value)| (name.trim(), value))
    }

    fn find(&self, name: &str) -> Option<&'s str> {
        self.pairs().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str, default: &'s str) -> &'s str {
        self.find(name).unwrap_or(default)
    }

    fn number(&self, name: &str, least: u64, default: u64) -> Result<u64, String> {
        let Some(value) = self.find(name) else { return Ok(default) };
        match u64::from_str(value.trim()) {
            Ok(number) if number >= least => Ok(number),
            _ => Err(must(name, format_args!("be a whole number of at least {least}"), value)),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.find(name).map(|value| (value, value.trim())) {
            None => Ok(default),
            Some((_, "true")) => Ok(true),
            Some((_, "false")) => Ok(false),
            Some((value, _)) => Err(must(name, "be true or false", value)),
        }
    }

    /// An address without user, query and fragment; `None` when it is empty.
    ///
    /// Its path is as a parser of URLs leaves it, so that what is the hub's own is the same to all who compare with it.
    fn url(&self, name: &str) -> Result<Option<String>, String> {
        let value = self.text(name, "").trim();
        if value.is_empty() {
            return Ok(None);
        }
        let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")).unwrap_or_default();
        let is_address = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"@?#\"\\<>".contains(&byte));
        let is_canonical = |base: Base| match &*base.url().path {
            "/" => rest.ends_with('/'),
            path => path == path_of(value),
        };
        if rest.contains('/') && is_address(rest) && Base::parse(value).is_some_and(is_canonical) {
            return Ok(Some(value.to_owned()));
        }
        const URL: &str = "be an address such as https://example.com/.well-known/mercure, without a slash at its end, . \
            and .. in its path";
        Err(must(name, URL, value))
    }

    fn subscriptions(&self, default: bool) -> Result<bool, String> {
        match self.flag("subscriptions", default)? {
            true if cfg!(not(feature = "subscriptions")) => {
                Err("variable subscriptions must be false: the component was built without this feature".to_owned())
            }
            on => Ok(on),
        }
    }

    fn backend(&self) -> Result<Backend, String> {
        let url = self.text("log", "sqlite").trim();
        let replicas = u32::try_from(self.number("redis_wait_replicas", 0, 0)?).unwrap_or(u32::MAX);
        if url == "sqlite" {
            return Ok(Backend::Sqlite);
        }
        let host = self.text("log_host", "redis://127.0.0.1:6379");
        Redis::new(url, host, self.text("stream_key", "sse:updates").trim(), replicas).map(Backend::Redis)
    }
}

fn must(name: &str, takes: impl Display, value: &str) -> String {
    format!("variable {name} must {takes}, not {value:?}")
}

fn to_u64(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "log=sqlite|log_host=h|stream_key=k|redis_wait_replicas=0|stream_seconds=600|stream_bytes=0|\
        retry_ms=1000|poll_ms=50|gather=true|history_updates=5|history_seconds=6|history_bytes=7|jwt_secret=a=b c\n|\
        jwt_publisher_secret=|jwt_subscriber_secret=|jwt_keys=|jwt_publisher_keys=|jwt_subscriber_keys=|jwks_host=|\
        jwt_issuer=|cookie_name=|\
        anonymous=false|cors_origins=|hub_url=|quiet=true|max_streams=8|subscriptions=false";

    fn config(settings: &str) -> Result<Config, String> {
        Config::from_settings(&settings.replace('|', "\u{1e}"))
    }

    #[test]
    fn all_settings_are_read_from_one_text() {
        let config = config(ALL).unwrap();
        assert_eq!(config.retention, Retention { updates: 5, seconds: 6, bytes: 7 });
        assert!(config.backend == Backend::Sqlite && config.gather && !config.anonymous && config.quiet);
        assert_eq!(config.max_streams, 8);
        assert_eq!((config.max_duration, config.max_bytes), (Duration::from_secs(600), u64::MAX));
    }

    #[test]
    fn every_setting_has_its_name_in_the_list() {
        let names: Vec<_> = ALL.split('|').map(|setting| setting.split_once('=').unwrap().0).collect();
        let mut listed = Config::SETTINGS.to_vec();
        assert_eq!(names.len(), listed.len());
        listed.retain(|name| !names.contains(name));
        assert!(listed.is_empty(), "{listed:?}");
    }

    #[test]
    fn a_setting_that_is_left_out_has_its_default() {
        let default = format!("{:?}", Config::default());
        for settings in ["", "\n", "|", "stream_seconds=600", "retry_ms=1000|poll_ms=50"] {
            assert_eq!(format!("{:?}", config(settings).unwrap()), default, "{settings:?}");
        }
        let other = config("log=redis://:secret@127.0.0.1:6379|stream_bytes=9").unwrap();
        let redis = Redis::new("redis://:secret@127.0.0.1:6379", "redis://127.0.0.1:6379", "sse:updates", 0).unwrap();
        assert_eq!((other.backend, other.max_bytes), (Backend::Redis(redis), 9));
    }

    #[test]
    fn a_setting_is_the_whole_value_whatever_is_in_it() {
        let all = ALL.replace('|', "\u{1e}");
        let settings = Settings::check(&all).unwrap();
        assert_eq!((settings.text("jwt_secret", "x"), settings.text("cors_origins", "x")), ("a=b c\n", ""));
    }

    #[test]
    fn a_setting_that_is_wrong_is_named() {
        for (right, wrong, name) in [
            ("gather=true", "gather=yes", "gather"),
            ("gather=true", "gather=", "gather"),
            ("history_bytes=7", "history_bytes=0", "history_bytes"),
            ("poll_ms=50", "poll_ms=50ms", "poll_ms"),
            ("log=sqlite", "log=other", "log"),
            ("redis_wait_replicas=0", "redis_wait_replicas=two", "redis_wait_replicas"),
            ("quiet=true", "quiet=1", "quiet"),
            ("max_streams=8", "max_streams=-1", "max_streams"),
            ("hub_url=", "hub_url=example.com", "hub_url"),
            ("hub_url=", "hub_url=https://example.com", "hub_url"),
            ("hub_url=", "hub_url=https://user@example.com/hub?x", "hub_url"),
        ] {
            let error = config(&ALL.replace(right, wrong)).unwrap_err();
            assert!(error.contains(&format!("variable {name} ")), "{error}");
        }
    }

    #[test]
    fn a_hub_url_is_canonical() {
        for (path, is_one) in [
            ("/.well-known/mercure", true),
            ("/", true),
            ("/a/b.c/%7Ed", true),
            ("/.well-known/mercure/", false),
            ("//", false),
            ("/hub/.", false),
            ("/a/../hub", false),
            ("/a/%2e%2E/hub", false),
            (":99999/hub", false),
            (":8080/hub", true),
            ("]/hub", false),
        ] {
            for host in ["https://hub.example", "http://Hub.example"] {
                let read = config(&format!("hub_url={host}{path}"));
                assert_eq!(read.is_ok(), is_one, "{host}{path}");
                let error = read.err().unwrap_or_default();
                assert!(error.is_empty() || error.contains("without a slash at its end, . and .."), "{error}");
            }
        }
    }

    #[test]
    fn a_name_that_is_none_is_an_error_that_names_it_and_those_there_are() {
        for (wrong, name) in
            [("retries=1", "retries"), ("gather", ""), ("=1", ""), ("pass word=1", ""), ("Gather=true", "Gather")]
        {
            let error = config(&format!("poll_ms=9|{wrong}")).unwrap_err();
            assert!(
                error.starts_with(&format!("{name:?} in the component's variable settings is no setting")),
                "{error}"
            );
            assert!(error.ends_with(&Config::SETTINGS.join(", ")), "{error}");
        }
    }

    #[test]
    fn numbers_have_a_least_value() {
        assert_eq!(config("history_updates= 5 ").unwrap().retention.updates, 5);
        for value in ["0", "", "-1", "1.5", "ten", "18446744073709551616"] {
            let error = config(&format!("history_updates={value}")).unwrap_err();
            assert!(error.contains("history_updates") && error.contains(&format!("{value:?}")), "{error}");
        }
    }

    #[test]
    fn flags_are_true_or_false() {
        assert!(config("anonymous=true").unwrap().anonymous && !config("anonymous= false").unwrap().anonymous);
        for value in ["", "yes", "True", "1"] {
            assert!(config(&format!("anonymous={value}")).is_err(), "{value}");
        }
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused_by_name_whatever_the_setting() {
        const ODD: [&str; 9] = ["", "  ", "0", "-1", "1.5", "5s", "1 000", "18446744073709551616", "\u{1F980}"];
        const NUMBER: &[&str] = &["", "  ", "0", "-1", "1.5", "5s", "1 000", "18446744073709551616", "\u{1F980}"];
        const OR_NOUGHT: &[&str] = &["", "  ", "-1", "1.5", "5s", "1 000", "18446744073709551616", "\u{1F980}"];
        const TEXT: &[&str] = &["0", "-1", "1.5", "5s", "1 000", "18446744073709551616", "\u{1F980}"];
        for (setting, refused) in [
            ("log", NUMBER),
            ("stream_key", &["", "  ", "1 000"]),
            ("redis_wait_replicas", OR_NOUGHT),
            ("stream_seconds", NUMBER),
            ("stream_bytes", OR_NOUGHT),
            ("retry_ms", NUMBER),
            ("poll_ms", NUMBER),
            ("gather", NUMBER),
            ("history_updates", NUMBER),
            ("history_seconds", NUMBER),
            ("history_bytes", NUMBER),
            ("anonymous", NUMBER),
            ("cors_origins", TEXT),
            ("hub_url", TEXT),
            ("log_host", NUMBER),
            // Any key is one; a short one is warned of.
            ("jwt_secret", &[]),
        ] {
            for value in ODD {
                let redis = if setting == "log" { "" } else { "log=redis://127.0.0.1:6379|" };
                let read = config(&format!("{redis}{setting}={value}"));
                let error = read.err().unwrap_or_default();
                assert_eq!(!error.is_empty(), refused.contains(&value), "{setting} {value:?}: {error}");
                assert!(error.is_empty() || error.starts_with(&format!("variable {setting} must ")), "{error}");
                assert!(!error.contains('\n') && !error.ends_with('.'), "{error}");
            }
        }
    }

    #[test]
    fn numbers_may_be_as_large_as_there_are() {
        for setting in Config::SETTINGS {
            let read = config(&format!("{setting}={}", u64::MAX));
            let is_number =
                ["_ms", "_seconds", "_bytes", "_updates", "_replicas"].iter().any(|unit| setting.ends_with(unit));
            assert!(!is_number || read.is_ok(), "{setting}");
        }
    }
}
