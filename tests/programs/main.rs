//! What only another program can show: a real browser (Chromium with its driver), other clients (packages of Node
//! and Python), a publisher in PHP. Run with `cargo test --test programs -- --ignored`, which needs them installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by a panic"
)]
#![allow(unreachable_pub, reason = "a test has no outside")]

#[path = "../support/mod.rs"]
mod support;

mod ai_sdk;
mod browser;
mod chat;
mod clients;
mod node;
mod packages;
mod pages;
mod symfony;
