//! A chat whose answers survive a reload, a second tab, and the loss of the connection.
//!
//! A request goes by its [`route`]: a [`question`] is sent to an [`upstream`], whose stream the hub relays to a topic;
//! a client of the answer subscribes to that topic. Without an upstream of one's own, the [`model`] in this component
//! answers.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic"))]

pub mod route;
pub mod site;

pub mod question;

pub mod upstream;

pub mod closing;

pub mod model;

pub mod page;
pub mod refusal;

#[cfg(target_family = "wasm")]
mod answers;

#[cfg(target_family = "wasm")]
mod entry;
