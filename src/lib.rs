//! The edge function: one Spin component that streams Server-Sent Events.
//!
//! A request goes [`route`] -> [`clock`], [`hub`] or [`page`]; what they answer is an event stream of the library `spin-sse` or
//! a short [`reply`]. The variables of `spin.toml` are read in [`settings`].

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic"))]

pub mod clock;
pub mod hub;
pub mod page;
pub mod reply;
pub mod route;
pub mod settings;

#[cfg(target_family = "wasm")]
mod entry;
