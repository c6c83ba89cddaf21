//! The trait that a log implements, and its laws.

use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use crate::instant::Instant;
use crate::log::ended::{AppendError, Ended};
use crate::log::interest::Interest;
use crate::log::listener::{Census, ListenerId, Registration, Woken};
use crate::log::position::{Extent, Position};
use crate::log::record::{Entry, Record};
use crate::log::relay::{Begun, HolderId};
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
/// * [`after`](Log::after) returns the updates of an interest in order, each once, and skips none up to
///   [`Page::through`], but for those that are no longer kept, and then [`Page::gap`] says so.
/// * After the head there is nothing until the next append.
/// * The epoch is random and made with the log. A log that lost its past (deleted, restored, emptied) has another one
///   or a smaller head, so that no position in it can be taken for one in this one. A log that can lose its last
///   updates alone begins a new epoch then, and says in [`Extent::ends`] where the one before it ended.
/// * After the last update of a topic nothing is appended to that topic, for as long as updates are kept by their age.
///   So long the log remembers that the topic has ended, also when the update itself was pruned; but it remembers no
///   more ends than updates ([`MIN_ENDS`](crate::log::ended::MIN_ENDS) at least), and forgets the oldest first. Of the
///   topics of an interest, a [`Page`] names those that have ended.
/// * A topic has at most one relay. One that does not renew its lease is taken over by one holder at a time, until its
///   topic has ended.
/// * Who [registered](Log::register) a topic is told of every update on it that is appended after
///   [`Census::head`], unless the message is lost.
pub(crate) trait Log {
    /// Appends `records` as one.
    ///
    /// # Errors
    ///
    /// [`AppendError::Ended`] when one of the topics has ended, or ends in one of the records before another one on it;
    /// nothing was appended. [`AppendError::Unavailable`]; nothing was appended, or, where the log was lost on the way,
    /// it is not known.
    fn append(&self, records: &[Record]) -> impl Future<Output = Result<Appended, AppendError>>;

    /// Reads what `interest` says, at most [`PAGE_UPDATES`] and about [`PAGE_BYTES`].
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn after(&self, interest: &Interest) -> impl Future<Output = Result<Page, Unavailable>>;

    /// Where the log begins and ends.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn extent(&self) -> impl Future<Output = Result<Extent, Unavailable>>;

    /// Where the log begins and ends, and where it ended at `moment`, which is a little while ago.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn as_of(&self, moment: Instant) -> impl Future<Output = Result<AsOf, Unavailable>>;

    /// The oldest kept update to which its publisher gave this id.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn find(&self, id: &str) -> impl Future<Output = Result<Option<u64>, Unavailable>>;

    /// Which of these topics have ended.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn ended(&self, topics: &[Rc<str>]) -> impl Future<Output = Result<Ended, Unavailable>>;

    /// Registers a listener for [`LEASE`](crate::log::LEASE), or renews its lease.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn register(&self, registration: &Registration) -> impl Future<Output = Result<Census, Unavailable>>;

    /// Forgets a listener.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn unregister(&self, listener: ListenerId) -> impl Future<Output = Result<(), Unavailable>>;

    /// Tells these listeners to end their streams, unless some were told so within `pause`, before or after now by the
    /// log's clock. Whether they were told.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn drain(&self, listeners: &[ListenerId], pause: Duration) -> impl Future<Output = Result<bool, Unavailable>>;

    /// Holds `topic` for a relay, under a [lease](crate::log::relay::RELAY_LEASE), unless the topic has ended or
    /// another holder holds it. `left` is what is appended if the lease runs out: the last update of the topic. Who
    /// begins again what it holds, because the answer was lost, holds it from now on, and what it left remains.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn begin_relay(
        &self,
        topic: &str,
        holder: HolderId,
        left: &Record,
    ) -> impl Future<Output = Result<Begun, Unavailable>>;

    /// Whether there is an update on one of these topics, or a relay to one.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn has_any(&self, topics: &[Rc<str>]) -> impl Future<Output = Result<bool, Unavailable>>;

    /// Which of `topics` are held by `holder`. With `renew`, their leases are renewed; those of other topics are not,
    /// so that a relay of whose begin nobody learned runs out.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn held(
        &self,
        holder: HolderId,
        topics: &[Rc<str>],
        renew: bool,
    ) -> impl Future<Output = Result<Vec<String>, Unavailable>>;

    /// `holder` takes over the relays whose lease is over, but for those to the topics `but`. Returns what each left,
    /// which it must append; also of those that it took over before, and whose topics have not ended.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn take_over(&self, holder: HolderId, but: &[Rc<str>]) -> impl Future<Output = Result<Vec<Record>, Unavailable>>;

    /// Whether the log itself tells listeners of what is appended, in [`wait`](Log::wait). With one that does not,
    /// who appends wakes [`Appended::listeners`].
    fn wakes(&self) -> bool {
        false
    }

    /// Waits until a listener is told something, at most for some seconds.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn wait(&self, listener: ListenerId) -> impl Future<Output = Result<Woken, Unavailable>> {
        let _ = listener;
        pending()
    }
}

/// What an append returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The position of the first update.
    pub(crate) first: Position,
    /// Whom the appender must wake: those who registered a topic of the updates, by UDP port.
    pub(crate) listeners: Vec<u16>,
}

/// Where the log is, and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    /// Where it begins and ends.
    pub extent: Extent,
    /// All updates up to this sequence were appended before the moment that was asked for. Those of the last few
    /// milliseconds before that moment may be after it.
    pub sequence: u64,
}

/// How much history a log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many updates.
    pub updates: u64,
    /// For how many seconds.
    pub seconds: u64,
    /// How many bytes of updates, about.
    pub bytes: u64,
}

/// What one read returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where the log began and ended at the time of the read.
    pub extent: Extent,
    /// The updates, in order, each once.
    pub entries: Vec<Entry>,
    /// All updates of the interest up to this sequence are in the page, or were before it.
    pub through: u64,
    /// Topics that have ended: of an interest in topics, all of those that have, wherever; of an interest in
    /// everything, those that ended after its sequence and not after `through`.
    pub ended: Ended,
}

impl Page {
    /// A page that says only where the log begins and ends.
    pub fn without_updates(extent: Extent) -> Page {
        Page { through: extent.head, extent, entries: Vec::new(), ended: Vec::new() }
    }

    /// Whether the log does not have all that follows `position`.
    pub fn gap(&self, position: &Position) -> bool {
        !self.extent.holds(position)
    }
}
