//! The trait that a log implements, and its laws.

use std::future::pending;

use crate::log::position::{Extent, Position};
use crate::log::record::{Entry, Record};
use crate::log::unavailable::Unavailable;

/// How many updates one read returns at most.
pub(crate) const PAGE_UPDATES: usize = 1_000;
/// How many bytes of updates one read returns at most, the first update aside, which is returned whatever its size.
pub(crate) const PAGE_BYTES: usize = 256 * 1024;

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
///   or a smaller head, so that no position in it can be taken for one in this one. A log that can lose its last
///   updates alone begins a new epoch then, and says in [`Extent::ends`] where the one before it ended.
pub(crate) trait Log {
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

    /// Whether it pushes what is appended, to who is in [`wait`](Log::wait). One that does not must be polled.
    fn pushes(&self) -> bool {
        false
    }

    /// Waits until something follows `head`, at most for about a second.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn wait(&self, head: &Position) -> impl Future<Output = Result<Pushed, Unavailable>> {
        let _ = head;
        pending()
    }
}

/// How much history a log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many updates.
    pub updates: u64,
    /// For how many seconds.
    pub seconds: u64,
}

/// What a wait returns.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// What follows the head that was waited at, without a hole and in the same log.
    pub entries: Vec<Entry>,
    /// Whether the head must be read: the log may be another one, or have a hole.
    pub resync: bool,
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
