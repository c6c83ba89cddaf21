//! What the relays want done.

use crate::log::{Position, Record};

/// Names a relay of an instance: an index, which is used again after the relay has finished.
pub(crate) type RelayId = usize;

/// Something to do. The end of it is told to the relays, in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Read the next event of a relay's upstream. `message` or `upstream_ended` follows, unless the relay finishes.
    Read(RelayId),
    /// Append these to the log as one. `appended` follows. There is one append at a time.
    Append(Vec<Record>),
    /// Find out whether an update was appended after this position, because the log did not say so. `found` follows.
    Find(Position, Record),
    /// Ask the log which relays of this instance it knows, and renew their leases if `renew` says so. `held` follows.
    Hold {
        /// Whether to renew them.
        renew: bool,
    },
    /// Drop the upstream of a relay that the log no longer knows. `upstream_ended` follows. If somebody else has ended
    /// the topic, its last update is refused.
    Interrupt(RelayId),
    /// Drop the upstream of a relay, and forget it.
    Finish(RelayId, Finished),
}

/// How a relay has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finished {
    /// How many updates it appended.
    pub(crate) updates: u64,
    /// Whether somebody else ended its topic.
    pub(crate) stopped: bool,
}

/// Why an append failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// This topic has ended. Nothing was appended.
    Ended(String),
    /// The log is away. If this is true, it is not known whether the updates were appended.
    Unavailable {
        /// It is not known.
        uncertain: bool,
    },
}
