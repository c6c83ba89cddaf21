//! An event of an upstream, as the source yields it.

use crate::event::Event;
use crate::frame;
use crate::id::Id;
use crate::name::Name;

/// An event that came from an upstream. It borrows nothing.
///
/// `Event::from(message)` is the event to publish: it has the message's name and data.
///
/// ```
/// use spin_sse::source::Message;
/// use spin_sse::Event;
///
/// let mut message = Message::default();
/// message.name = String::from("price");
/// message.data = String::from("12.50");
/// assert_eq!(Event::from(message), Event::new("12.50").name("price"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Message {
    /// The data. Its lines are separated by LF.
    pub data: String,
    /// The name, or `message` when the event has no name.
    pub name: String,
    /// The last event id: the id of this event, else the id of the last event that had an id. Empty when no event had
    /// an id, and when the upstream is not an event stream.
    pub last_event_id: String,
}

/// The name of an event that has none.
const UNNAMED: &str = "message";

impl Message {
    /// A message that has only data.
    pub(crate) fn from_text(data: String) -> Message {
        Message { data, ..Message::default() }
    }

    /// The event to publish to a client that shall come back with the upstream's last event id.
    ///
    /// `Event::from(message)` leaves the id out, because several messages may have the same last event id.
    pub fn into_event_with_id(self) -> Event<'static> {
        let id = Id::new(self.last_event_id.clone()).ok().filter(|id| !id.as_str().is_empty());
        let event = Event::from(self);
        match id {
            Some(id) => event.id(id),
            None => event,
        }
    }
}

/// No data, the name `message`, no id.
impl Default for Message {
    fn default() -> Message {
        Message { data: String::new(), name: String::from(UNNAMED), last_event_id: String::new() }
    }
}

impl From<frame::Message<'_>> for Message {
    fn from(message: frame::Message<'_>) -> Message {
        Message {
            data: message.data.to_owned(),
            name: message.name.to_owned(),
            last_event_id: message.last_event_id.to_owned(),
        }
    }
}

/// Name and data of the message. An upstream's id is a place in the upstream, and is left out.
impl From<Message> for Event<'static> {
    fn from(message: Message) -> Event<'static> {
        let event = Event::new(message.data);
        match Name::new(message.name) {
            Ok(name) if name.as_str() != UNNAMED => event.name(name),
            _ => event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decoder;
    use crate::frame::Frame;

    fn received(stream: &str) -> Message {
        let mut decoder = Decoder::new();
        let mut input = stream.as_bytes();
        match decoder.next(&mut input) {
            Ok(Some(Frame::Event(message))) => message.into(),
            other => panic!("{stream:?} is {other:?}"),
        }
    }

    fn wire(event: &Event<'_>) -> String {
        let mut out = Vec::new();
        event.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_is_published_with_the_name_and_the_data_that_it_came_with() {
        for (stream, with_id) in [
            ("data: a\n\n", "data: a\n\n"),
            ("event: price\ndata: 1\ndata: 2\n\n", "event: price\ndata: 1\ndata: 2\n\n"),
            ("id: 7\ndata: a\n\n", "id: 7\ndata: a\n\n"),
        ] {
            let message = received(stream);
            assert_eq!(wire(&message.clone().into_event_with_id()), with_id);
            assert_eq!(wire(&Event::from(message)), with_id.replace("id: 7\n", ""));
        }
    }
}
