//! The example of the README, which `count.rs` is to the letter.

#![cfg(target_family = "wasm")]

include!("count.rs");
