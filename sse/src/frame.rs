//! The frames that a decoder yields.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What a [`Decoder`](crate::Decoder) yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frame<'d> {
    /// An event.
    Event(Message<'d>),
    /// How long the client should wait from now on before it reconnects, in whole milliseconds.
    Retry(Duration),
}

/// An event as a client receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message<'d> {
    /// The data. Its lines are separated by LF.
    pub data: &'d str,
    /// The name, or `message` when the event has no name.
    pub name: &'d str,
    /// The last event id: the id of this event, else the id of the last event that had an id. Empty when no event had
    /// an id.
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
