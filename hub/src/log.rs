//! The log: the only truth about which updates there are, and in which order.
//!
//! `log` has the trait and its laws, `position` and `record` what a log returns. The backends `sqlite` and `redis` are
//! generic over the connection, so that they are tested without Spin.

pub(crate) mod unavailable;

pub(crate) mod position;
pub(crate) mod record;

#[allow(clippy::module_inception, reason = "the room is named after its trait")]
pub(crate) mod log;

pub(crate) mod redis;
pub(crate) mod sqlite;

#[cfg(test)]
pub(crate) mod laws;
#[cfg(test)]
pub(crate) mod memory;

pub(crate) use log::{Log, Pushed};
pub use log::{Page, Retention};
pub(crate) use position::EpochEnd;
pub use position::{Extent, Position};
pub(crate) use record::Entry;
pub use record::Record;
pub(crate) use unavailable::Unavailable;
