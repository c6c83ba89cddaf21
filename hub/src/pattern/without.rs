//! In place of the engine, where it is not compiled in.

use crate::pattern::invalid::InvalidPattern;
use crate::pattern::url::Url;

const WITHOUT: InvalidPattern = InvalidPattern("this hub was built without patterns: name each topic");

/// A program, of which there is none.
pub(crate) enum Program {}

impl Program {
    pub(crate) fn size(&self) -> usize {
        match *self {}
    }

    pub(crate) fn matches(&self, _: &[u8]) -> bool {
        match *self {}
    }
}

pub(crate) fn template(_: &str) -> Result<Option<Program>, InvalidPattern> {
    Err(WITHOUT)
}

pub(crate) fn url_pattern(_: &str, _: &Url) -> Result<Program, InvalidPattern> {
    Err(WITHOUT)
}

pub(crate) fn components(_: &Url) -> Option<String> {
    None
}
