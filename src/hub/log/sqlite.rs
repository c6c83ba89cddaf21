//! The log in Spin's SQLite, where `default` is embedded and needs no set-up.
//!
//! One statement per operation, because Spin runs one statement at a time: pruning is a trigger, and a page is one
//! row. `AUTOINCREMENT` is what makes sequences grow for ever, also when everything was pruned.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use spin_sdk::sqlite::{Connection, Value};
use spin_sdk::time::sleep;
use spin_sse::timer::scattered;

use crate::hub::log::{Extent, Log, Page, Position, Record, Retention, Unavailable, record};

/// What a statement returns.
pub type Rows = Vec<Vec<Value>>;

/// What the log needs of a SQLite connection.
pub trait Database {
    /// Runs one statement and returns its rows.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what SQLite said.
    fn execute(&self, statement: &str, values: Vec<Value>) -> impl Future<Output = Result<Rows, Unavailable>>;
}

impl Database for Connection {
    async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let failed = |error: spin_sdk::sqlite::Error| Unavailable::new(error.to_string());
        let rows =
            Connection::execute(self, statement, values).await.map_err(failed)?.collect().await.map_err(failed)?;
        Ok(rows.into_iter().map(|row| row.values).collect())
    }
}

/// Where connections come from.
pub trait Connect {
    /// What it connects to.
    type Database: Database;

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what the host said.
    fn connect(&self) -> impl Future<Output = Result<Self::Database, Unavailable>>;

    /// Waits for a moment, while another instance writes.
    fn pause(&self, moment: Duration) -> impl Future<Output = ()>;
}

/// Spin's database `default`.
#[derive(Debug)]
pub enum SpinDefault {
    /// For appends.
    Writing,
    /// For everything else: the first answer of an instance waits for its connection.
    Reading,
}

impl Connect for SpinDefault {
    type Database = Connection;

    async fn connect(&self) -> Result<Connection, Unavailable> {
        let connection = Connection::open_default().await.map_err(|error| Unavailable::new(error.to_string()))?;
        if matches!(self, SpinDefault::Writing) {
            // SQLite would wait for a lock in steps of up to 100 ms; appends are over in less than one. A database that is
            // not a file may not know it.
            let _ = Database::execute(&connection, "PRAGMA busy_timeout = 0", vec![]).await;
        }
        Ok(connection)
    }

    async fn pause(&self, moment: Duration) {
        sleep(scattered(moment)).await;
    }
}

/// A log in one SQLite database.
///
/// It connects when it is first used, and anew after an error: a database that was away is found again.
pub struct SqliteLog<C: Connect> {
    connect: C,
    retention: Retention,
    connected: RefCell<Option<Rc<C::Database>>>,
}

/// For how long an instance tries to get a lock that another one holds.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long it waits before it tries again: as long as it has waited so far, but at least and at most so long.
const MOMENTS: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(5));

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS hub (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        epoch TEXT NOT NULL,
        history_updates INTEGER NOT NULL,
        history_seconds INTEGER NOT NULL
    )",
    // `size` stands before the large columns, so that bounding a page does not read them.
    "CREATE TABLE IF NOT EXISTS updates (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        time INTEGER NOT NULL,
        size INTEGER NOT NULL,
        id TEXT,
        meta TEXT NOT NULL,
        body TEXT NOT NULL
    )",
    "CREATE INDEX IF NOT EXISTS updates_id ON updates (id, sequence) WHERE id IS NOT NULL",
    // Appends remove what they push out, and what is too old, twice as much as comes in: of a long history every sixteenth
    // for all. Always the oldest, whatever the wall clock did: there must be no hole.
    "CREATE TRIGGER IF NOT EXISTS updates_prune AFTER INSERT ON updates
    WHEN NEW.sequence % 16 = 0 OR (SELECT history_updates FROM hub) < 1000 BEGIN
        DELETE FROM updates WHERE sequence <= NEW.sequence - (SELECT history_updates FROM hub);
        DELETE FROM updates WHERE sequence IN (SELECT sequence FROM updates ORDER BY sequence LIMIT 32)
            AND NOT EXISTS (SELECT 1 FROM updates AS older WHERE older.sequence <= updates.sequence
                AND older.time >= NEW.time - (SELECT history_seconds FROM hub));
    END",
];

