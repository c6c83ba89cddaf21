//! The keys of a hub in Redis.
//!
//! | key | type | what it holds |
//! | --- | --- | --- |
//! | `K` | stream | the updates: entry `<sequence>-<epoch>` with the fields `meta` and `wire` |
//! | `{K}:hub` | hash | what the log knows of itself, below |
//! | `{K}:t:<topic>` | sorted set | the sequences of the updates on a topic |
//! | `{K}:ended` | sorted set | the topics that have ended, by the sequence of their last update |
//! | `{K}:relays` | hash | of a topic that has a relay, the holder and when its lease is over |
//! | `{K}:left` | hash | what is appended if that lease runs out, the meta, LF and the body |
//! | `{K}:subscribers` | hash | of a subscriber, who holds it and what it follows, see `attend.lua` |
//! | `{K}:subscriptions` | sorted set | what they follow, by topic: the topic, NUL and the document, all scores are 0 |
//! | `{K}:leases` | sorted set | until when `h<holder>` holds, or `s<subscriber>` may come back |
//! | `{K}:h:<holder>` | set | the subscribers that it holds |
//! | `{K}:times` | list | marks: a sequence, and when it was given out |
//! | `{K}:recent` | list | the same of the last seconds, in milliseconds |
//! | `{K}:id:<id>` | string | the entry's id of an update to which its publisher gave `<id>` |
//! | `{K}:listeners` | hash | of a listener, five words, see `register.lua` |
//! | `{K}:l:<topic>` | set | the listeners that registered a topic |
//! | `{K}:w:<listener>` | stream | what a listener is told: the fields `topics` and `position` |
//!
//! `K` is the variable `stream_key`. All share its hash slot. But for `{K}:hub`, which is small, and those of relays
//! and subscribers, which end with their leases, they expire: those of updates with the history, those of listeners an
//! hour after the last one registered.
//!
//! The fields of `{K}:hub`:
//!
//! | field | what it holds |
//! | --- | --- |
//! | `epoch`, `head` | where the log ends |
//! | `run` | the server that wrote last |
//! | `ends` | where earlier epochs ended |
//! | `marked`, `recent` | when the last marks were made, in seconds and milliseconds |
//! | `stale` | what comes before this sequence is too old |
//! | `indexed` | the index has all updates up to this sequence |
//! | `bytes`, `counted` | how large the updates that are kept are together, and how many |
//! | `ended` | there if some topic has ended |
//! | `drained` | when listeners were last told to end their streams |

use crate::log::listener::ListenerId;

/// The names of a hub's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The updates.
    pub stream: String,
    /// What the log knows of itself.
    pub hub: String,
    /// How old updates are.
    pub times: String,
    /// How old those of the last seconds are.
    pub recent: String,
    /// The topics that have ended.
    pub ended: String,
    /// Who is registered.
    pub listeners: String,
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
        let (hub, times, recent) = (key("hub"), key("times"), key("recent"));
        let (ended, listeners) = (key("ended"), key("listeners"));
        Ok(Keys { stream: stream.to_owned(), hub, times, recent, ended, listeners, tagged })
    }

    /// The key of an id that a publisher gave.
    pub(crate) fn id(&self, id: &str) -> String {
        format!("{}:id:{id}", self.tagged)
    }

    /// The key of the index of a topic.
    pub(crate) fn topic(&self, topic: &str) -> String {
        format!("{}:t:{topic}", self.tagged)
    }

    /// The key of who relays to which topic.
    pub(crate) fn relays(&self) -> String {
        format!("{}:relays", self.tagged)
    }

    /// The key of what relays left.
    pub(crate) fn left(&self) -> String {
        format!("{}:left", self.tagged)
    }

    /// The key of what is followed.
    pub(crate) fn subscriptions(&self) -> String {
        format!("{}:subscriptions", self.tagged)
    }

    /// The key of who holds or may come back until when.
    pub(crate) fn leases(&self) -> String {
        format!("{}:leases", self.tagged)
    }

    /// The key of what a listener is told.
    pub(crate) fn told(&self, listener: ListenerId) -> String {
        format!("{}:w:{listener}", self.tagged)
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
        assert_eq!(keys.topic("a:{b}"), "{sse:updates}:t:a:{b}");
        assert_eq!(keys.told(7), "{sse:updates}:w:7");
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
