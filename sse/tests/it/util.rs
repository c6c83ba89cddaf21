//! The verbs of the tests.

use std::time::Duration;

use spin_sse::{Decoder, Event, Frame, Message, TooLarge};

use crate::oracle;

/// A frame that borrows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Event { data: String, name: String, id: String },
    Retry(Duration),
}

/// What a stream decodes to: its frames, and the last event id at the end.
pub(crate) type Decoded = (Vec<Seen>, String);

/// An event called `message`, before any id was set.
pub(crate) fn message(data: &str) -> Seen {
    event("message", data, "")
}

pub(crate) fn event(name: &str, data: &str, id: &str) -> Seen {
    Seen::Event { data: data.into(), name: name.into(), id: id.into() }
}

pub(crate) fn retry(millis: u64) -> Seen {
    Seen::Retry(Duration::from_millis(millis))
}

impl From<Frame<'_>> for Seen {
    fn from(frame: Frame<'_>) -> Seen {
        match frame {
            Frame::Event(Message { data, name, last_event_id }) => event(name, data, last_event_id),
            Frame::Retry(delay) => Seen::Retry(delay),
        }
    }
}

/// Decodes one slice, and adds its frames to `seen`.
pub(crate) fn feed(decoder: &mut Decoder, mut slice: &[u8], seen: &mut Vec<Seen>) -> Result<(), TooLarge> {
    while let Some(frame) = decoder.next(&mut slice)? {
        seen.push(frame.into());
    }
    assert!(slice.is_empty(), "{} bytes were left", slice.len());
    Ok(())
}

pub(crate) fn decode<'s>(slices: impl IntoIterator<Item = &'s [u8]>) -> Decoded {
    let (mut decoder, mut seen) = (Decoder::new(), Vec::new());
    slices.into_iter().try_for_each(|slice| feed(&mut decoder, slice, &mut seen)).expect("within the limit");
    (seen, decoder.last_event_id().to_owned())
}

/// Every way to cut a stream that the tests try: whole, byte by byte with and without empty slices, and at each one and
/// each two of its places.
pub(crate) fn cuts(stream: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut cuts = vec![vec![stream], stream.chunks(1).collect()];
    cuts.push(stream.chunks(1).flat_map(|byte| [&[][..], byte]).collect());
    for second in 0..=stream.len() {
        let (start, end) = stream.split_at(second);
        cuts.extend((0..=second).map(|first| vec![&start[..first], &start[first..], end]));
    }
    cuts
}

#[track_caller]
pub(crate) fn decodes(stream: impl AsRef<[u8]>, frames: &[Seen]) {
    let (seen, id) = oracle::decode(stream.as_ref());
    assert_eq!(seen, frames, "the oracle disagrees with the test");
    for slices in cuts(stream.as_ref()) {
        assert_eq!(decode(slices.iter().copied()), (seen.clone(), id.clone()), "cut into {slices:?}");
    }
}

/// Decodes to one event that is called `message` and has this data.
#[track_caller]
pub(crate) fn says(stream: impl AsRef<[u8]>, data: &str) {
    decodes(stream, &[message(data)]);
}

#[track_caller]
pub(crate) fn says_nothing(stream: impl AsRef<[u8]>) {
    decodes(stream, &[]);
}

/// Has this last event id at its end, whatever it says.
#[track_caller]
pub(crate) fn leaves_id(stream: impl AsRef<[u8]>, id: &str) {
    decodes(&stream, &oracle::decode(stream.as_ref()).0);
    assert_eq!(decode([stream.as_ref()]).1, id);
}

#[track_caller]
pub(crate) fn encodes(event: &Event<'_>, block: &str) {
    assert_eq!(encoded(event), block);
}

pub(crate) fn encoded(event: &Event<'_>) -> String {
    let mut out = b"before".to_vec();
    event.encode(&mut out);
    String::from_utf8(out.split_off("before".len())).expect("UTF-8")
}
