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

    /// The data, with its line breaks as they were given.
    pub fn get_data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// The name; never empty.
    pub fn get_name(&self) -> Option<&Name<'a>> {
        self.name.as_ref()
    }

    /// The id.
    pub fn get_id(&self) -> Option<&Id<'a>> {
        self.id.as_ref()
    }

    /// The retry hint.
    pub fn get_retry(&self) -> Option<Duration> {
        self.retry
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
