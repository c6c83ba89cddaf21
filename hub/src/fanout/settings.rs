//! What a dispatcher is told once.

use std::time::Duration;

use crate::log::ListenerId;

/// What a dispatcher is told once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often the log is polled at most, where nothing wakes this instance.
    pub poll: Duration,
    /// What the log calls this instance.
    pub listener: ListenerId,
    /// How wake-ups come.
    pub wakeups: Wakeups,
    /// How long a stream lasts at most, within which it is told to gather once; `None` for never.
    pub gather: Option<Duration>,
    /// Any random number.
    pub seed: u64,
}

/// How an instance learns of what others publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wakeups {
    /// By polling only.
    None,
    /// They come by themselves.
    Sent,
    /// The log is waited for.
    Awaited,
}
