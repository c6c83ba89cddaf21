//! The pure part of the crate, from the outside.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the verbs and the oracle are outside of test functions, and a panic there is a failed test"
)]

mod util;

mod oracle;

mod decode;
mod encode;
mod event;
mod laws;
mod resume;
