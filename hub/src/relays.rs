//! The relays of an instance, which are pure: events and the time go in, actions come out.
//!
//! A relay reads an upstream to its end, and appends what it reads to a topic. `batch` is what is appended at once,
//! `relay` is one of them, and `dispatch` is all of them, because they append together.

pub(crate) mod action;

pub(crate) mod relay;

pub(crate) mod batch;

#[allow(clippy::module_inception, reason = "the room is named after what it holds")]
pub(crate) mod relays;

#[cfg(test)]
mod tests;
