//! An update: what is published.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use spin_sse::{Event, Id, InvalidId, InvalidName, Name};

use crate::topic::text::{self, InvalidText};
use crate::topic::topic::Topic;

/// The hub's event at the start of each stream: where the client is.
pub(crate) const READY: Name = Name::from_static("ready");
/// The hub's event for a hole in the history: what the client asked for is no longer kept.
pub(crate) const GAP: Name = Name::from_static("gap");

/// Event names that no update can have: nobody else can forge the hub's events, also those of the Mercure protocol.
const OF_THE_HUB: [Name; 3] = [READY, GAP, Name::from_static("mercure")];
/// Nor these: a page could not tell them from what `EventSource` itself fires.
const OF_EVENT_SOURCE: [Name; 2] = [Name::from_static("open"), Name::from_static("error")];

/// The last event id that asks for all there is; hence the id of no update.
pub(crate) const EARLIEST: &str = "earliest";

/// The longest retry time, in milliseconds. Clients that wait with a timer of 32 bits would take a longer one for none
/// and reconnect without a pause.
pub(crate) const MAX_RETRY: u64 = i32::MAX as u64;

/// One update, as its publisher gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What it is about: 1 to 100 topics, the first is the canonical one.
    pub topics: Vec<Topic>,
    /// Its [`id`], when the publisher gave one; the log gives the others theirs.
    pub id: Option<Id<'static>>,
    /// Its [`name`], the field `type` on publication.
    pub name: Option<Name<'static>>,
    /// How long clients wait before they reconnect, from now on; see [`retry`].
    pub retry: Option<Duration>,
    /// Its content: any text.
    pub data: String,
    /// Whether only subscribers whose token covers one of its topics may read it.
    pub private: bool,
}

impl Update {
    /// Appends the update as an event without its id, which the log may not know yet.
    ///
    /// The line `id: <id>` in front of it makes it the event with that id.
    pub fn encode_without_id(&self, out: &mut Vec<u8>) {
        let mut event = Event::new(self.data.as_str());
        if let Some(name) = &self.name {
            event = event.name(name.clone());
        }
        if let Some(delay) = self.retry {
            event = event.retry(delay);
        }
        event.encode(out);
    }
}

/// The id of an update, from its publisher: 1 to 1,024 bytes, no control or format characters, not `earliest`, and not
/// beginning with `#`, as the hub's own do.
///
/// # Errors
///
/// [`InvalidField`], the first reason that applies.
pub(crate) fn id(id: String) -> Result<Id<'static>, InvalidField> {
    text::check(&id).map_err(|reason| InvalidField::Text("id", reason))?;
    if id.starts_with('#') {
        return Err(InvalidField::IdOfTheHub);
    }
    if id == EARLIEST {
        return Err(InvalidField::IdEarliest);
    }
    Id::new(id).map_err(InvalidField::Id)
}

/// The event name of an update, from its publisher: 1 to 1,024 bytes, no control or format characters, and none that
/// the hub or `EventSource` uses.
///
/// # Errors
///
/// [`InvalidField`], the first reason that applies.
pub(crate) fn name(name: String) -> Result<Name<'static>, InvalidField> {
    text::check(&name).map_err(|reason| InvalidField::Text("type", reason))?;
    let name = Name::new(name).map_err(InvalidField::Name)?;
    if OF_THE_HUB.contains(&name) {
        return Err(InvalidField::NameOfTheHub(name));
    }
    if OF_EVENT_SOURCE.contains(&name) {
        return Err(InvalidField::NameOfEventSource(name));
    }
    Ok(name)
}

/// The retry time of an update, from its publisher: whole milliseconds in ASCII digits, at most [`MAX_RETRY`].
///
/// # Errors
///
/// [`InvalidField::Retry`].
pub(crate) fn retry(digits: &str) -> Result<Duration, InvalidField> {
    let millis = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    millis.filter(|millis| *millis <= MAX_RETRY).map(Duration::from_millis).ok_or(InvalidField::Retry)
}

/// Why a text cannot be the field of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidField {
    /// The text of the field of this name cannot name anything.
    Text(&'static str, InvalidText),
    /// The id begins with `#`, as those of the hub.
    IdOfTheHub,
    /// The id is [`EARLIEST`].
    IdEarliest,
    /// The id cannot be an event's.
    Id(InvalidId),
    /// The type cannot be an event's name.
    Name(InvalidName),
    /// The hub's own events have this type.
    NameOfTheHub(Name<'static>),
    /// `EventSource` itself fires events of this type.
    NameOfEventSource(Name<'static>),
    /// The retry time is not one.
    Retry,
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidField::Text(field, reason) => write!(f, "{field} {reason}"),
            InvalidField::IdOfTheHub => {
                f.write_str("id begins with #, as those that the hub gives out: choose another, or leave it out")
            }
            InvalidField::IdEarliest => {
                f.write_str("id is earliest, which asks for the whole history: choose another, or leave it out")
            }
            InvalidField::Id(reason) => write!(f, "id: {reason}"),
            InvalidField::Name(reason) => write!(f, "type: {reason}"),
            InvalidField::NameOfTheHub(name) => {
                write!(f, "type {name} is for the hub's own events: choose another")
            }
            InvalidField::NameOfEventSource(name) => {
                write!(f, "type {name} is an event of EventSource itself: choose another")
            }
            InvalidField::Retry => {
                write!(f, "retry is no time: give milliseconds in digits, at most {MAX_RETRY}")
            }
        }
    }
}

