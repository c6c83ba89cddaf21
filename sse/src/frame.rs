//! What a decoder yields.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What comes out of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frame<'d> {
    /// An event.
    Event(Message<'d>),
    /// From now on the client should wait this long before it reconnects, whole milliseconds.
    Retry(Duration),
}

/// An event as its receiver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message<'d> {
    /// The data, its lines separated by LF.
    pub data: &'d str,
    /// The name; `message` when the event has none.
    pub name: &'d str,
    /// The last event id in force: that of this event or, if it has none, of the last one that had. Empty when none had.
    pub last_event_id: &'d str,
}

/// An event is larger than the [limit](crate::Decoder::limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    pub(crate) limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event is larger than {} bytes", self.limit)
    }
}

impl Error for TooLarge {}
