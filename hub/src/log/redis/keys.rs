//! The keys of a hub in Redis.
//!
//! | key | type | what it holds |
//! | --- | --- | --- |
//! | `K` | stream | the updates: entry `<sequence>-<epoch>` with the fields `meta` and `wire` |
//! | `{K}:hub` | hash | `epoch`, `head`, `run` (the server that wrote last), `ends` (of earlier epochs), `marked` |
//! | `{K}:times` | list | marks: a sequence, and when it was given out |
//! | `{K}:id:<id>` | string | the entry's id of an update to which its publisher gave `<id>` |
//!
//! `K` is the variable `stream_key`. All share its hash slot. But for `{K}:hub`, which is small, they expire with the
//! history.

/// The names of a hub's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The updates.
    pub stream: String,
    /// What the log knows of itself.
    pub hub: String,
    /// How old updates are.
    pub times: String,
    tagged: String,
}

impl Keys {
    /// The keys of the hub whose stream is `stream`.
    ///
    /// # Errors
    ///
    /// A sentence that says what to change.
    pub(crate) fn new(stream: &str) -> Result<Keys, String> {
        let refused =
            |why: &str| Err(format!("variable stream_key {why}, as in `sse:updates` or `{{tenant}}:updates`"));
        if stream.is_empty() || stream.len() > 256 || stream.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return refused("must be 1 to 256 bytes without spaces");
        }
        let tagged = match stream.split_once('{') {
            None if !stream.contains('}') => format!("{{{stream}}}"),
            Some((before, rest)) if !before.contains('}') => match rest.split_once('}') {
                Some((tag, after)) if !tag.is_empty() && !format!("{tag}{after}").contains(['{', '}']) => {
                    stream.to_owned()
                }
                _ => return refused("must have braces around one hash tag only"),
            },
            _ => return refused("must have braces around one hash tag only"),
        };
        let key = |name: &str| format!("{tagged}:{name}");
        Ok(Keys { stream: stream.to_owned(), hub: key("hub"), times: key("times"), tagged })
    }

    /// The key of an id that a publisher gave.
    pub(crate) fn id(&self, id: &str) -> String {
        format!("{}:id:{id}", self.tagged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_share_the_hash_tag_of_the_stream() {
        let keys = Keys::new("sse:updates").unwrap();
        assert_eq!((keys.stream.as_str(), keys.hub.as_str()), ("sse:updates", "{sse:updates}:hub"));
        assert_eq!((keys.times.as_str(), keys.id("urn:1").as_str()), ("{sse:updates}:times", "{sse:updates}:id:urn:1"));
        let keys = Keys::new("{tenant}:updates").unwrap();
        assert_eq!((keys.stream.as_str(), keys.hub.as_str()), ("{tenant}:updates", "{tenant}:updates:hub"));
    }

    #[test]
    fn a_key_that_cannot_be_shared_is_refused() {
        for key in ["", "a b", "a\nb", "{}x", "a}b", "a{b", "{a}{b}", "}a{", "{a}b}", "{{a}}", &"x".repeat(257)] {
            assert!(Keys::new(key).unwrap_err().contains("stream_key"), "{key}");
        }
    }
}
