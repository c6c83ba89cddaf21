//! The edge function: one Spin component that streams Server-Sent Events.
//!
//! It wires, and decides nothing: a request goes by its [`route`] to the hub of the library `spin-sse-hub`, to the
//! [`clock`] or to the [`page`].

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic"))]

pub mod route;

pub mod clock;
#[path = "../hub/src/lean.rs"]
mod lean;
pub mod page;

#[cfg(target_family = "wasm")]
mod entry;
