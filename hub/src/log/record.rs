//! An update as the log stores it, and as a read returns it.
//!
//! A read is one value made of records, so that one row crosses from the host however many updates it carries:
//!
//! ```text
//! <sequence> SP <bytes of meta> SP <bytes of wire> LF <meta> <wire>
//! ```
//!
//! `meta` is `p` or `-` (private or public) and the topics, each followed by LF; `wire` is the event as it goes to
//! subscribers. Replaying is copying.

use bytes::Bytes;

use crate::log::unavailable::Unavailable;
use crate::topic::update::Update;

/// An update to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The id its publisher gave, if any.
    pub id: Option<String>,
    /// Whether it is the last one of its topics.
    pub last: bool,
    /// Who may receive it, see the module.
    pub meta: String,
    /// The event without its id, which may not be known yet.
    pub body: String,
}

impl Record {
    /// The bytes of its event, without its id.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// Its topics, the canonical one first.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.meta.get(1..).unwrap_or_default().split_terminator('\n')
    }
}

impl From<Update> for Record {
    fn from(update: Update) -> Self {
        let mut meta = String::from(if update.is_private() { "p" } else { "-" });
        for topic in update.topics() {
            meta.push_str(topic.as_str());
            meta.push('\n');
        }
        let last = update.is_last();
        let (id, body) = update.into_event();
        Record { id, last, meta, body }
    }
}

/// An update that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log.
    pub sequence: u64,
    /// Whether only subscribers that are authorized for one of its topics may receive it.
    pub private: bool,
    topics: Bytes,
    /// The event, encoded.
    pub wire: Bytes,
}

impl Entry {
    /// An update as it is stored; `None` when `meta` is not as the module says.
    pub fn new(sequence: u64, mut meta: Bytes, wire: Bytes) -> Option<Entry> {
        let private = match meta.first()? {
            b'p' => true,
            b'-' => false,
            _ => return None,
        };
        let _ = meta.split_to(1);
        Some(Entry { sequence, private, topics: meta, wire })
    }

    /// The topics, the canonical one first.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics
            .split_inclusive(|byte| *byte == b'\n')
            .filter_map(|line| str::from_utf8(line.strip_suffix(b"\n")?).ok())
    }

    /// The bytes this entry keeps in memory, about.
    pub fn size(&self) -> usize {
        self.wire.len().saturating_add(self.topics.len()).saturating_add(size_of::<Entry>())
    }
}

/// Appends a record as a read returns it.
pub fn write(out: &mut Vec<u8>, epoch: &str, sequence: u64, record: &Record) {
    let wire = match &record.id {
        Some(id) => format!("id: {id}\n{}", record.body),
        None => format!("id: #{epoch}-{sequence}\n{}", record.body),
    };
    out.extend_from_slice(format!("{sequence} {} {}\n", record.meta.len(), wire.len()).as_bytes());
    out.extend_from_slice(record.meta.as_bytes());
    out.extend_from_slice(wire.as_bytes());
}

/// Reads records until the end of `page`, without copying them.
///
/// # Errors
///
/// `Unavailable` when they are not as the module says: someone else writes to this store.
pub fn parse(mut page: Bytes) -> Result<Vec<Entry>, Unavailable> {
    let mut entries = Vec::new();
    while !page.is_empty() {
        let entry = parse_one(&mut page);
        entries.push(entry.ok_or_else(|| Unavailable::new("it holds a record that the hub did not write"))?);
    }
    Ok(entries)
}

fn parse_one(page: &mut Bytes) -> Option<Entry> {
    let end = page.iter().position(|byte| *byte == b'\n')?;
    let head = page.split_to(end.checked_add(1)?);
    let mut numbers = str::from_utf8(head.get(..end)?).ok()?.split(' ').map(str::parse::<u64>);
    let mut number = || numbers.next()?.ok();
    let (sequence, meta, wire) = (number()?, number()?, number()?);
    let mut take = |length: u64| {
        let length = usize::try_from(length).ok().filter(|length| *length <= page.len())?;
        Some(page.split_to(length))
    };
    let (meta, wire) = (take(meta)?, take(wire)?);
    Entry::new(sequence, meta, wire)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: Option<&str>, body: &str) -> Record {
        Record { id: id.map(str::to_owned), last: false, meta: "pone\ntwo\n".to_owned(), body: body.to_owned() }
    }

    #[test]
    fn records_are_read_as_they_are_written() {
        let mut page = Vec::new();
        write(&mut page, "e", 7, &record(None, "data: a\0\nb\n\n"));
        write(&mut page, "e", 8, &record(Some("urn:x"), ""));
        let entries = parse(Bytes::from(page)).unwrap();
        let first = entries.first().unwrap();
        assert_eq!((first.sequence, first.private), (7, true));
        assert_eq!(first.topics().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(first.wire, "id: #e-7\ndata: a\0\nb\n\n");
        assert_eq!(entries.get(1).unwrap().wire, "id: urn:x\n");
    }

    #[test]
    fn an_empty_page_has_no_entries() {
        assert_eq!(parse(Bytes::new()), Ok(vec![]));
    }

    #[test]
    fn a_page_the_hub_did_not_write_is_an_error() {
        for page in
            ["x", "\n", "1 2\n", "1 1 1\n-", "1 1 1\nxy", "1 0 0\n", "-1 1 1\n-a", "1 1 99999999999999999999\n-a"]
        {
            assert!(parse(Bytes::from(page)).is_err(), "{page:?}");
        }
    }
}
