//! The variable `log`, where it is the URL of a Redis server.

/// Checks that `log` is the URL of a Redis server, and that `log_host`, which Spin was told, is its host.
///
/// # Errors
///
/// A sentence that says what to change. It does not repeat `log`, which may hold a password.
pub(crate) fn check(log: &str, log_host: &str) -> Result<(), String> {
    const LOG: &str = "variable log must be `sqlite` or a URL like redis://user:password@host:6379/0";
    let (scheme, rest) = log.split_once("://").ok_or(LOG)?;
    if !matches!(scheme, "redis" | "rediss") {
        return Err(LOG.to_owned());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
    let good_port = port.is_none_or(|(_, port)| port.parse::<u16>().is_ok());
    let name = port.map_or(host, |(name, _)| name);
    if name.is_empty() || !good_port || name.contains(|c: char| c.is_whitespace() || c == '@') {
        return Err(LOG.to_owned());
    }
    if scheme == "rediss" && port.is_none() {
        return Err("variable log needs a port, as in rediss://host:6379: Spin knows none for rediss".to_owned());
    }
    let expected = format!("{scheme}://{host}");
    let normal = |url: &str| {
        let url = url.trim().trim_end_matches('/').to_ascii_lowercase();
        match url.strip_prefix("redis://") {
            Some(host) => format!("redis://{}", host.strip_suffix(":6379").unwrap_or(host)),
            None => url,
        }
    };
    // A pattern is checked by Spin.
    if log_host.contains('*') || normal(log_host) == normal(&expected) {
        return Ok(());
    }
    Err(format!(
        "variable log_host must be {expected}, which is the variable log without user, password and path: \
         it is what Spin lets the hub connect to"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_and_its_host_fit() {
        for (log, log_host) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://127.0.0.1", "redis://127.0.0.1:6379"),
            ("redis://redis.example:6380/2", "redis://Redis.example:6380/"),
            ("redis://:pass@word@redis.example:6380", "redis://redis.example:6380"),
            ("rediss://user:x@redis.example:6380/0", "rediss://redis.example:6380"),
            ("redis://[::1]:6379", "redis://[::1]:6379"),
            ("redis://redis.example:6379", "redis://*.example:*"),
        ] {
            assert_eq!(check(log, log_host), Ok(()), "{log}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said_without_the_password() {
        const HOST: &str = "redis://127.0.0.1:6379";
        for (log, log_host, expected) in [
            ("", HOST, "variable log must be"),
            ("SQLite", HOST, "variable log must be"),
            ("127.0.0.1:6379", HOST, "variable log must be"),
            ("http://secret@127.0.0.1:6379", HOST, "variable log must be"),
            ("redis://", HOST, "variable log must be"),
            ("redis://:secret@", HOST, "variable log must be"),
            ("redis://:secret@host:port", HOST, "variable log must be"),
            ("rediss://:secret@host", HOST, "variable log needs a port"),
            ("redis://:secret@host:6379", HOST, "variable log_host must be redis://host:6379,"),
            ("rediss://:secret@127.0.0.1:6379", HOST, "variable log_host must be rediss://127.0.0.1:6379,"),
            ("redis://127.0.0.1:6380/1", HOST, "variable log_host must be redis://127.0.0.1:6380,"),
        ] {
            let sentence = check(log, log_host).unwrap_err();
            assert!(sentence.starts_with(expected) && !sentence.contains("secret"), "{log}: {sentence}");
        }
    }
}
