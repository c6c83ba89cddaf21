//! An event: what goes on the wire as one block.

use std::borrow::Cow;
use std::time::Duration;

use crate::id::Id;
use crate::name::Name;

/// One block of an event stream: data, a name, an id, a retry hint, each of them optional.
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
    /// An event with data: any text, also an empty one.
    ///
    /// The client receives it with each line break, be it CRLF, CR or LF, as one LF.
    pub fn new(data: impl Into<Cow<'a, str>>) -> Event<'a> {
        Event { data: Some(data.into()), ..Event::default() }
    }

    /// A block for its id or its retry hint alone. A browser takes note of those and fires no event.
    ///
    /// Some clients ignore such blocks altogether: what must arrive goes with data.
    pub fn without_data() -> Event<'a> {
        Event::default()
    }

    /// The name under which clients receive the event, in place of `message`. An empty name is none.
    pub fn name(self, name: impl Into<Name<'a>>) -> Event<'a> {
        Event { name: Some(name.into()).filter(|name| !name.as_str().is_empty()), ..self }
    }

    /// The id that a client sends back as `Last-Event-ID` when this is the last event it got.
    pub fn id(self, id: impl Into<Id<'a>>) -> Event<'a> {
        Event { id: Some(id.into()), ..self }
    }

    /// How long a client waits before it reconnects, from now on. On the wire in whole milliseconds, the rest dropped.
    pub fn retry(self, delay: Duration) -> Event<'a> {
        Event { retry: Some(delay), ..self }
    }

    /// What the event is made of, to read.
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

    /// The same event, borrowing nothing.
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
/// They are fields rather than methods of the event, because `event.id(7)` sets the id.
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
