//! What the log needs of SQLite, and how a statement waits for a lock.

use std::time::Duration;

use crate::instant::Instant;
use crate::log::unavailable::Unavailable;

/// A value of a statement or of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

/// What a statement returns.
pub(crate) type Rows = Vec<Vec<Value>>;

/// What the log needs of a SQLite connection.
pub(crate) trait Database {
    /// Runs one statement and returns its rows.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what SQLite said.
    fn execute(&self, statement: &str, values: Vec<Value>) -> impl Future<Output = Result<Rows, Unavailable>>;

    /// Runs one statement that only reads, which is over soon, and returns its rows.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what SQLite said.
    fn read(&self, statement: &str, values: Vec<Value>) -> impl Future<Output = Result<Rows, Unavailable>> {
        self.execute(statement, values)
    }
}

/// Where connections come from.
pub(crate) trait Connect {
    /// What it connects to.
    type Database: Database;

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what the host said.
    fn connect(&self) -> impl Future<Output = Result<Self::Database, Unavailable>>;

    /// Waits for about this time, while another instance writes.
    fn pause(&self, duration: Duration) -> impl Future<Output = ()>;

    /// What SQLite's clock showed at `moment`, in milliseconds since 1970: the wall clock now, less the time since.
    fn unix_millis(&self, moment: Instant) -> u64;
}

/// For how long an instance tries to get a lock that another one holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);
/// The shortest pause between two tries, and the longest of a statement. Up to there, a pause is as long as the wait so
/// far. If it grew on, those that come would get the lock before those that wait.
const LOCK_PAUSE: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(5));
/// A pause of opening is at least this part of the wait so far. Hundreds of instances may wait for one that makes the
/// tables of a new database: if each tried every few milliseconds, that one would hardly get the processor.
pub(super) const OPENING: f64 = 0.25;
/// A pause of a statement does not grow with the wait.
pub(super) const STATEMENT: f64 = 0.0;

/// Whether another instance holds a lock that the statement needs.
pub(super) fn is_locked(error: &Unavailable) -> bool {
    error.reason.contains("database is locked")
}

/// Runs a statement, or several from the first one, and does so again while another instance holds a lock. `part` is
/// [`STATEMENT`] or [`OPENING`].
///
/// # Errors
///
/// [`Unavailable`] with what SQLite said.
pub(super) async fn when_unlocked<C: Connect, T>(
    connect: &C,
    part: f64,
    statement: impl AsyncFn() -> Result<T, Unavailable>,
) -> Result<T, Unavailable> {
    let mut waited = Duration::ZERO;
    loop {
        match statement().await {
            Err(error) if is_locked(&error) && waited < LOCK_TIMEOUT => {
                let pause = waited.clamp(LOCK_PAUSE.0, LOCK_PAUSE.1).max(waited.mul_f64(part));
                connect.pause(pause).await;
                waited = waited.saturating_add(pause);
            }
            result => return result,
        }
    }
}
