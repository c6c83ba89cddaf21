//! stub
#![cfg_attr(not(feature = "spin"), allow(dead_code, reason = "what only the adapters use"))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic"))]
mod access;
mod config;
mod fanout;
mod log;
mod request;
#[cfg(feature = "spin")]
mod spin;
mod topic;

pub use access::grant::Grant;
pub use access::origins::Origins;
pub use access::token::{InvalidToken, Secret, sign, verify};
pub use config::{Backend, Config, Redis};
pub use log::Retention;
pub use topic::reserved::PATH;
pub use topic::selector::{InvalidSelector, Selector};
#[doc(hidden)]
pub mod internals {
    //! What benchmarks count. No part of the crate's promise.

    pub use crate::fanout::dispatcher::{Action, Dispatcher};
    pub use crate::fanout::resume::Resume;
    pub use crate::fanout::session::NewSession;
    pub use crate::log::record::{parse as parse_records, write as write_record};
    pub use crate::log::{Extent, Page, Position, Record};
}

#[cfg(feature = "spin")]
pub use spin::hub::Hub;
#[cfg(feature = "spin")]
pub use spin::reply;
