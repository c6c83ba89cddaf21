//! The log in SQLite.
//!
//! One statement per operation, because Spin runs one statement at a time: pruning is a trigger, and a page is one row.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use crate::log::log::{Log, Page, Retention};
use crate::log::position::{Extent, Position};
use crate::log::record::{self, Record};
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
}

/// A log in one SQLite database.
///
/// It connects when it is first used, and anew after an error: a database that was away is found again.
pub(crate) struct SqliteLog<C: Connect> {
    connect: C,
    retention: Retention,
    connected: RefCell<Option<Rc<C::Database>>>,
}

/// For how long an instance tries to get a lock that another one holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);
/// The shortest and the longest pause between two tries. In between, a pause is as long as the wait so far.
const LOCK_PAUSE: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(5));

const SCHEMA: &str = include_str!("sqlite/schema.sql");
const EXTENT: &str = include_str!("sqlite/extent.sql");
const AFTER: &str = include_str!("sqlite/after.sql");
const RETENTION: &str = include_str!("sqlite/retention.sql");
const SET_RETENTION: &str = include_str!("sqlite/set_retention.sql");
const PRUNE: &str = include_str!("sqlite/prune.sql");

impl<C: Connect> SqliteLog<C> {
    /// A log whose connections come from `connect`.
    pub(crate) fn new(connect: C, retention: Retention) -> Self {
        SqliteLog { connect, retention, connected: RefCell::default() }
    }

    async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let connected = self.connected.borrow().clone();
        let database = match connected {
            Some(database) => database,
            None => {
                let database = Rc::new(self.connect.connect().await?);
                self.prepare(&*database).await?;
                *self.connected.borrow_mut() = Some(Rc::clone(&database));
                database
            }
        };
        let result = self.execute_when_unlocked(&*database, statement, values).await;
        if result.is_err() {
            *self.connected.borrow_mut() = None;
        }
        result
    }

    /// Makes the tables where there are none, sets the retention, and removes what is too old. Mostly there is
    /// nothing to do, and then nothing is written: an instance that only reads does not wait for a writer.
    async fn prepare(&self, database: &C::Database) -> Result<(), Unavailable> {
        let keep = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let (updates, seconds) = (keep(self.retention.updates.max(1)), keep(self.retention.seconds));
        let found = database.execute(RETENTION, vec![]).await.unwrap_or_default();
        if found == [[updates.clone(), seconds.clone(), Value::Integer(0)]] {
            return Ok(());
        }
        // With a write-ahead log, readers do not wait for writers, and an append costs half. The mode stays set.
        // Another instance may be setting it at this moment.
        let _ = database.execute("PRAGMA journal_mode = WAL", vec![]).await;
        for statement in SCHEMA.split("\n\n") {
            self.execute_when_unlocked(database, statement, vec![]).await?;
        }
        let statement = "INSERT OR IGNORE INTO hub VALUES (1, lower(hex(randomblob(8))), ?1, ?2)";
        self.execute_when_unlocked(database, statement, vec![updates.clone(), seconds.clone()]).await?;
        self.execute_when_unlocked(database, SET_RETENTION, vec![updates, seconds]).await?;
        self.execute_when_unlocked(database, PRUNE, vec![]).await.map(drop)
    }

    /// Runs a statement, and runs it again while another instance holds the lock that the statement needs.
    async fn execute_when_unlocked(
        &self,
        database: &C::Database,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Rows, Unavailable> {
        let mut waited = Duration::ZERO;
        loop {
            match database.execute(statement, values.clone()).await {
                Err(error) if error.reason.contains("database is locked") && waited < LOCK_TIMEOUT => {
                    let pause = waited.clamp(LOCK_PAUSE.0, LOCK_PAUSE.1);
                    self.connect.pause(pause).await;
                    waited = waited.saturating_add(pause);
                }
                result => return result,
            }
        }
    }
}

impl<C: Connect> Log for SqliteLog<C> {
    async fn append(&self, records: &[Record]) -> Result<Position, Unavailable> {
        let mut statement = String::from("INSERT INTO updates (time, size, id, meta, body) VALUES ");
        let mut values = Vec::new();
        for record in records {
            statement.push_str(if values.is_empty() {
                "(unixepoch(), ?, ?, ?, ?)"
            } else {
                ", (unixepoch(), ?, ?, ?, ?)"
            });
            let size = record.meta.len().saturating_add(record.body.len());
            values.extend([
                Value::Integer(i64::try_from(size).unwrap_or(i64::MAX)),
                record.id.as_ref().map_or(Value::Null, |id| Value::Text(id.clone())),
                Value::Text(record.meta.clone()),
                Value::Text(record.body.clone()),
            ]);
        }
        let row = if records.len() == 1 {
            statement.push_str(" RETURNING sequence, (SELECT epoch FROM hub)");
            only(self.execute(&statement, values).await?)?
        } else {
            // A row each would cross from the host; the last sequence tells the others, as they follow each other.
            self.execute(&statement, values).await?;
            only(self.execute("SELECT last_insert_rowid(), epoch FROM hub", vec![]).await?)?
        };
        let [Value::Integer(last), Value::Text(epoch)] = row.as_slice() else { return Err(unexpected()) };
        let earlier = u64::try_from(records.len().saturating_sub(1)).map_err(|_| unexpected())?;
        let first = u64::try_from(*last).ok().and_then(|last| last.checked_sub(earlier)).ok_or_else(unexpected)?;
        Ok(Position { epoch: epoch.clone(), sequence: first })
    }

    async fn after(&self, sequence: u64) -> Result<Page, Unavailable> {
        let values = vec![Value::Integer(i64::try_from(sequence).unwrap_or(i64::MAX))];
        let mut row = only(self.execute(AFTER, values).await?)?;
        let entries = match row.pop() {
            Some(Value::Blob(records)) => record::parse(Bytes::from(records))?,
            Some(Value::Null) => Vec::new(),
            _ => return Err(unexpected()),
        };
        Ok(Page { extent: to_extent(&row)?, entries })
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        to_extent(&only(self.execute(EXTENT, vec![]).await?)?)
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        let statement = "SELECT min(sequence) FROM updates WHERE id = ?";
        let row = only(self.execute(statement, vec![Value::Text(id.to_owned())]).await?)?;
        Ok(match row.first() {
            Some(Value::Integer(sequence)) => u64::try_from(*sequence).ok(),
            _ => None,
        })
    }
}

fn only(rows: Vec<Vec<Value>>) -> Result<Vec<Value>, Unavailable> {
    rows.into_iter().next().ok_or_else(unexpected)
}

fn to_extent(row: &[Value]) -> Result<Extent, Unavailable> {
    let [Value::Text(epoch), oldest, Value::Integer(head)] = row else { return Err(unexpected()) };
    let head = u64::try_from(*head).map_err(|_| unexpected())?;
    let oldest = match oldest {
        Value::Integer(oldest) => u64::try_from(*oldest).map_err(|_| unexpected())?,
        _ => head.saturating_add(1),
    };
    Ok(Extent { epoch: epoch.clone(), oldest, head, ends: Vec::new() })
}

fn unexpected() -> Unavailable {
    Unavailable::new("the database answered in a shape the hub does not know")
}

#[cfg(test)]
mod tests;
