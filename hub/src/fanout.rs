//! The dispatcher, which is pure: events and the time go in, actions come out.
//!
//! `segment`, `parts` and `cache` are what of the log is in memory, `patterns` what of that matches patterns. `events`,
//! `resume`, `state` and `session` are what a client is sent. `interests` leads from a topic to its sessions. `parked`,
//! `polling` and `reader` say when the log is read, `listening` tells the log what is followed here, `gathering` ends
//! the streams of small instances, and `readiness` opens the log for writing. The `dispatcher` is all of it,
//! `ending`, `groups` and `rounds` its work.

pub(crate) mod segment;

pub(crate) mod parts;

pub(crate) mod cache;
pub(crate) mod patterns;

pub(crate) mod events;
pub(crate) mod resume;

pub(crate) mod state;

pub(crate) mod session;

pub(crate) mod action;

pub(crate) mod delivery;

pub(crate) mod interests;
pub(crate) mod parked;
pub(crate) mod polling;

pub(crate) mod reader;

pub(crate) mod datagram;
pub(crate) mod gathering;
pub(crate) mod listening;
pub(crate) mod readiness;
pub(crate) mod settings;

pub(crate) mod dispatcher;

pub(crate) mod ending;
pub(crate) mod groups;
pub(crate) mod rounds;

#[cfg(test)]
mod tests;
