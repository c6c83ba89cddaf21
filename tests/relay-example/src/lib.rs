//! The second example of the README, which `answer.rs` is to the letter.

#![cfg(target_family = "wasm")]

include!("answer.rs");
