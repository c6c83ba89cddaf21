//! Who relays an upstream to which topic, so that a relay that died is noticed, and a topic has one relay.
//!
//! A relay holds its topic under a lease. Whoever finds that a lease is over takes the relay over, which one listener
//! can do at a time, and appends the update that the relay left for this case. That update ends the topic, and the end
//! of a topic ends its relay.

use std::time::Duration;

use crate::log::position::Position;

/// For how long a relay holds its topic. It renews its lease three times as often.
pub(crate) const RELAY_LEASE: Duration = Duration::from_secs(15);

/// Names who relays: a random number for each instance.
pub(crate) type HolderId = u64;

/// What comes of beginning a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Begun {
    /// The holder holds the topic, from this end of the log on.
    Held(Position),
    /// Another one holds it.
    Running,
    /// The topic has ended.
    Ended,
}
