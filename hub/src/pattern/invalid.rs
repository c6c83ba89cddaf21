//! Why a text is no pattern.

use std::error::Error;
use std::fmt;

/// Why a text is no pattern. Printed, it is one sentence that says what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPattern(pub(crate) &'static str);

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for InvalidPattern {}
