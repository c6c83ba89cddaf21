//! Patterns: topic matchers that are more than a text to compare with.

pub(crate) mod url;

pub(crate) mod base;
pub(crate) mod invalid;

pub(crate) mod program;
pub(crate) mod run;

pub(crate) mod builder;
pub(crate) mod regexp;
pub(crate) mod template;
pub(crate) mod urlpattern;

#[allow(clippy::module_inception, reason = "the room is named after its first type")]
pub(crate) mod pattern;

pub(crate) use base::Base;
pub(crate) use invalid::InvalidPattern;
pub(crate) use pattern::{Kind, Parsed, Pattern};

#[cfg(test)]
mod tests;
