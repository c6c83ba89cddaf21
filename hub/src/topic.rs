//! What is published, and about what.

pub(crate) mod key;
pub(crate) mod reserved;
pub(crate) mod text;

#[allow(clippy::module_inception, reason = "the room is named after its first type")]
pub(crate) mod topic;

pub(crate) mod field;
pub(crate) mod invalid_selector;
pub(crate) mod matcher;
pub(crate) mod selector;
pub(crate) mod update;
