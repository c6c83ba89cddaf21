//! A topic: what an update is about.

use std::error::Error;
use std::fmt;

use crate::topic::reserved::{PATH, addresses_hub};
use crate::topic::text::{self, InvalidText};

/// In place of a topic, every topic.
pub(crate) const ALL: &str = "*";

/// A topic that can be published to.
///
/// 1 to 1,024 bytes, no control or format characters, not `*`, and not the hub's own path or one below it, also not
/// after it is resolved against the hub's URL: `mercure` is refused. Two topics are the same if they are byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic(String);

impl Topic {
    /// A topic from data.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`], the first reason that applies.
    pub(crate) fn new(topic: impl Into<String>) -> Result<Topic, InvalidTopic> {
        let topic = topic.into();
        text::check(&topic).map_err(InvalidTopic::Text)?;
        if topic == ALL {
            return Err(InvalidTopic::Wildcard);
        }
        let topic = Topic(topic);
        topic.check_hub(PATH)?;
        Ok(topic)
    }

    /// Checks that it does not address a hub at this path.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic::Reserved`].
    pub(crate) fn check_hub(&self, path: &str) -> Result<(), InvalidTopic> {
        if addresses_hub(&self.0, path) {
            return Err(InvalidTopic::Reserved { topic: self.0.clone(), path: path.to_owned() });
        }
        Ok(())
    }

    /// The topic as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a text is no topic: a topic is a text of 1 to 1,024 bytes without control or format characters, not `*`, and not
/// the hub's own path or one below it, also not after it is resolved against the hub's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidTopic {
    /// It cannot name anything.
    Text(InvalidText),
    /// It is `*`.
    Wildcard,
    /// This one addresses the hub's own path.
    Reserved {
        /// The topic.
        topic: String,
        /// The hub's path.
        path: String,
    },
}

impl fmt::Display for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidTopic::Text(reason) => write!(f, "topic {reason}"),
            InvalidTopic::Wildcard => {
                f.write_str("topic is *, which stands for every topic: publish to a topic by its name")
            }
            InvalidTopic::Reserved { topic, path } => {
                write!(
                    f,
                    "topic {topic:?} resolves to {path} or below, which is for the hub itself: give it another path"
                )
            }
        }
    }
}

impl Error for InvalidTopic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(topic: &str, sentence: &str) {
        let error = Topic::new(topic).unwrap_err().to_string();
        assert!(error.starts_with("topic ") && error.contains(sentence), "{error}");
    }

    #[test]
    fn a_topic_is_kept_as_it_is() {
        for topic in
            ["a", "https://example.com/books/1", "/chat", "chat room", "**", "é", "e\u{301}", "{id}", "urn:uuid:1"]
        {
            assert_eq!(Topic::new(topic).unwrap().as_str(), topic);
        }
    }

    #[test]
    fn a_text_that_is_no_topic_is_refused_with_what_to_change() {
        refused("", "is empty");
        refused(&"a".repeat(1_025), "is longer than 1024 bytes: shorten it");
        refused("a\nb", "contains U+000A");
        refused("a\u{200B}b", "contains U+200B, a control or format character: remove it");
        refused("*", "publish to a topic by its name");
        refused("https://example.com/.well-known/mercure/x", "resolves to /.well-known/mercure or below");
        refused("mercure", r#"topic "mercure" resolves"#);
    }
}
