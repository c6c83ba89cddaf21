//! The log in a file of SQLite.

mod damaged;
mod ending;
mod listeners;
mod locks;
mod migration;
mod presence;
mod reads;
mod relays;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::types::Value as Sql;

use super::*;
use crate::log::laws::{self, now};
use crate::log::log::{PAGE_BYTES, PAGE_UPDATES, Retention};

impl Database for rusqlite::Connection {
    async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let failed = |error: rusqlite::Error| Unavailable::new(error.to_string());
        let values = values.into_iter().map(|value| match value {
            Value::Integer(number) => Sql::Integer(number),
            Value::Text(text) => Sql::Text(text),
            Value::Blob(bytes) => Sql::Blob(bytes),
            Value::Null => Sql::Null,
        });
        let mut statement = self.prepare_cached(statement).map_err(failed)?;
        let columns = statement.column_count();
        let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
            (0..columns)
                .map(|column| {
                    row.get(column).map(|value| match value {
                        Sql::Integer(number) => Value::Integer(number),
                        Sql::Text(text) => Value::Text(text),
                        Sql::Real(number) => panic!("the hub stores no {number}"),
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

    /// As if the monotonic clock had begun in 1970.
    fn unix_millis(&self, moment: Instant) -> u64 {
        moment / 1_000_000
    }
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

fn open(file: &File, updates: u64, seconds: u64) -> SqliteLog<PathBuf> {
    open_with_bytes(file, updates, seconds, u64::MAX)
}

fn open_with_bytes(file: &File, updates: u64, seconds: u64, bytes: u64) -> SqliteLog<PathBuf> {
    SqliteLog::new(file.0.clone(), Retention { updates, seconds, bytes })
}

fn run(file: &File, statement: &str) {
    rusqlite::Connection::open(&file.0).unwrap().execute(statement, []).unwrap();
}

fn append(log: &impl Log, count: u64) {
    for _ in 0..count {
        let record = Record { id: None, last: false, meta: "-t\n".to_owned(), body: "data: x\n\n".to_owned() };
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
    let new = |history| {
        files.borrow_mut().push(File::new());
        open(files.borrow().last().unwrap(), history as u64, 1_000)
    };
    laws::check(new);
    let lapse = |log: &SqliteLog<PathBuf>, holder: u64| {
        let database = rusqlite::Connection::open(&log.connect).unwrap();
        database.execute("UPDATE holders SET lease = 1 WHERE holder = ?", [holder.cast_signed()]).unwrap();
    };
    laws::presence::check(|| new(10_000), lapse);
}

#[test]
fn a_page_is_as_long_as_it_may_be() {
    assert!(AFTER_ALL.contains(&format!("LIMIT {PAGE_UPDATES})")));
    assert!(AFTER_ALL.contains(&format!("LIMIT 1) + {PAGE_BYTES}\n")));
    assert!(AFTER_TOPICS.contains(&format!("LIMIT {PAGE_UPDATES}\n")));
    assert!(AFTER_TOPICS.contains(&format!("OFFSET {}\n", PAGE_UPDATES - 1)));
    assert!(AFTER_TOPICS.contains(&format!("= {PAGE_UPDATES}\n")));
    assert!(AFTER_TOPICS.contains(&format!("< {PAGE_BYTES} THEN")));
    assert!(AFTER_TOPICS.contains(&format!("- size < {PAGE_BYTES}\n")));
    assert!(AFTER_TOPICS.contains(&format!(">= {PAGE_BYTES}\n")));
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
    run(&file, "UPDATE updates SET time = time - 61000 WHERE sequence <= 15");
    append(&log, 1);
    assert_eq!(kept(&log), 6);
    run(&file, "UPDATE updates SET time = time - 61000 WHERE sequence <= 18");
    let log = open(&file, 999, 60);
    assert_eq!(kept(&log), 3);
    assert_eq!(now(log.extent()).unwrap().head, 21);
}

#[test]
fn a_long_history_is_pruned_sixteen_at_a_time() {
    let file = File::new();
    let log = open(&file, 1_000, 60);
    for _ in 0..25 {
        now(log.append(&vec![Record { id: None, last: false, meta: "-t\n".to_owned(), body: String::new() }; 100]))
            .unwrap();
    }
    assert!((1_000..1_016).contains(&kept(&log)), "{}", kept(&log));
    let file = File::new();
    let log = open(&file, 100_000, 60);
    append(&log, 100);
    run(&file, "UPDATE updates SET time = time - 61000 WHERE sequence <= 90");
    append(&log, 12);
    assert_eq!(kept(&log), 112 - 65, "some at a time");
    append(&log, 32);
    assert_eq!(kept(&log), 144 - 90, "two more times, and the rest is young");
}

fn append_bytes(log: &impl Log, count: usize, bytes: usize) {
    for _ in 0..count {
        now(log.append(&[Record { id: None, last: false, meta: "-t\n".to_owned(), body: "x".repeat(bytes - 3) }]))
            .unwrap();
    }
}

#[test]
fn a_log_keeps_as_many_bytes_as_it_was_told() {
    let file = File::new();
    let log = open_with_bytes(&file, 100, 1_000, 1_000);
    append_bytes(&log, 30, 100);
    assert_eq!(kept(&log), 10);
    append_bytes(&log, 1, 950);
    assert_eq!(kept(&log), 2, "the oldest may be there in part only");
    append_bytes(&log, 1, 50);
    assert_eq!(kept(&log), 2);
    append_bytes(&log, 1, 5_000);
    assert_eq!(kept(&log), 1, "the newest is kept, whatever its size");
}

#[test]
fn a_long_history_comes_down_to_its_bytes_when_updates_become_large() {
    let file = File::new();
    let log = open_with_bytes(&file, 100_000, 1_000, 1_000_000);
    for _ in 0..5 {
        let record = Record { id: None, last: false, meta: "-t\n".to_owned(), body: "x".repeat(197) };
        now(log.append(&vec![record; 1_000])).unwrap();
    }
    assert_eq!(kept(&log), 5_000);
    append_bytes(&log, 1, 100_000);
    assert_eq!(kept(&log), 4_501, "one append makes room for itself");
    append_bytes(&log, 12, 100_000);
    assert_eq!(kept(&log), 10);
}

#[test]
fn opening_with_smaller_limits_prunes_in_steps() {
    for (updates, bytes) in [(100, u64::MAX), (u64::MAX, 100 * 20)] {
        let file = File::new();
        let record = Record { id: None, last: false, meta: "-t\n".to_owned(), body: "x".repeat(17) };
        now(open(&file, 100_000, 60).append(&vec![record; 2_000])).unwrap();
        assert_eq!(kept(&open_with_bytes(&file, updates, 60, bytes)), 100);
        let left: u64 = rusqlite::Connection::open(&file.0)
            .unwrap()
            .query_row("SELECT count(*) FROM topics", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 100, "what is gone has no topics");
    }
}

#[test]
fn a_step_of_pruning_is_short() {
    let file = File::new();
    let log = open(&file, 100_000, 60);
    let append = |count, bytes| {
        let record = Record { id: None, last: false, meta: "-t\n".to_owned(), body: "x".repeat(bytes) };
        now(log.append(&vec![record; count])).unwrap();
    };
    append(2_000, 10);
    run(&file, "UPDATE updates SET time = 0");
    run(&file, open::PRUNE);
    assert_eq!(kept(&log), 1_500);
    run(&file, "DELETE FROM updates");
    append(10, 1_000_000);
    run(&file, "UPDATE updates SET time = 0");
    run(&file, open::PRUNE);
    assert_eq!(kept(&log), 5);
}

#[test]
fn a_clock_that_steps_back_makes_no_hole() {
    let file = File::new();
    let log = open(&file, 1_000, 60);
    append(&log, 6);
    run(&file, "UPDATE updates SET time = time - 61000 WHERE sequence IN (2, 4, 5)");
    append(&log, 10);
    assert_eq!(kept(&log), 16);
    let log = open(&file, 1_000, 60);
    assert_eq!(now(log.after(&Interest::All(0))).unwrap().entries.len(), 16);
    run(&file, "UPDATE updates SET time = time - 61000 WHERE sequence = 1");
    let log = open(&file, 1_000, 60);
    assert_eq!(now(log.extent()).unwrap().oldest, 3);
}

#[test]
fn a_log_that_is_locked_for_writing_can_be_opened_and_read() {
    let file = File::new();
    append(&open(&file, 100, 60), 3);
    let writer = rusqlite::Connection::open(&file.0).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(now(open(&file, 100, 60).after(&Interest::All(0))).unwrap().entries.len(), 3);
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
fn an_append_whose_answer_is_missing_is_not_repeated() {
    let file = File::new();
    let log = open(&file, 100, 60);
    append(&log, 3);
    run(&file, "DELETE FROM hub");
    let record = || Record { id: None, last: false, meta: "-a\n".to_owned(), body: "data: x\n\n".to_owned() };
    let Err(AppendError::Unavailable(error)) = now(log.append(&[record(), record()])) else { panic!("it fails") };
    assert!(error.uncertain, "{error}");
    let database = rusqlite::Connection::open(&file.0).unwrap();
    let count: u64 = database.query_row("SELECT count(*) FROM updates", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 5);
}

#[test]
fn an_append_of_which_only_the_answer_fails_is_uncertain() {
    let file = File::new();
    let log = open(&file, 100, 60);
    append(&log, 3);
    run(&file, "DROP TABLE interests");
    let record = || Record { id: None, last: false, meta: "-a\n".to_owned(), body: "data: x\n\n".to_owned() };
    let Err(AppendError::Unavailable(error)) = now(log.append(&[record(), record()])) else { panic!("it fails") };
    assert!(error.uncertain, "{error}");
    assert_eq!(kept(&log), 5);
}

#[test]
fn a_log_that_failed_is_found_again() {
    let file = File::new();
    let log = open(&file, 100, 60);
    append(&log, 2);
    run(&file, "ALTER TABLE updates RENAME TO away");
    assert!(now(log.after(&Interest::All(0))).is_err());
    run(&file, "ALTER TABLE away RENAME TO updates");
    assert_eq!(now(log.after(&Interest::All(0))).unwrap().entries.len(), 2);
}
