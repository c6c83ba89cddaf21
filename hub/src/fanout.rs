//! The dispatcher, which is pure: events and the time go in, actions come out.
//!
//! `segment` and `cache` are what of the log is in memory. `events`, `resume`, `state` and `session` are what a
//! client is sent. `parked`, `polling` and `reader` are when, and the `dispatcher` is all of it.

pub(crate) mod instant;

pub(crate) mod segment;

pub(crate) mod cache;

pub(crate) mod events;
pub(crate) mod resume;

pub(crate) mod state;

pub(crate) mod session;

pub(crate) mod parked;
pub(crate) mod polling;

pub(crate) mod action;
pub(crate) mod reader;

pub(crate) mod dispatcher;

#[cfg(test)]
mod tests;
