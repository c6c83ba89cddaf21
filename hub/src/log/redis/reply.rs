//! What Redis answers, as it arrives: Spin flattens a reply, so that an entry is five values in a row.

use bytes::Bytes;

use crate::log::log::{Page, Pushed};
use crate::log::position::{EpochEnd, Extent, Position};
use crate::log::record::Entry;
use crate::log::redis::server::Value;
use crate::log::unavailable::Unavailable;

/// Reads the answer to an append: the first sequence, and the epoch.
///
/// # Errors
///
/// [`Unavailable`] when it is another answer; so do all of these.
pub(crate) fn position(reply: Vec<Value>) -> Result<Position, Unavailable> {
    let mut values = reply.into_iter();
    let (sequence, epoch) = (number(values.next())?, text(values.next())?);
    Ok(Position { epoch, sequence })
}

/// Reads the answer to a read; `None` where there is no log.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn page(reply: Vec<Value>) -> Result<Option<Page>, Unavailable> {
    if reply.is_empty() {
        return Ok(None);
    }
    let mut values = reply.into_iter();
    let (epoch, head, earlier) = (text(values.next())?, number(values.next())?, text(values.next())?);
    let kept = number(values.next())?;
    let mut ends = ends(&earlier)?;
    ends.push(EpochEnd { epoch: epoch.clone(), sequence: head });
    let oldest = head.saturating_sub(kept).saturating_add(1);
    let mut entries = Vec::new();
    while let Some((_, entry)) = entry(&mut values)? {
        entries.push(entry);
    }
    Ok(Some(Page { extent: Extent { epoch, oldest, head, ends }, entries }))
}

/// Reads the answer to a wait at `head`: the entries that follow it without a hole and in the same epoch. With anything
/// else, and without any, the head must be read.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn pushed(reply: Vec<Value>, head: &Position) -> Result<Pushed, Unavailable> {
    let mut values = reply.into_iter();
    match values.next() {
        None | Some(Value::Nil) => return Ok(Pushed { entries: Vec::new(), resync: true }),
        // The stream's key.
        Some(Value::Bytes(_) | Value::Status(_)) => {}
        Some(Value::Integer(_)) => return Err(unexpected()),
    }
    let mut entries = Vec::new();
    let mut expected = head.sequence.saturating_add(1);
    while let Some((epoch, entry)) = entry(&mut values)? {
        if epoch != head.epoch || entry.sequence != expected {
            return Ok(Pushed { entries, resync: true });
        }
        expected = expected.saturating_add(1);
        entries.push(entry);
    }
    Ok(Pushed { entries, resync: false })
}

