//! A selector: which topics someone follows, or a token covers.

use std::error::Error;
use std::fmt;

use crate::topic::text::{self, InvalidText};
use crate::topic::topic::ALL;

/// Which topics a subscriber follows, or a token covers: all, or exactly those it lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    all: bool,
    /// Sorted, each once; empty when `all`.
    topics: Vec<String>,
}

impl Selector {
    /// How many topics a selector lists at most.
    pub const MAX_TOPICS: usize = 100;

    /// Every topic.
    pub const ALL: Selector = Selector { all: true, topics: Vec::new() };

    /// No topic.
    pub const fn none() -> Selector {
        Selector { all: false, topics: Vec::new() }
    }

    /// The topics of a list in which `*` stands for every topic.
    ///
    /// # Errors
    ///
    /// [`InvalidSelector`] when it lists more than [`MAX_TOPICS`](Selector::MAX_TOPICS), or a text that no topic can
    /// be.
    pub fn new(topics: impl IntoIterator<Item = String>) -> Result<Selector, InvalidSelector> {
        let (mut all, mut list) = (false, Vec::new());
        for (count, topic) in topics.into_iter().enumerate() {
            if count == Selector::MAX_TOPICS {
                return Err(InvalidSelector::TooMany);
            }
            text::check(&topic).map_err(InvalidSelector::Text)?;
            all |= topic == ALL;
            // So few that sorting them on the way in is as quick, and 5 KB smaller, than sorting them after.
            if let Err(place) = list.binary_search(&topic) {
                list.insert(place, topic);
            }
        }
        Ok(if all { Selector::ALL } else { Selector { all, topics: list } })
    }

    /// Whether it matches this topic, byte for byte.
    pub fn matches(&self, topic: &str) -> bool {
        self.all || self.topics.binary_search_by(|listed| listed.as_str().cmp(topic)).is_ok()
    }

    /// Whether it matches one of these topics.
    pub fn matches_any(&self, topics: impl IntoIterator<Item = impl AsRef<str>>) -> bool {
        topics.into_iter().any(|topic| self.matches(topic.as_ref()))
    }

    /// Whether it matches every topic.
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Whether it matches none.
    pub fn is_empty(&self) -> bool {
        !self.all && self.topics.is_empty()
    }

    /// The list that makes this selector.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.all.then_some(ALL).into_iter().chain(self.topics.iter().map(String::as_str))
    }
}

/// Why a list is no [`Selector`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidSelector {
    /// It is empty, where someone would follow no topic.
    Empty,
    /// It is longer than [`Selector::MAX_TOPICS`].
    TooMany,
    /// It has a text that cannot name anything.
    Text(InvalidText),
}

impl fmt::Display for InvalidSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidSelector::Empty => f.write_str("no topic to follow: name at least one, or *"),
            InvalidSelector::TooMany => {
                write!(f, "more than {} topics to match: ask for fewer, or for *", Selector::MAX_TOPICS)
            }
            InvalidSelector::Text(reason) => write!(f, "a topic to match {reason}"),
        }
    }
}

impl Error for InvalidSelector {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn selector(topics: &[&str]) -> Selector {
        Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap()
    }

    #[test]
    fn a_selector_matches_what_it_lists_byte_for_byte() {
        let some = selector(&["b", "a", "é", "b"]);
        for topic in ["a", "b", "é"] {
            assert!(some.matches(topic), "{topic}");
        }
        for topic in ["", "A", "c", "ab", "e\u{301}", "*", "a "] {
            assert!(!some.matches(topic), "{topic}");
        }
        assert_eq!(some.topics().collect::<Vec<_>>(), ["a", "b", "é"]);
        assert!(some.matches_any(["x", "a"]) && !some.matches_any(["x", "y"]) && !some.matches_any([""; 0]));
        assert!(!some.is_all() && !some.is_empty());
    }

    #[test]
    fn a_star_in_the_list_matches_every_topic() {
        let all = selector(&["a", "*", "b"]);
        assert_eq!(all, Selector::ALL);
        assert!(all.matches("anything") && all.is_all() && !all.is_empty());
        assert_eq!(all.topics().collect::<Vec<_>>(), ["*"]);
        assert!(!selector(&["**"]).is_all());
    }

    #[test]
    fn an_empty_list_matches_none() {
        assert_eq!(selector(&[]), Selector::none());
        assert!(Selector::none().is_empty() && !Selector::none().matches("a") && !Selector::none().is_all());
    }

    #[test]
    fn a_list_has_at_most_100_topics_that_can_be_topics() {
        let list = |length: usize| (0..length).map(|number| number.to_string());
        assert!(Selector::new(list(100)).is_ok());
        assert_eq!(Selector::new(list(101)), Err(InvalidSelector::TooMany));
        for text in ["", "a\u{7F}", "\u{FEFF}a", &"a".repeat(1_025)] {
            let Err(InvalidSelector::Text(_)) = Selector::new(["a".to_owned(), text.to_owned()]) else {
                panic!("{text:?}")
            };
        }
        assert!(Selector::new(["mercure".to_owned()]).is_ok());
    }
}