impl Error for InvalidField {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused<T: std::fmt::Debug>(result: Result<T, InvalidField>, sentence: &str) {
        let reason = result.unwrap_err().to_string();
        assert!(reason.contains(sentence), "{reason}");
    }

    fn update() -> Update {
        Update {
            topics: vec![Topic::new("a").unwrap()],
            id: None,
            name: None,
            retry: None,
            data: "x".into(),
            private: false,
        }
    }

    #[test]
    fn an_id_is_any_visible_text() {
        for text in ["1", "urn:uuid:1", "a#b", "Earliest", "caf\u{e9} 1", &"a".repeat(1_024)] {
            assert_eq!(id(text.to_owned()).unwrap().as_str(), text);
        }
    }

    #[test]
    fn an_id_that_the_hub_could_not_tell_from_its_own_is_refused() {
        refused(id("#1-2".into()), "id begins with #");
        refused(id("#".into()), "id begins with #");
        refused(id("earliest".into()), "id is earliest");
        refused(id("a\0b".into()), "id contains U+0000");
        refused(id("a\r\nb".into()), "id contains U+000D");
        refused(id("a\u{202E}b".into()), "id contains U+202E");
        refused(id(String::new()), "id is empty");
        refused(id("a".repeat(1_025)), "id is longer than 1024 bytes");
    }

    #[test]
    fn a_type_that_clients_would_take_for_something_else_is_refused() {
        for taken in ["ready", "gap", "mercure"] {
            refused(name(taken.into()), &format!("type {taken} is for the hub's own events"));
        }
        for taken in ["open", "error"] {
            refused(name(taken.into()), &format!("type {taken} is an event of EventSource itself"));
        }
        refused(name("a\nb".into()), "type contains U+000A");
        refused(name("a\u{AD}b".into()), "type contains U+00AD");
        refused(name("a".repeat(1_025)), "type is longer");
        for free in ["message", "Ready", "book added", "errors"] {
            assert_eq!(name(free.into()).unwrap().as_str(), free);
        }
    }

    #[test]
    fn a_retry_time_is_digits_only() {
        for (digits, millis) in [("0", 0), ("5000", 5_000), ("0005", 5), ("2147483647", 2_147_483_647)] {
            assert_eq!(retry(digits), Ok(Duration::from_millis(millis)));
        }
        for text in ["", "+5", "-5", "5.0", " 5", "5s", "٥", "2147483648", "99999999999999999999999"] {
            refused(retry(text), "give milliseconds in digits, at most 2147483647");
        }
    }

    #[test]
    fn an_update_has_the_fields_that_were_given() {
        let mut out = Vec::new();
        update().encode_without_id(&mut out);
        Update {
            name: Some(name("n".into()).unwrap()),
            retry: Some(Duration::from_secs(1)),
            data: String::new(),
            ..update()
        }
        .encode_without_id(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "data: x\n\nretry: 1000\nevent: n\ndata: \n\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_line_with_an_id_makes_it_the_event_with_that_id(
            data in ".*", name in proptest::option::of("[a-z ]+"), retry in proptest::option::of(0..MAX_RETRY), id in "[^#\\pC].*",
        ) {
            let Ok(id) = super::id(id) else { return Ok(()) };
            let name = name.map(|name| Name::new(name).unwrap());
            let retry = retry.map(Duration::from_millis);
            let mut bytes = format!("id: {id}\n").into_bytes();
            Update { name: name.clone(), retry, data: data.clone(), ..update() }.encode_without_id(&mut bytes);

            let (mut decoder, mut input, mut seen_retry) = (spin_sse::Decoder::new(), &bytes[..], None);
            let message = loop {
                match decoder.next(&mut input).unwrap() {
                    Some(spin_sse::Frame::Retry(delay)) => seen_retry = Some(delay),
                    Some(spin_sse::Frame::Event(message)) => break message,
                    None => panic!("no event in {:?}", String::from_utf8_lossy(&bytes)),
                }
            };
            prop_assert_eq!(message.data, data.replace("\r\n", "\n").replace('\r', "\n"));
            prop_assert_eq!(message.last_event_id, id.as_str());
            prop_assert_eq!(message.name, name.as_ref().map_or("message", Name::as_str));
            prop_assert_eq!(seen_retry, retry);
            prop_assert!(input.is_empty());
        }
    }
}
