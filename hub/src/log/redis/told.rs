//! What Redis answers to listeners.

use std::time::Duration;

use crate::log::listener::{Census, Gathered, Hint, LEASE, Peer, Registration, Woken};
use crate::log::position::Position;
use crate::log::redis::reply::{number, place, text, unexpected};
use crate::log::redis::script::{bytes, millis};
use crate::log::redis::server::Value;
use crate::log::unavailable::Unavailable;
use crate::topic::key::key;

/// How many entries a wait returns at most. When there are as many, there may be more, and some may be gone.
pub(crate) const WAIT_ENTRIES: usize = 256;

/// For how long the topics of a listener are kept that does not register them again.
const TOPICS_EXPIRY: Duration = Duration::from_secs(3_600);
/// After how long a listener is to register its topics again, so that they do not expire.
const KNOWN: Duration = Duration::from_secs(1_200);

/// The arguments of the script that registers.
pub(crate) fn values(run_id: &str, registration: &Registration) -> Vec<Vec<u8>> {
    let Registration { listener, streams, added, removed } = registration;
    let mut values = vec![
        bytes(run_id),
        bytes(&listener.to_string()),
        bytes(&streams.to_string()),
        bytes(&millis(LEASE)),
        bytes(&millis(KNOWN)),
        bytes(&TOPICS_EXPIRY.as_secs().to_string()),
        bytes(&added.len().to_string()),
    ];
    values.extend(added.iter().chain(removed).map(|topic| bytes(topic)));
    values
}

/// Reads the answer to a registration.
///
/// # Errors
///
/// [`Unavailable`] when it is another answer.
pub(crate) fn census(reply: Vec<Value>) -> Result<Census, Unavailable> {
    let mut values = reply.into_iter();
    let (epoch, sequence) = (text(values.next())?, number(values.next())?);
    let known = number(values.next())? == 1;
    let gathered = match (text(values.next())?.as_str(), text(values.next())?.as_str()) {
        ("", "") => None,
        (at, ago) => Some(Gathered { at: signed(at)?, ago: signed(ago)? }),
    };
    let mut peers = Vec::new();
    while let Some(listener) = values.next() {
        let (listener, streams) = (number(Some(listener))?, number(values.next())?);
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        peers.push(Peer { listener, streams, drains: number(values.next())? == 1 });
    }
    Ok(Census { head: Position { epoch, sequence }, known, peers, gathered })
}

fn signed(text: &str) -> Result<i64, Unavailable> {
    text.parse().map_err(|_| unexpected())
}

/// Reads the answer to a wait: what was appended, and the id of the last entry. Nothing, when nothing was.
///
/// # Errors
///
/// [`Unavailable`] when it is another answer.
pub(crate) fn woken(reply: Vec<Value>) -> Result<(Woken, Option<String>), Unavailable> {
    let mut values = reply.into_iter();
    let mut woken = Woken::default();
    match values.next() {
        None | Some(Value::Nil) => return Ok((woken, None)),
        // The key.
        Some(Value::Bytes(_) | Value::Status(_)) => {}
        Some(Value::Integer(_)) => return Err(unexpected()),
    }
    let (mut last, mut entries) = (None, 0_usize);
    while let Some(id) = values.next() {
        last = Some(text(Some(id))?);
        let mut field = |name: &str| match text(values.next())? == name {
            true => text(values.next()),
            false => Err(unexpected()),
        };
        let (topics, position) = (field("topics")?, place(&field("position")?)?);
        woken.hints.extend(topics.split('\n').map(|topic| Hint { topic: key(topic), position: position.clone() }));
        entries = entries.saturating_add(1);
    }
    woken.incomplete = entries >= WAIT_ENTRIES;
    Ok((woken, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(words: &[&str]) -> Vec<Value> {
        words.iter().map(|word| Value::Bytes(word.as_bytes().to_vec())).collect()
    }

    fn at(sequence: u64) -> Position {
        Position { epoch: "77".to_owned(), sequence }
    }

    #[test]
    fn a_census_has_a_head_and_peers() {
        let reply = values(&["77", "5", "1", "1000", "-20", "70001", "3", "0", "70002", "99999999999", "1"]);
        let peers = vec![
            Peer { listener: 70_001, streams: 3, drains: false },
            Peer { listener: 70_002, streams: u32::MAX, drains: true },
        ];
        let gathered = Some(Gathered { at: 1_000, ago: -20 });
        assert_eq!(census(reply), Ok(Census { head: at(5), known: true, peers, gathered }));
        assert_eq!(census(values(&["77", "5", "0", "", ""])).unwrap().gathered, None);
        let cut = ["77", "5", "0", "7", "8", "9", "10", "1"];
        let wrong = [&["77", "x", "1", "", ""][..], &["77", "5", "1", "x", "1"], &["77", "5", "1", "", "1"]];
        for words in [1, 2, 3, 4, 6, 7].map(|length| &cut[..length]).into_iter().chain(wrong) {
            assert!(census(values(words)).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_wait_returns_hints_and_the_last_id() {
        let (woken, last) = woken(values(&[
            "key", "1-0", "topics", "a\n*", "position", "5-77", "2-0", "topics", "b", "position", "6-77",
        ]))
        .unwrap();
        let hints =
            [("a", 5), ("*", 5), ("b", 6)].map(|(topic, sequence)| Hint { topic: key(topic), position: at(sequence) });
        assert_eq!((woken.hints.as_slice(), woken.incomplete, last.as_deref()), (&hints[..], false, Some("2-0")));
    }

    #[test]
    fn a_wait_that_returns_as_much_as_it_can_is_incomplete() {
        let mut words = vec!["key"];
        for entries in 1..=WAIT_ENTRIES {
            words.extend(["1-0", "topics", "a", "position", "5-77"]);
            let (woken, _) = woken(values(&words)).unwrap();
            assert_eq!((woken.hints.len(), woken.incomplete), (entries, entries == WAIT_ENTRIES));
        }
    }

    #[test]
    fn a_wait_without_an_answer_has_no_hints() {
        for reply in [vec![], vec![Value::Nil]] {
            assert_eq!(woken(reply), Ok((Woken::default(), None)));
        }
    }

    #[test]
    fn an_answer_in_another_shape_is_an_error() {
        let entry = ["key", "1-0", "topics", "a", "position", "5-77"];
        for (at, word) in [(2, "topic"), (4, "x"), (5, "5"), (5, "x-77")] {
            let mut words = entry;
            words[at] = word;
            assert!(woken(values(&words)).is_err(), "{words:?}");
        }
        for length in 2..6 {
            assert!(woken(values(&entry[..length])).is_err(), "{length}");
        }
        assert!(woken(vec![Value::Integer(1)]).is_err());
    }
}
