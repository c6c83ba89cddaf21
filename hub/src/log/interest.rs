//! What someone reads of the log: everything, or some topics, each from a place of its own.

use std::rc::Rc;

/// What a read of the log returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interest {
    /// Every update after this sequence.
    All(u64),
    /// Of each of these topics, the updates after a sequence of its own. An update on several of the topics is one
    /// update, and is returned if it is after the sequence of one of them.
    Topics(Vec<(Rc<str>, u64)>),
}

impl Interest {
    /// The lowest of its sequences; `u64::MAX` for no topics.
    pub fn floor(&self) -> u64 {
        match self {
            Interest::All(after) => *after,
            Interest::Topics(topics) => topics.iter().map(|(_, after)| *after).min().unwrap_or(u64::MAX),
        }
    }
}
