//! The events of the hub itself, `ready`, `gap` and `place`, and what quiet streams have in their place.
//!
//! Each carries the client's place as its id. Clients keep the id of an event that has data, also where nobody listens
//! to its name; of a block with only an id, some do not, and others take the block for an empty message.

use std::time::Duration;

use spin_sse::{Event, Id};

use crate::log::Position;
use crate::request::json::quoted;
use crate::topic::field::{GAP, PLACE, READY, UNKNOWN};

/// Appends the first block of a stream. It has everything that a client must know to resume.
///
/// `asked` is the last event id of the client, where the log does not have that id. The block then repeats it, so
/// that a client that is cut before it hears of the gap is told of the gap again.
pub(crate) fn encode_ready(
    position: &Position,
    asked: Option<&str>,
    resumed: bool,
    retry: Duration,
    out: &mut Vec<u8>,
) {
    let data = format!(r#"{{"lastEventId":{},"resumed":{resumed}}}"#, quoted(&position.to_string()));
    let lost = asked.filter(|_| !resumed).map(|id| Id::new(id.to_owned()).unwrap_or(Id::from_static(UNKNOWN)));
    let mut event = Event::new(data).name(READY).retry(retry);
    if let Some(id) = lost.or_else(|| Id::new(position.to_string()).ok()) {
        event = event.id(id);
    }
    event.encode(out);
}

/// Appends what tells the client its place, and nothing else. In a quiet stream it is a block without data. With a
/// `ticket`, the client shows that when it comes back from there.
pub(crate) fn encode_place(position: &Position, ticket: Option<&str>, quiet: bool, out: &mut Vec<u8>) {
    let place = match ticket {
        Some(ticket) => format!("{position}~{ticket}"),
        None => position.to_string(),
    };
    let mut event = match quiet {
        true => Event::without_data(),
        false => Event::new(format!(r#"{{"lastEventId":{}}}"#, quoted(&place))).name(PLACE),
    };
    if let Ok(id) = Id::new(place) {
        event = event.id(id);
    }
    event.encode(out);
}

/// Appends the event that announces a hole in the history: what followed `asked` and came before `start` is lost.
pub(crate) fn encode_gap(asked: &str, start: &Position, out: &mut Vec<u8>) {
    let oldest = Position { sequence: start.sequence.saturating_add(1), ..start.clone() };
    let data = format!(r#"{{"lastEventId":{},"oldest":{}}}"#, quoted(asked), quoted(&oldest.to_string()));
    let mut event = Event::new(data).name(GAP);
    if let Ok(id) = Id::new(start.to_string()) {
        event = event.id(id);
    }
    event.encode(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(sequence: u64) -> Position {
        Position { epoch: "e".to_owned(), sequence }
    }

    #[test]
    fn a_gap_is_announced_until_the_client_has_heard_of_it() {
        let mut out = Vec::new();
        encode_ready(&position(7), Some("#old-3"), false, Duration::from_secs(1), &mut out);
        encode_gap("#old-3", &position(7), &mut out);
        let text = String::from_utf8(out).unwrap();
        let (ready, gap) = text.split_once("\n\n").unwrap();
        assert!(
            ready.contains("id: #old-3\n") && ready.contains(r##"{"lastEventId":"#e-7","resumed":false}"##),
            "{ready}"
        );
        assert!(gap.contains("id: #e-7\n") && gap.contains(r##"{"lastEventId":"#old-3","oldest":"#e-8"}"##), "{gap}");
    }

    #[test]
    fn an_id_that_cannot_be_sent_back_is_replaced() {
        let mut out = Vec::new();
        encode_ready(&position(7), Some("a\nb"), false, Duration::from_secs(1), &mut out);
        assert!(String::from_utf8(out).unwrap().contains("id: #unknown\n"));
    }
}
