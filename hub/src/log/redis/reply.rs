//! What Redis answers, as it arrives: Spin flattens a reply, so that an entry is five values in a row.

use std::rc::Rc;

use bytes::Bytes;

use crate::log::ended::{self, AppendError, Ended};
use crate::log::log::Page;
use crate::log::position::{EpochEnd, Extent, Position};
use crate::log::record::Entry;
use crate::log::redis::server::Value;
use crate::log::unavailable::Unavailable;

/// Reads the answer to an append: the first sequence, and the epoch.
///
/// # Errors
///
/// [`AppendError::Ended`]; [`AppendError::Unavailable`] when it is another answer; so do all of these.
pub(crate) fn position(reply: Vec<Value>) -> Result<Position, AppendError> {
    let mut values = reply.into_iter();
    let first = text(values.next())?;
    let second = text(values.next())?;
    if first == "ended" {
        return Err(AppendError::Ended(second));
    }
    Ok(Position { epoch: second, sequence: first.parse().map_err(|_| unexpected())? })
}

/// Reads the answer to an append, of which [`AppendError::Ended`] is one.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn written(reply: Vec<Value>) -> Result<Result<Position, AppendError>, Unavailable> {
    match position(reply) {
        // Who answers something else may have done something else.
        Err(AppendError::Unavailable(unavailable)) => Err(Unavailable { uncertain: true, ..unavailable }),
        written => Ok(written),
    }
}

/// Reads which of `topics` have ended.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn ended(topics: &[Rc<str>], reply: Vec<Value>) -> Result<Ended, Unavailable> {
    let mut ended = Vec::new();
    for (topic, value) in topics.iter().zip(reply) {
        if value != Value::Nil {
            ended.push((Rc::clone(topic), number(Some(value))?));
        }
    }
    Ok(ended)
}

/// Reads the answer to a read.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn page(reply: Vec<Value>) -> Result<Page, Unavailable> {
    let mut values = reply.into_iter();
    let extent = extent(&mut values)?;
    let through = number(values.next())?;
    let ended = ended::parse(&text(values.next())?).ok_or_else(unexpected)?;
    let mut entries = Vec::new();
    while let Some(entry) = entry(&mut values)? {
        entries.push(entry);
    }
    Ok(Page { extent, entries, through, ended })
}

/// Reads where a log begins and ends, and whether a topic has ended.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn extent(values: &mut impl Iterator<Item = Value>) -> Result<Extent, Unavailable> {
    let (epoch, head, earlier) = (text(values.next())?, number(values.next())?, text(values.next())?);
    let kept = number(values.next())?;
    let has_ended_topics = number(values.next())? == 1;
    let mut ends = ends(&earlier)?;
    ends.push(EpochEnd { epoch: epoch.clone(), sequence: head });
    let oldest = head.saturating_sub(kept).saturating_add(1);
    Ok(Extent { epoch, oldest, head, ends, has_ended_topics })
}

/// Reads the answer to a search: the sequence of the entry that was found.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn found(reply: Vec<Value>) -> Result<Option<u64>, Unavailable> {
    match reply.into_iter().next() {
        None | Some(Value::Nil) => Ok(None),
        entry => place(&text(entry)?).map(|position| Some(position.sequence)),
    }
}

/// Reads the id of the server's run from what `INFO server` says. One that does not tell has always the same.
pub(crate) fn run_id(reply: Vec<Value>) -> Result<String, Unavailable> {
    let info = text(reply.into_iter().next())?;
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    Ok(run.unwrap_or("unknown").trim().to_owned())
}

/// Reads a whole number that is not negative.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn number(value: Option<Value>) -> Result<u64, Unavailable> {
    match value {
        Some(Value::Integer(number)) => u64::try_from(number).map_err(|_| unexpected()),
        value => text(value)?.parse().map_err(|_| unexpected()),
    }
}

/// Reads a position as an entry's id has it.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn place(id: &str) -> Result<Position, Unavailable> {
    let (sequence, epoch) = id.split_once('-').ok_or_else(unexpected)?;
    let sequence = sequence.parse().map_err(|_| unexpected())?;
    Ok(Position { epoch: epoch.to_owned(), sequence })
}

/// Reads a text.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn text(value: Option<Value>) -> Result<String, Unavailable> {
    match value {
        Some(Value::Bytes(bytes)) => String::from_utf8(bytes).map_err(|_| unexpected()),
        Some(Value::Status(text)) => Ok(text),
        _ => Err(unexpected()),
    }
}

/// That a reply is not what the hub asked for.
pub(crate) fn unexpected() -> Unavailable {
    Unavailable::new("it answered in a shape the hub does not know")
}

fn ends(text: &str) -> Result<Vec<EpochEnd>, Unavailable> {
    let mut ends = Vec::new();
    let mut words = text.split_ascii_whitespace();
    while let Some(epoch) = words.next() {
        let sequence = words.next().and_then(|word| word.parse().ok()).ok_or_else(unexpected)?;
        ends.push(EpochEnd { epoch: epoch.to_owned(), sequence });
    }
    Ok(ends)
}

