//! What a log says when it cannot be used.

use std::fmt;

/// The log cannot be read or written now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// What the store said.
    pub reason: String,
    /// It did not say whether it did what it was asked to.
    pub uncertain: bool,
}

impl Unavailable {
    /// The store refused, for `reason`.
    pub fn new(reason: impl Into<String>) -> Self {
        Unavailable { reason: reason.into(), uncertain: false }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unavailable {}
