//! End to end: the built component in a host, a real HTTP client in front.
//!
//! The host is the dev host, in this process; with `SPIN_BIN` set to a `spin` binary (4.1 or later), `spin up`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by a panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod chat;
mod clock;
mod datagram;
mod files;
mod hub;
mod machines;
mod readme;
mod source;
mod stream;
mod templates;