const EXTENT: &str = "SELECT epoch, (SELECT min(sequence) FROM updates),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0) FROM hub";

// [`PAGE_UPDATES`] and [`PAGE_BYTES`] as they are: a bound LIMIT makes SQLite parse the statement anew each time.
const AFTER: &str = "WITH
    last (sequence) AS (
        SELECT max(sequence) FROM (
            SELECT sequence, size, sum(size) OVER (ORDER BY sequence) AS total
            FROM (SELECT sequence, size FROM updates WHERE sequence > ?1 ORDER BY sequence LIMIT 1000)
        ) WHERE total - size < 262144
    ),
    page (sequence, meta, wire) AS (
        SELECT sequence, meta, 'id: ' || coalesce(id, '#' || (SELECT epoch FROM hub) || '-' || sequence) || char(10) || body
        FROM updates WHERE sequence > ?1 AND sequence <= (SELECT sequence FROM last) ORDER BY sequence
    )
    SELECT epoch, (SELECT min(sequence) FROM updates),
        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
        (SELECT CAST(group_concat(
            sequence || ' ' || octet_length(meta) || ' ' || octet_length(wire) || char(10) || meta || wire, ''
        ) AS BLOB) FROM page)
    FROM hub";

impl<C: Connect> SqliteLog<C> {
    /// A log whose connections come from `connect`.
    pub fn new(connect: C, retention: Retention) -> Self {
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
        let result = self.patiently(&*database, statement, values).await;
        if result.is_err() {
            *self.connected.borrow_mut() = None;
        }
        result
    }

