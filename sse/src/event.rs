//! An event: one block on the wire.

use std::borrow::Cow;
use std::time::Duration;

use crate::id::Id;
use crate::name::Name;

/// One block of an event stream: data, a name, an id and a retry time, each of them optional.
///
/// Every part is valid by construction, so an event needs no check and its [encoding](Event::encode) cannot fail.
///
/// ```
/// use spin_sse::Event;
///
/// let mut out = Vec::new();
/// Event::new("first line\nsecond line").name("greeting").id(7).encode(&mut out);
/// assert_eq!(out, b"id: 7\nevent: greeting\ndata: first line\ndata: second line\n\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Event<'a> {
    data: Option<Cow<'a, str>>,
    name: Option<Name<'a>>,
    id: Option<Id<'a>>,
    retry: Option<Duration>,
}

impl<'a> Event<'a> {
    /// An event with data, which may be any text, also the empty text.
    ///
    /// The client receives each line break of the data (CRLF, CR or LF) as one LF.
    pub fn new(data: impl Into<Cow<'a, str>>) -> Event<'a> {
        Event { data: Some(data.into()), ..Event::default() }
    }

    /// A block for an id or a retry time alone. A browser stores them and fires no event.
    ///
    /// Some clients ignore blocks without data, and some hand over an event that is empty. An id that must arrive
    /// belongs in an event with data. For a retry time alone there is [`encode_retry`](crate::encode_retry).
    pub fn without_data() -> Event<'a> {
        Event::default()
    }

    /// Sets the name under which clients receive the event, in place of `message`. An empty name removes the name.
    pub fn name(self, name: impl Into<Name<'a>>) -> Event<'a> {
        Event { name: Some(name.into()).filter(|name| !name.as_str().is_empty()), ..self }
    }

    /// Sets the id. A client sends it as `Last-Event-ID` when this was the last event that it received.
    pub fn id(self, id: impl Into<Id<'a>>) -> Event<'a> {
        Event { id: Some(id.into()), ..self }
    }

    /// Sets how long the client waits before it reconnects, from this event on. On the wire the time is in whole
    /// milliseconds, rounded down.
    pub fn retry(self, delay: Duration) -> Event<'a> {
        Event { retry: Some(delay), ..self }
    }

    /// The parts of the event, to read them.
    ///
    /// ```
    /// use spin_sse::{Event, Id};
    ///
    /// let event = Event::new("12:00:01").id(7);
    /// let parts = event.as_parts();
    /// assert_eq!(parts.data, Some("12:00:01"));
    /// assert_eq!(parts.id.map(Id::as_str), Some("7"));
    /// assert_eq!(parts.name, None);
    /// ```
    #[inline]
    pub fn as_parts(&self) -> Parts<'_> {
        Parts { data: self.data.as_deref(), name: self.name.as_ref(), id: self.id.as_ref(), retry: self.retry }
    }

    /// The same event, which borrows nothing.
    pub fn into_owned(self) -> Event<'static> {
        Event {
            data: self.data.map(|data| Cow::Owned(data.into_owned())),
            name: self.name.map(Name::into_owned),
            id: self.id.map(Id::into_owned),
            retry: self.retry,
        }
    }
}

/// The parts of an [`Event`], borrowed from it by [`Event::as_parts`].
///
/// The event itself has no getters: `event.id(7)` sets the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Parts<'e> {
    /// The data, with its line breaks as they were given.
    pub data: Option<&'e str>,
    /// The name, which is never empty.
    pub name: Option<&'e Name<'e>>,
    /// The id.
    pub id: Option<&'e Id<'e>>,
    /// How long the client waits before it reconnects.
    pub retry: Option<Duration>,
}
