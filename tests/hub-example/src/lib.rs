//! The example of the front page of `spin-sse-hub`, which `board.rs` is to the letter.

#![cfg(target_family = "wasm")]

include!("board.rs");