/// The next entry; `None` after the last.
fn entry(values: &mut impl Iterator<Item = Value>) -> Result<Option<Entry>, Unavailable> {
    let Some(id) = values.next() else { return Ok(None) };
    let foreign = || Unavailable::new("its stream holds an entry that the hub did not write");
    let position = place(&text(Some(id))?).map_err(|_| foreign())?;
    let mut field = |name: &[u8]| match (values.next(), values.next()) {
        (Some(Value::Bytes(found)), Some(Value::Bytes(value))) if found == name => Ok(Bytes::from(value)),
        _ => Err(foreign()),
    };
    let (meta, wire) = (field(b"meta")?, field(b"wire")?);
    Entry::new(position.sequence, meta, wire).map(Some).ok_or_else(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values as they arrive: a word that begins with `:` is a number, `nil` is nil, the rest are bytes.
    fn values(words: &[&str]) -> Vec<Value> {
        let value = |word: &&str| match word.strip_prefix(':') {
            Some(number) => Value::Integer(number.parse().unwrap()),
            None if *word == "nil" => Value::Nil,
            None => Value::Bytes(word.as_bytes().to_vec()),
        };
        words.iter().map(value).collect()
    }

    fn head(sequence: u64) -> Position {
        Position { epoch: "77".to_owned(), sequence }
    }

    fn sequences(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.sequence).collect()
    }

    const ENTRY: [&str; 5] = ["5-77", "meta", "-demo\n", "wire", "id: #77-5\ndata: x\n\n"];
    const NEXT: [&str; 5] = ["6-77", "meta", "pa\nb\n", "wire", "id: urn:1\ndata: y\n\n"];

    #[test]
    fn a_page_has_an_extent_and_entries() {
        let reply = [&["77", "6", "55 2 66 4 ", ":3", ":1", "6", "2 a b\n"], &ENTRY[..], &NEXT].concat();
        let page = page(values(&reply)).unwrap();
        assert_eq!((page.extent.epoch.as_str(), page.extent.oldest, page.extent.head), ("77", 4, 6));
        let ends: Vec<_> = page.extent.ends.iter().map(|end| (end.epoch.as_str(), end.sequence)).collect();
        assert_eq!(ends, [("55", 2), ("66", 4), ("77", 6)]);
        assert_eq!((sequences(&page.entries), page.through), (vec![5, 6], 6));
        assert_eq!(page.entries[0].wire, "id: #77-5\ndata: x\n\n");
        assert!(!page.entries[0].private && page.entries[1].private);
        assert_eq!(page.entries[1].topics().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((page.extent.has_ended_topics, page.ended), (true, vec![(Rc::from("a b"), 2)]));
    }

    #[test]
    fn a_log_without_updates_is_empty() {
        let page_of_none = page(values(&["77", "0", "", ":0", ":0", "0", ""])).unwrap();
        assert_eq!((page_of_none.extent.oldest, page_of_none.extent.head, page_of_none.entries.len()), (1, 0, 0));
        let expired = page(values(&["77", "9", "", ":0", ":0", "0", ""])).unwrap();
        assert_eq!((expired.extent.oldest, expired.extent.head), (10, 9));
    }

    #[test]
    fn a_page_in_another_shape_is_an_error() {
        for (at, word) in [
            (0, ":1"),
            (1, "x"),
            (1, "nil"),
            (2, "55"),
            (2, "55 x"),
            (3, ":-1"),
            (3, "nil"),
            (4, "x"),
            (5, "x"),
            (6, "x"),
        ] {
            let mut reply = [&["77", "6", "55 2", ":3", ":0", "6", ""], &ENTRY[..]].concat();
            reply[at] = word;
            assert!(page(values(&reply)).is_err(), "{reply:?}");
        }
        for length in 0..7 {
            assert!(page(values(&["77", "6", "55 2", ":3", ":0", "6", ""][..length])).is_err());
        }
        assert!(page(vec![Value::Bytes(vec![0xff])]).is_err());
    }

    #[test]
    fn an_entry_that_the_hub_did_not_write_is_an_error() {
        for (at, word) in
            [(0, "5"), (0, "x-77"), (0, "nil"), (1, "name"), (1, ":1"), (2, ""), (2, "demo\n"), (3, "meta"), (4, "nil")]
        {
            let mut entry = ENTRY;
            entry[at] = word;
            let reply = [&["77", "6", "", ":3", ":0", "6", ""], &entry[..]].concat();
            assert!(page(values(&reply)).is_err(), "{reply:?}");
        }
        for length in 1..5 {
            let reply = [&["77", "6", "", ":3", ":0", "6", ""], &ENTRY[..length]].concat();
            assert!(page(values(&reply)).is_err(), "{length}");
        }
    }

    #[test]
    fn an_append_is_answered_with_a_position() {
        assert_eq!(position(values(&["5", "77"])).unwrap(), head(5));
        assert_eq!(position(values(&["ended", "a b"])), Err(AppendError::Ended("a b".to_owned())));
        for reply in [&[][..], &["5"], &["ended"], &["x", "77"], &["nil", "77"], &["5", ":77"], &["-1", "77"]] {
            assert!(position(values(reply)).is_err(), "{reply:?}");
        }
    }

    #[test]
    fn a_search_finds_a_sequence_or_nothing() {
        assert_eq!(found(values(&["5-77"])).unwrap(), Some(5));
        assert_eq!(found(values(&["nil"])).unwrap(), None);
        for reply in [&["5"][..], &["x-77"], &[":5"]] {
            assert!(found(values(reply)).is_err(), "{reply:?}");
        }
    }

    #[test]
    fn the_run_of_a_server_is_one_line_of_its_info() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:0a1b\r\ntcp_port:6379\r\n";
        assert_eq!(run_id(values(&[info])).unwrap(), "0a1b");
        assert_eq!(run_id(values(&["# Server\r\n"])).unwrap(), "unknown");
        assert!(run_id(values(&["nil"])).is_err());
    }
}