/// Reads the answer to a search: the sequence of the entry that was found.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn found(reply: Vec<Value>) -> Result<Option<u64>, Unavailable> {
    match reply.into_iter().next() {
        None | Some(Value::Nil) => Ok(None),
        entry => {
            let id = text(entry)?;
            let (sequence, _) = id.split_once('-').ok_or_else(unexpected)?;
            sequence.parse().map(Some).map_err(|_| unexpected())
        }
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

fn ends(text: &str) -> Result<Vec<EpochEnd>, Unavailable> {
    let mut ends = Vec::new();
    let mut words = text.split_ascii_whitespace();
    while let Some(epoch) = words.next() {
        let sequence = words.next().and_then(|word| word.parse().ok()).ok_or_else(unexpected)?;
        ends.push(EpochEnd { epoch: epoch.to_owned(), sequence });
    }
    Ok(ends)
}

/// The next entry and its epoch; `None` after the last.
fn entry(values: &mut impl Iterator<Item = Value>) -> Result<Option<(String, Entry)>, Unavailable> {
    let Some(id) = values.next() else { return Ok(None) };
    let foreign = || Unavailable::new("its stream holds an entry that the hub did not write");
    let id = text(Some(id))?;
    let (sequence, epoch) = id.split_once('-').ok_or_else(foreign)?;
    let sequence = sequence.parse().map_err(|_| foreign())?;
    let mut field = |name: &[u8]| match (values.next(), values.next()) {
        (Some(Value::Bytes(found)), Some(Value::Bytes(value))) if found == name => Ok(Bytes::from(value)),
        _ => Err(foreign()),
    };
    let (meta, wire) = (field(b"meta")?, field(b"wire")?);
    let entry = Entry::new(sequence, meta, wire).ok_or_else(foreign)?;
    Ok(Some((epoch.to_owned(), entry)))
}

fn text(value: Option<Value>) -> Result<String, Unavailable> {
    match value {
        Some(Value::Bytes(bytes)) => String::from_utf8(bytes).map_err(|_| unexpected()),
        Some(Value::Status(text)) => Ok(text),
        _ => Err(unexpected()),
    }
}

fn unexpected() -> Unavailable {
    Unavailable::new("it answered in a shape the hub does not know")
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
        let reply = [&["77", "6", "55 2 66 4 ", ":3"], &ENTRY[..], &NEXT].concat();
        let page = page(values(&reply)).unwrap().unwrap();
        assert_eq!((page.extent.epoch.as_str(), page.extent.oldest, page.extent.head), ("77", 4, 6));
        let ends: Vec<_> = page.extent.ends.iter().map(|end| (end.epoch.as_str(), end.sequence)).collect();
        assert_eq!(ends, [("55", 2), ("66", 4), ("77", 6)]);
        assert_eq!(sequences(&page.entries), [5, 6]);
        assert_eq!(page.entries[0].wire, "id: #77-5\ndata: x\n\n");
        assert!(!page.entries[0].private && page.entries[1].private);
        assert_eq!(page.entries[1].topics().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_log_without_updates_is_empty_and_one_that_is_not_there_is_none() {
        let page_of_none = page(values(&["77", "0", "", ":0"])).unwrap().unwrap();
        assert_eq!((page_of_none.extent.oldest, page_of_none.extent.head, page_of_none.entries.len()), (1, 0, 0));
        let expired = page(values(&["77", "9", "", ":0"])).unwrap().unwrap();
        assert_eq!((expired.extent.oldest, expired.extent.head), (10, 9));
        assert_eq!(page(vec![]).unwrap(), None);
    }

    #[test]
    fn a_page_in_another_shape_is_an_error() {
        for (at, word) in [(0, ":1"), (1, "x"), (1, "nil"), (2, "55"), (2, "55 x"), (3, ":-1"), (3, "nil")] {
            let mut reply = [&["77", "6", "55 2", ":3"], &ENTRY[..]].concat();
            reply[at] = word;
            assert!(page(values(&reply)).is_err(), "{reply:?}");
        }
        for length in 1..4 {
            assert!(page(values(&["77", "6", "55 2", ":3"][..length])).is_err());
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
            let reply = [&["77", "6", "", ":3"], &entry[..]].concat();
            assert!(page(values(&reply)).is_err(), "{reply:?}");
            let reply = [&["key"], &entry[..]].concat();
            assert!(pushed(values(&reply), &head(4)).is_err(), "{reply:?}");
        }
        for length in 1..5 {
            assert!(pushed(values(&[&["key"], &ENTRY[..length]].concat()), &head(4)).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_pushed_follows_the_head() {
        let reply = [&["key"], &ENTRY[..], &NEXT].concat();
        let both = pushed(values(&reply), &head(4)).unwrap();
        assert_eq!((sequences(&both.entries), both.resync), (vec![5, 6], false));
    }

    #[test]
    fn another_log_and_a_hole_are_a_reason_to_read_the_head() {
        let renamed = ["6-78", NEXT[1], NEXT[2], NEXT[3], NEXT[4]];
        for (reply, at, expected) in [
            (vec!["nil"], 4, vec![]),
            (vec![], 4, vec![]),
            ([&["key"], &ENTRY[..], &NEXT].concat(), 3, vec![]),
            ([&["key"], &ENTRY[..], &renamed].concat(), 4, vec![5]),
            ([&["key"], &ENTRY[..], &ENTRY].concat(), 4, vec![5]),
        ] {
            let pushed = pushed(values(&reply), &head(at)).unwrap();
            assert_eq!((sequences(&pushed.entries), pushed.resync), (expected, true), "{reply:?}");
        }
        assert!(pushed(values(&[":1"]), &head(4)).is_err());
    }

    #[test]
    fn an_append_is_answered_with_a_position() {
        assert_eq!(position(values(&["5", "77"])).unwrap(), head(5));
        for reply in [&[][..], &["5"], &["x", "77"], &["nil", "77"], &["5", ":77"], &["-1", "77"]] {
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
