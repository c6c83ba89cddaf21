//! Who is woken when something is appended.
//!
//! An instance that has subscribers registers the topics that they follow, under a lease. An append wakes only those
//! who registered one of its topics. A wake-up is a hint: what is true is in the log.

use std::rc::Rc;
use std::time::Duration;

use crate::log::position::Position;

/// For how long a listener is registered. It renews its lease three times as often.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// The topic of a hint that says: renew your lease, the log has something to say to you. No topic is called so.
pub(crate) const RENEW: &str = "\u{1}renew";

/// Names a listener. Up to 65,535 it is the UDP port on the loopback that wakes it; above, a random number.
pub(crate) type ListenerId = u64;

/// What a listener tells the log: that it is there, and what has changed since it last said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Who it is.
    pub listener: ListenerId,
    /// How many streams it has.
    pub streams: u32,
    /// The topics that are new. `*` stands for every topic.
    pub added: Vec<Rc<str>>,
    /// The topics that nobody there follows any more.
    pub removed: Vec<Rc<str>>,
}

/// What the log answers to a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// The end of the log after the registration: of all that comes after it, the listener is told.
    pub head: Position,
    /// The log knew the listener. One that it did not know must register all its topics again.
    pub known: bool,
    /// Who is registered, the listener among them.
    pub peers: Vec<Peer>,
    /// When listeners were last told to end their streams; `None` if never.
    pub gathered: Option<Gathered>,
}

impl Census {
    /// How many streams the other listeners had when they last said so.
    pub(crate) fn streams_of_others(&self, listener: ListenerId) -> u64 {
        let others = self.peers.iter().filter(|peer| peer.listener != listener);
        others.map(|peer| u64::from(peer.streams)).fold(0, u64::saturating_add)
    }
}

/// When listeners were told to end their streams, so that these gather in fewer instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathered {
    /// By the log's clock, in milliseconds. No two such decisions have it in common.
    pub at: i64,
    /// How many milliseconds ago, by that clock. Negative when the clock has stepped back.
    pub ago: i64,
}

/// A registered listener, as the others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Who it is.
    pub listener: ListenerId,
    /// How many streams it had when it last said so.
    pub streams: u32,
    /// Whether it was among those who were last told to end their streams, so that they gather in fewer instances.
    pub drains: bool,
}

/// That something was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The [`key`](crate::topic::key::key) of the topic.
    pub topic: u64,
    /// Where in the log it is.
    pub position: Position,
}

/// What a wait for hints returns.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Woken {
    /// What was appended.
    pub hints: Vec<Hint>,
    /// More may have been appended than the hints say.
    pub incomplete: bool,
}
