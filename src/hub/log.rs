//! The log: the only truth about which updates there are, and in which order.

pub mod memory;
pub mod record;
pub mod sqlite;

use std::fmt;

pub use record::{Entry, Record};

/// How many updates one read returns at most.
pub const PAGE_UPDATES: usize = 1_000;
/// How many bytes of updates one read returns at most, the first update aside, which is returned whatever its size.
pub const PAGE_BYTES: usize = 256 * 1024;

/// A durable, ordered, bounded history of updates, shared by all instances of a hub.
///
/// Its laws, which every backend is tested against:
///
/// * Only the log gives out sequence numbers. They grow by one from update to update, in one order for all readers,
///   starting at 1; those of one [`append`](Log::append) follow each other.
/// * An append is atomic and durable when it returns.
/// * [`after`](Log::after) returns updates in order and skips none: the first has the sequence asked for plus one, or
///   is the oldest that is kept, and then [`Page::gap`] says so.
/// * After the head there is nothing until the next append.
/// * The epoch is random and made with the log. A log that lost its past (deleted, restored, emptied) has another one
///   or a smaller head, so that no position in it can be taken for one in this one.
pub trait Log {
    /// Appends `records` as one and returns the sequence of the first.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; nothing was appended, or, where the log was lost on the way, it is not known.
    fn append(&self, records: &[Record]) -> impl Future<Output = Result<Position, Unavailable>>;

    /// Reads what follows `sequence`, at most [`PAGE_UPDATES`] and about [`PAGE_BYTES`].
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn after(&self, sequence: u64) -> impl Future<Output = Result<Page, Unavailable>>;

    /// Where the log begins and ends.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn extent(&self) -> impl Future<Output = Result<Extent, Unavailable>>;

    /// The oldest kept update to which its publisher gave this id.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn find(&self, id: &str) -> impl Future<Output = Result<Option<u64>, Unavailable>>;
}

/// What one read returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where the log began and ended at the time of the read.
    pub extent: Extent,
    /// The updates, in order.
    pub entries: Vec<Entry>,
}

impl Page {
    /// Whether the log does not have all that follows `position`.
    pub fn gap(&self, position: &Position) -> bool {
        !self.extent.holds(position)
    }
}

/// Where a log begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The random name of this log.
    pub epoch: String,
    /// The sequence of the oldest update it keeps; `head` plus one when it keeps none.
    pub oldest: u64,
    /// The sequence of the newest update it ever had; 0 when it had none.
    pub head: u64,
}

impl Extent {
    /// Whether all updates that follow `position` are kept.
    pub fn holds(&self, position: &Position) -> bool {
        position.epoch == self.epoch && position.sequence <= self.head && position.sequence >= self.start().sequence
    }

    /// Before the oldest update.
    pub fn start(&self) -> Position {
        Position { epoch: self.epoch.clone(), sequence: self.oldest.saturating_sub(1) }
    }

    /// After the newest update.
    pub fn end(&self) -> Position {
        Position { epoch: self.epoch.clone(), sequence: self.head }
    }
}

/// A place in a log: its updates up to and including `sequence` are past. On the wire, `#<epoch>-<sequence>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The log's random name.
    pub epoch: String,
    /// The last update that is past; 0 before the first.
    pub sequence: u64,
}

impl Position {
    /// Reads `#<epoch>-<sequence>`; `None` for an id that the hub did not mint.
    pub fn parse(id: &str) -> Option<Position> {
        let (epoch, sequence) = id.strip_prefix('#')?.rsplit_once('-')?;
        let digits = sequence.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = sequence.parse().ok().filter(|_| digits)?;
        Some(Position { epoch: epoch.to_owned(), sequence })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}-{}", self.epoch, self.sequence)
    }
}

/// The log cannot be read or written now; holds what the store said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(pub String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the log is unavailable: {}", self.0)
    }
}

impl std::error::Error for Unavailable {}

#[cfg(test)]
pub(crate) mod laws;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let position = Position { epoch: "0a1b".to_owned(), sequence: 42 };
        assert_eq!(position.to_string(), "#0a1b-42");
        assert_eq!(Position::parse("#0a1b-42"), Some(position));
    }

    #[test]
    fn an_id_the_hub_did_not_mint_is_no_position() {
        for id in ["", "#", "#-", "#a-", "#a", "a-1", "#a-+1", "#a--", "#a-18446744073709551616", "urn:uuid:1-2"] {
            assert_eq!(Position::parse(id), None, "{id}");
        }
    }

    #[test]
    fn an_extent_holds_only_its_own_past_and_what_it_kept() {
        let extent = Extent { epoch: "e".to_owned(), oldest: 5, head: 9 };
        let holds = |epoch: &str, sequence| extent.holds(&Position { epoch: epoch.to_owned(), sequence });
        assert!(holds("e", 4) && holds("e", 9));
        assert!(!holds("e", 3) && !holds("e", 10) && !holds("f", 5));
    }
}
