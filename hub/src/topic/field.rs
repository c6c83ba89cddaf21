//! The fields of an update's event that have rules: its id, its name, its retry time.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use spin_sse::{Id, InvalidId, InvalidName, Name};

use crate::topic::text::{self, InvalidText};

/// The hub's event at the start of each stream: where the client is.
pub(crate) const READY: Name = Name::from_static("ready");
/// The hub's event for a hole in the history: what the client asked for is no longer kept.
pub(crate) const GAP: Name = Name::from_static("gap");
/// The hub's event for a place in the history that no update brings to the client.
pub(crate) const PLACE: Name = Name::from_static("place");

/// The event name that no update can have: that of the hub's events in the Mercure protocol. "A publish request whose
/// type is `mercure`" must be refused; every other name "MUST be supported".
const OF_THE_HUB: Name = Name::from_static("mercure");

/// The last event id that asks for all there is; hence the id of no update.
pub(crate) const EARLIEST: &str = "earliest";
/// Stands for a last event id that is not sent back as it came.
pub(crate) const UNKNOWN: &str = "#unknown";

/// The longest retry time, in milliseconds. Clients that wait with a timer of 32 bits would take a longer one for none
/// and reconnect without a pause.
pub(crate) const MAX_RETRY: u64 = i32::MAX as u64;

/// The id of an update, from its publisher: 1 to 1,024 bytes, no control or format characters, not `earliest`, and not
/// beginning with `#`, as the hub's own do.
pub(crate) fn check_id(id: &str) -> Result<&str, InvalidField> {
    text::check(id).map_err(|reason| InvalidField::Text("id", reason))?;
    if id.starts_with('#') {
        return Err(InvalidField::IdOfTheHub);
    }
    if id == EARLIEST {
        return Err(InvalidField::IdEarliest);
    }
    Id::new(id).map_err(InvalidField::Id)?;
    Ok(id)
}

/// The event name of an update, from its publisher: 1 to 1,024 bytes, no control or format characters, and not
/// `mercure`.
pub(crate) fn check_name(name: &str) -> Result<Name<'_>, InvalidField> {
    text::check(name).map_err(|reason| InvalidField::Text("type", reason))?;
    let name = Name::new(name).map_err(InvalidField::Name)?;
    if name == OF_THE_HUB {
        return Err(InvalidField::NameOfTheHub(name.into_owned()));
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
    /// The id is `earliest`, which asks for the whole history.
    IdEarliest,
    /// The id cannot be an event's.
    Id(InvalidId),
    /// The type cannot be an event's name.
    Name(InvalidName),
    /// The protocol's own events have this type.
    NameOfTheHub(Name<'static>),
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
            InvalidField::Retry => {
                write!(f, "retry is no time: give milliseconds in digits, at most {MAX_RETRY}")
            }
        }
    }
}

impl Error for InvalidField {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused<T: fmt::Debug>(result: Result<T, InvalidField>, sentence: &str) {
        let reason = result.unwrap_err().to_string();
        assert!(reason.contains(sentence), "{reason}");
    }

    #[test]
    fn an_id_is_any_visible_text() {
        for text in ["1", "urn:uuid:1", "a#b", "Earliest", "caf\u{e9} 1", &"a".repeat(1_024)] {
            assert_eq!(check_id(text), Ok(text));
        }
    }

    #[test]
    fn an_id_that_the_hub_could_not_tell_from_its_own_is_refused() {
        refused(check_id("#1-2"), "id begins with #");
        refused(check_id("#"), "id begins with #");
        refused(check_id("earliest"), "id is earliest");
        refused(check_id("a\0b"), "id contains U+0000");
        refused(check_id("a\r\nb"), "id contains U+000D");
        refused(check_id("a\u{202E}b"), "id contains U+202E");
        refused(check_id(""), "id is empty");
        refused(check_id(&"a".repeat(1_025)), "id is longer than 1024 bytes");
    }

    #[test]
    fn a_type_is_any_visible_text_but_mercure() {
        refused(check_name("mercure"), "type mercure is for the hub's own events");
        refused(check_name("a\nb"), "type contains U+000A");
        refused(check_name("a\u{AD}b"), "type contains U+00AD");
        refused(check_name(&"a".repeat(1_025)), "type is longer");
        for free in ["message", "ready", "gap", "place", "open", "error", "Mercure", "book added"] {
            assert_eq!(check_name(free).unwrap().as_str(), free);
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
}