    /// Makes the tables where there are none, takes over the retention, and removes what is too old. Appends do that too:
    /// this is for a log that had none for long. Mostly there is nothing to do, and then nothing is written: whoever only
    /// reads does not wait for a writer.
    async fn prepare(&self, database: &C::Database) -> Result<(), Unavailable> {
        let keep = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let (updates, seconds) = (keep(self.retention.updates.max(1)), keep(self.retention.seconds));
        let statement = "SELECT history_updates, history_seconds,
            coalesce((SELECT time FROM updates ORDER BY sequence LIMIT 1) < unixepoch() - history_seconds, 0) FROM hub";
        let found = database.execute(statement, vec![]).await.unwrap_or_default();
        if found == [[updates.clone(), seconds.clone(), Value::Integer(0)]] {
            return Ok(());
        }
        // Readers do not wait for writers, and an append costs half. It stays set; another instance may just do it.
        let _ = database.execute("PRAGMA journal_mode = WAL", vec![]).await;
        for table in TABLES {
            self.patiently(database, table, vec![]).await?;
        }
        let statement = "INSERT OR IGNORE INTO hub VALUES (1, lower(hex(randomblob(8))), ?1, ?2)";
        self.patiently(database, statement, vec![updates.clone(), seconds.clone()]).await?;
        let statement = "UPDATE hub SET history_updates = ?1, history_seconds = ?2
            WHERE history_updates <> ?1 OR history_seconds <> ?2";
        self.patiently(database, statement, vec![updates, seconds]).await?;
        let statement = "DELETE FROM updates WHERE sequence < coalesce(
            (SELECT sequence FROM updates WHERE time >= unixepoch() - (SELECT history_seconds FROM hub) ORDER BY sequence LIMIT 1),
            9223372036854775807)";
        self.patiently(database, statement, vec![]).await.map(drop)
    }

    /// Runs a statement, again while another instance holds the lock that it needs.
    async fn patiently(
        &self,
        database: &C::Database,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Rows, Unavailable> {
        let mut waited = Duration::ZERO;
        loop {
            match database.execute(statement, values.clone()).await {
                Err(error) if error.reason.contains("database is locked") && waited < PATIENCE => {
                    let moment = waited.clamp(MOMENTS.0, MOMENTS.1);
                    self.connect.pause(moment).await;
                    waited = waited.saturating_add(moment);
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
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rusqlite::types::Value as Sql;

    use super::*;
    use crate::hub::log::laws::{self, now};
    use crate::hub::log::{PAGE_BYTES, PAGE_UPDATES};

    impl Database for rusqlite::Connection {
        async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
            let failed = |error: rusqlite::Error| Unavailable::new(error.to_string());
            let values = values.into_iter().map(|value| match value {
                Value::Integer(number) => Sql::Integer(number),
                Value::Text(text) => Sql::Text(text),
                Value::Real(number) => Sql::Real(number),
                Value::Blob(bytes) => Sql::Blob(bytes),
                Value::Null => Sql::Null,
            });
            let mut statement = self.prepare(statement).map_err(failed)?;
            let columns = statement.column_count();
            let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
                (0..columns)
                    .map(|column| {
                        row.get(column).map(|value| match value {
                            Sql::Integer(number) => Value::Integer(number),
                            Sql::Text(text) => Value::Text(text),
                            Sql::Real(number) => Value::Real(number),
                            Sql::Blob(bytes) => Value::Blob(bytes),
                            Sql::Null => Value::Null,
                        })
                    })
                    .collect()
            });
            rows.and_then(Iterator::collect).map_err(failed)
        }
    }

    impl Connect for PathBuf {
        type Database = rusqlite::Connection;

        async fn connect(&self) -> Result<rusqlite::Connection, Unavailable> {
            let failed = |error: rusqlite::Error| Unavailable::new(error.to_string());
            let connection = rusqlite::Connection::open(self).map_err(failed)?;
            // Whoever would have to wait for a lock fails.
            connection.busy_timeout(Duration::ZERO).map_err(failed)?;
            Ok(connection)
        }

        async fn pause(&self, _: Duration) {}
    }

    /// A file of its own, gone with the value.
    struct File(PathBuf);

    impl File {
        fn new() -> File {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let name = format!("sse-hub-{}-{}.db", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            File(std::env::temp_dir().join(name))
        }

        fn remove(&self) {
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
            }
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            self.remove();
        }
    }

    fn open(file: &File, updates: u64, seconds: u64) -> impl Log + use<> {
        SqliteLog::new(file.0.clone(), Retention { updates, seconds })
    }

    fn run(file: &File, statement: &str) {
        rusqlite::Connection::open(&file.0).unwrap().execute(statement, []).unwrap();
    }

    fn append(log: &impl Log, count: u64) {
        for _ in 0..count {
            let record = Record { id: None, meta: "-t\n".to_owned(), body: "data: x\n\n".to_owned() };
            now(log.append(&[record])).unwrap();
        }
    }

    fn kept(log: &impl Log) -> u64 {
        let extent = now(log.extent()).unwrap();
        extent.head + 1 - extent.oldest
    }

    #[test]
    fn a_log_in_sqlite_obeys_the_laws() {
        let files = RefCell::new(Vec::new());
        laws::check(|history| {
            files.borrow_mut().push(File::new());
            open(files.borrow().last().unwrap(), history as u64, 1_000)
        });
    }

    #[test]
    fn a_page_is_as_long_as_it_may_be() {
        assert!(
            AFTER.contains(&format!("LIMIT {PAGE_UPDATES})")) && AFTER.contains(&format!("- size < {PAGE_BYTES}\n"))
        );
    }

    #[test]
    fn a_log_keeps_as_many_updates_as_it_was_told() {
        let file = File::new();
        let log = open(&file, 10, 1_000);
        append(&log, 35);
        assert_eq!(kept(&log), 10);
    }

    #[test]
    fn updates_that_are_too_old_go_with_the_next_appends_or_the_next_connection() {
        let file = File::new();
        let log = open(&file, 999, 60);
        append(&log, 20);
        run(&file, "UPDATE updates SET time = time - 61 WHERE sequence <= 15");
        append(&log, 1);
        assert_eq!(kept(&log), 6);
        run(&file, "UPDATE updates SET time = time - 61 WHERE sequence <= 18");
        let log = open(&file, 999, 60);
        assert_eq!(kept(&log), 3);
        assert_eq!(now(log.extent()).unwrap().head, 21);
    }

    #[test]
    fn a_long_history_is_pruned_sixteen_at_a_time() {
        let file = File::new();
        let log = open(&file, 1_000, 60);
        for _ in 0..25 {
            now(log.append(&vec![Record { id: None, meta: "-t\n".to_owned(), body: String::new() }; 100])).unwrap();
        }
        assert!((1_000..1_016).contains(&kept(&log)), "{}", kept(&log));
        let file = File::new();
        let log = open(&file, 100_000, 60);
        append(&log, 100);
        run(&file, "UPDATE updates SET time = time - 61 WHERE sequence <= 90");
        append(&log, 12);
        assert_eq!(kept(&log), 112 - 32);
        append(&log, 32);
        assert_eq!(kept(&log), 144 - 90, "two more times, and the rest is young");
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_hole() {
        let file = File::new();
        let log = open(&file, 1_000, 60);
        append(&log, 6);
        run(&file, "UPDATE updates SET time = time - 61 WHERE sequence IN (2, 4, 5)");
        append(&log, 10);
        assert_eq!(kept(&log), 16);
        let log = open(&file, 1_000, 60);
        assert_eq!(now(log.after(0)).unwrap().entries.len(), 16);
        run(&file, "UPDATE updates SET time = time - 61 WHERE sequence = 1");
        let log = open(&file, 1_000, 60);
        assert_eq!(now(log.extent()).unwrap().oldest, 3);
    }

    #[test]
    fn a_log_that_is_locked_for_writing_can_be_opened_and_read() {
        let file = File::new();
        append(&open(&file, 100, 60), 3);
        let writer = rusqlite::Connection::open(&file.0).unwrap();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(now(open(&file, 100, 60).after(0)).unwrap().entries.len(), 3);
    }

    #[test]
    fn a_log_that_is_empty_after_pruning_still_knows_its_head() {
        let file = File::new();
        let log = open(&file, 1_000, 60);
        append(&log, 5);
        run(&file, "DELETE FROM updates");
        let extent = now(log.extent()).unwrap();
        assert_eq!((extent.oldest, extent.head), (6, 5));
    }

    #[test]
    fn opening_again_keeps_the_epoch_and_takes_the_new_retention() {
        let file = File::new();
        let epoch = now(open(&file, 100, 60).extent()).unwrap().epoch;
        let log = open(&file, 3, 60);
        append(&log, 10);
        assert_eq!(now(log.extent()).unwrap().epoch, epoch);
        assert_eq!(kept(&log), 3);
    }

    #[test]
    fn a_log_that_was_deleted_begins_anew_under_another_epoch() {
        let file = File::new();
        let log = open(&file, 100, 60);
        append(&log, 3);
        let before = now(log.extent()).unwrap();
        file.remove();
        let log = open(&file, 100, 60);
        append(&log, 3);
        let after = now(log.extent()).unwrap();
        assert_ne!(after.epoch, before.epoch);
        assert!(!after.holds(&before.end()));
    }

    #[test]
    fn a_log_that_failed_is_found_again() {
        let file = File::new();
        let log = open(&file, 100, 60);
        append(&log, 2);
        run(&file, "ALTER TABLE updates RENAME TO away");
        assert!(now(log.after(0)).is_err());
        run(&file, "ALTER TABLE away RENAME TO updates");
        assert_eq!(now(log.after(0)).unwrap().entries.len(), 2);
    }
}
