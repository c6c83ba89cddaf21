//! The log: the only truth about which updates there are, and in which order.
//!
//! `log` has the trait and its laws, `interest` what is read, `position` and `record` what a log returns, `ended`
//! which topics have had their last update, `listener` who is woken, `relay` who relays to which topic, `presence` who
//! follows what. The backends `sqlite` and `redis` are generic over the connection, so that they are tested without
//! Spin.

pub(crate) mod unavailable;

pub(crate) mod interest;
pub(crate) mod position;
pub(crate) mod record;

pub(crate) mod ended;

pub(crate) mod listener;
pub(crate) mod relay;

#[allow(clippy::module_inception, reason = "the room is named after its trait")]
pub(crate) mod log;

pub(crate) mod presence;

pub(crate) mod redis;
pub(crate) mod sqlite;

#[cfg(test)]
pub(crate) mod laws;
#[cfg(test)]
pub(crate) mod memory;

#[cfg(any(feature = "spin", test))]
pub(crate) use ended::AppendError;
pub(crate) use ended::Ended;
pub use interest::Interest;
pub(crate) use listener::{Census, Hint, LEASE, ListenerId, Peer, RENEW, Registration, Woken};
pub(crate) use log::{AsOf, Log};
pub(crate) use log::{PAGE_BYTES, PAGE_UPDATES};
pub use log::{Page, Retention};
pub(crate) use position::EpochEnd;
pub use position::{Extent, Position};
pub(crate) use record::Entry;
pub use record::Record;
pub(crate) use unavailable::Unavailable;
