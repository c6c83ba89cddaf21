//! Why something is no selector, and how much one may have.

use std::error::Error;
use std::fmt;

use crate::pattern::InvalidPattern;
use crate::topic::text::InvalidText;

/// How many topics and patterns a selector lists at most.
pub(crate) const MAX_TOPICS: usize = 100;
/// How many bytes the patterns of a selector hold at most, together. They are in memory as long as a stream lasts, and
/// each update is tried on them, which takes the longer the larger they are.
pub(crate) const MAX_PATTERN_BYTES: usize = 32 * 1024;

/// Why a list is no [`Selector`](crate::Selector).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSelector {
    /// It is empty, where someone would follow no topic.
    Empty,
    /// It is longer than [`Selector::MAX_TOPICS`](crate::Selector::MAX_TOPICS).
    TooMany,
    /// It has a text that cannot name anything.
    Text(InvalidText),
    /// It has a text that is no pattern.
    Pattern(InvalidPattern),
    /// Its patterns are too large together.
    TooLarge,
}

impl fmt::Display for InvalidSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidSelector::Empty => f.write_str("no topic to follow: name at least one, or *"),
            InvalidSelector::TooMany => {
                write!(f, "more than {} topics to match: ask for fewer, or for *", MAX_TOPICS)
            }
            InvalidSelector::Text(reason) => write!(f, "a topic to match {reason}"),
            InvalidSelector::Pattern(reason) => reason.fmt(f),
            InvalidSelector::TooLarge => write!(
                f,
                "the patterns to match take more than {MAX_PATTERN_BYTES} bytes together: ask for fewer, or shorter ones"
            ),
        }
    }
}

impl Error for InvalidSelector {}
