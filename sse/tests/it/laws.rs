//! The laws of the crate, on random streams and events.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use spin_sse::{Event, Id, Name, encode_comment};

use crate::oracle;
use crate::util::{Seen, decode};

/// The pieces of streams, with those that are hard to decode.
const PIECES: [&[u8]; 32] = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"\r\n\r\n",
    b":",
    b" ",
    b": ",
    b"data",
    b"data:",
    b"data: ",
    b"id",
    b"id: ",
    b"event",
    b"event: ",
    b"retry",
    b"retry: ",
    b"7",
    b"99999999999999999999",
    b"+",
    b"x",
    b"message",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xBB",
    b"\xC3",
    b"\xA9",
    b"\xF0\x9F",
    b"\xFF",
    "é€🙂".as_bytes(),
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![9 => select(&PIECES[..]).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..4)];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = String> {
    vec(select(&["\r", "\n", "\r\n", " ", ":", "data: ", "x", "\0", "\u{FEFF}", "é", "\u{2028}"][..]), 0..12)
        .prop_map(|pieces| pieces.concat())
}

fn event() -> impl Strategy<Value = Event<'static>> {
    let parts = (option::weighted(0.9, text()), option::of(text()), option::of(text()), option::of(any::<Duration>()));
    parts.prop_map(|(data, name, id, retry)| {
        let mut event = data.map_or_else(Event::without_data, Event::new);
        if let Some(name) = name {
            event = event.name(Name::new(name.replace(['\r', '\n'], "")).expect("no line break"));
        }
        if let Some(id) = id {
            event = event.id(Id::new(id.replace(['\0', '\r', '\n'], "")).expect("no line break"));
        }
        match retry {
            Some(delay) => event.retry(delay),
            None => event,
        }
    })
}

fn places() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..8)
}

fn cut<'s>(mut stream: &'s [u8], places: &[Index]) -> Vec<&'s [u8]> {
    let mut ends: Vec<usize> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    ends.sort_unstable_by(|a, b| b.cmp(a));
    let mut slices = Vec::new();
    for end in ends {
        let (rest, slice) = stream.split_at(end);
        slices.push(slice);
        stream = rest;
    }
    slices.push(stream);
    slices.reverse();
    slices
}

/// What a client sees of these events, by the definition of an event.
fn seen_of(events: &[Event<'_>]) -> Vec<Seen> {
    let (mut seen, mut last_event_id) = (Vec::new(), String::new());
    for event in events.iter().map(Event::as_parts) {
        if let Some(delay) = event.retry {
            let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            seen.push(Seen::Retry(Duration::from_millis(millis)));
        }
        if let Some(id) = event.id {
            id.as_str().clone_into(&mut last_event_id);
        }
        if let Some(data) = event.data {
            seen.push(Seen::Event {
                data: data.replace("\r\n", "\n").replace('\r', "\n"),
                name: event.name.map_or("message", Name::as_str).to_owned(),
                id: last_event_id.clone(),
            });
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_decoder_follows_the_standard(stream in stream(), places in places()) {
        prop_assert_eq!(decode(cut(&stream, &places)), oracle::decode(&stream));
    }

    #[test]
    fn what_is_encoded_is_decoded(events in vec(event(), 0..5), comment in text(), places in places()) {
        let mut stream = Vec::new();
        for event in &events {
            event.encode(&mut stream);
            encode_comment(&comment, &mut stream);
        }
        prop_assert!(!stream.contains(&b'\r'));
        prop_assert_eq!(decode(cut(&stream, &places)).0, seen_of(&events));
        prop_assert_eq!(oracle::decode(&stream).0, seen_of(&events));
    }

    #[test]
    fn an_id_or_a_name_is_refused_for_its_characters_alone(text in text()) {
        prop_assert_eq!(Id::new(&text).is_err(), text.contains(['\0', '\r', '\n']));
        prop_assert_eq!(Name::new(&text).is_err(), text.contains(['\r', '\n']));
    }
}
