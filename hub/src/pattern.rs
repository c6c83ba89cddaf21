//! Patterns: which topics a matcher selects that is more than a text to compare with.

pub(crate) mod base;
pub(crate) mod invalid;

#[allow(clippy::module_inception, reason = "the room is named after its first type")]
pub(crate) mod pattern;

pub(crate) use base::Base;
pub(crate) use invalid::InvalidPattern;
pub(crate) use pattern::{Kind, Parsed, Pattern};
