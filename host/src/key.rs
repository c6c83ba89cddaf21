//! The hub's key, for those who have not chosen one: made once per state directory, and tokens signed with it.

use crate::manifest::Manifest;
use crate::options::Options;
use anyhow::{Context, Result, bail};
use spin_sse_hub::{Grant, Secret, Selector, sign};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The variable of the manifest that holds the key.
pub const VARIABLE: &str = "jwt_secret";

/// The value of the variable `jwt_secret`: the one given, by `--variable` or the environment, else the one of the state
/// directory, made now if there is none. `None` when the manifest has no such variable.
///
/// # Errors
///
/// One sentence about the manifest, or about a file that cannot be read or written.
pub fn key(options: &Options) -> Result<Option<String>> {
    let manifest = Manifest::load(options.manifest.as_deref())?;
    if !manifest.variables.contains_key(VARIABLE) {
        return Ok(None);
    }
    if let Some(value) = given(options, VARIABLE) {
        return Ok(Some(value));
    }
    // Who has chosen other keys would not know of this one.
    if ["jwt_keys", "jwt_publisher_keys", "jwt_publisher_secret"].iter().any(|name| given(options, name).is_some()) {
        return Ok(None);
    }
    let file = manifest.state_directory(options)?.join(VARIABLE);
    kept(&file).with_context(|| format!("cannot keep the key in {}", file.display())).map(Some)
}

/// The value of a variable, by `--variable` or the environment.
pub fn given(options: &Options, name: &str) -> Option<String> {
    let value = options.variables.iter().rfind(|(given, _)| given == name).map(|(_, value)| value.clone());
    value.or_else(|| std::env::var(format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())).ok())
}

/// The key in `file`; made, for its owner's eyes only, where there is none.
fn kept(file: &Path) -> std::io::Result<String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(mut new) => {
            let mut random = [0; 32];
            getrandom::fill(&mut random).map_err(std::io::Error::other)?;
            let key: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            new.write_all(key.as_bytes())?;
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mut key = String::new();
            File::open(file)?.read_to_string(&mut key)?;
            Ok(key.trim().to_owned())
        }
        Err(error) => Err(error),
    }
}

/// A token for these topics, `*` for all, that ends after `lifetime`.
///
/// # Errors
///
/// One sentence when the key is empty, or a topic cannot be one.
pub fn token(key: &str, publish: &[String], subscribe: &[String], lifetime: Option<Duration>) -> Result<String> {
    let Some(secret) = Secret::new(key.as_bytes()) else {
        bail!("the variable {VARIABLE} is empty: give one, or leave it out to have one made");
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let publish = Selector::new(publish.iter().cloned()).context("--publish")?;
    let subscribe = Selector::new(subscribe.iter().cloned()).context("--subscribe")?;
    let expires = lifetime.map(|lifetime| now.saturating_add(lifetime.as_secs()));
    let grant = Grant::new(publish, subscribe).until(expires);
    Ok(sign(&grant, &secret, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_for_its_owner_only() {
        let file = std::env::temp_dir().join(format!("dev-host-key-{}", std::process::id()));
        let key = kept(&file).unwrap();
        assert_eq!(key.len(), 64);
        assert_eq!(kept(&file).unwrap(), key);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_token_names_what_is_wrong() {
        let sentence =
            |key: &str, topic: &str| format!("{:#}", token(key, &[topic.to_owned()], &[], None).unwrap_err());
        let empty = "the variable jwt_secret is empty: give one, or leave it out to have one made";
        assert_eq!(sentence("", "demo"), empty);
        let reason = "a topic to match contains U+000A, a control or format character: remove it";
        assert_eq!(sentence("key", "a\nb"), format!("--publish: {reason}"));
        assert!(token("key", &["demo".to_owned()], &["*".to_owned()], Some(Duration::from_secs(60))).is_ok());
    }
}
