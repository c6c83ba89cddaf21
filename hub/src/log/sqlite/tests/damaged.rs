//! A file that cannot be written, is no database, or is an earlier one, and a clock that was set.

use super::*;
use crate::log::Position;

/// As [`PathBuf`], but the file cannot be written.
struct ReadOnly(PathBuf);

impl Connect for ReadOnly {
    type Database = rusqlite::Connection;

    async fn connect(&self) -> Result<rusqlite::Connection, Unavailable> {
        let connection = self.0.connect().await?;
        connection.execute_batch("PRAGMA query_only = 1").unwrap();
        Ok(connection)
    }

    async fn pause(&self, _: Duration) {}

    fn unix_millis(&self, moment: Instant) -> u64 {
        self.0.unix_millis(moment)
    }
}

fn one() -> Record {
    Record { id: None, last: false, meta: "-t\n".to_owned(), body: "data: x\n\n".to_owned() }
}

#[track_caller]
fn refuses(log: &impl Log, reason: &str) {
    let Err(AppendError::Unavailable(error)) = now(log.append(&[one()])) else { panic!("it fails") };
    assert!(error.reason.contains(reason) && !error.uncertain, "{error:?}");
}

#[test]
fn a_file_that_cannot_be_written_is_read() {
    let file = File::new();
    append(&open(&file, 100, 60), 3);
    let retention = Retention { updates: 100, seconds: 60, bytes: u64::MAX };
    let log = SqliteLog::new(ReadOnly(file.0.clone()), retention);
    refuses(&log, "readonly");
    assert_eq!(now(log.after(&Interest::All(0))).unwrap().entries.len(), 3);
    let registration = Registration { listener: 4_000, streams: 1, added: vec!["t".into()], removed: Vec::new() };
    assert!(now(log.register(&registration)).is_err(), "who is not registered polls");
}

#[test]
fn a_file_that_is_no_database_is_an_error_until_it_is_taken_away() {
    let file = File::new();
    std::fs::write(&file.0, "not a database".repeat(1_000)).unwrap();
    let log = open(&file, 100, 60);
    refuses(&log, "not a database");
    assert!(now(log.after(&Interest::All(0))).is_err());
    file.remove();
    append(&log, 2);
    assert_eq!(kept(&log), 2);
}

#[test]
fn a_file_with_a_damaged_page_is_an_error_and_no_panic() {
    let file = File::new();
    append(&open(&file, 1_000, 60), 200);
    run_all(&file, "PRAGMA wal_checkpoint(TRUNCATE)");
    let whole = std::fs::read(&file.0).unwrap();
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0xA5);
        file.remove();
        std::fs::write(&file.0, damaged).unwrap();
        let log = open(&file, 1_000, 60);
        // Some pages matter to one operation, some to another.
        let _ = now(log.append(&[one()]));
        let _ = now(log.after(&Interest::All(0)));
        let _ = now(log.after(&Interest::Topics(vec![("t".into(), 0)])));
        let _ = now(log.find("urn:x"));
    }
    file.remove();
    std::fs::write(&file.0, whole).unwrap();
    assert_eq!(kept(&open(&file, 1_000, 60)), 200);
}

fn run_all(file: &File, statements: &str) {
    rusqlite::Connection::open(&file.0).unwrap().execute_batch(statements).unwrap();
}

#[test]
fn a_file_that_was_restored_is_another_log_once_its_epoch_is_new_as_the_docs_say() {
    let file = File::new();
    append(&open(&file, 1_000, 60), 5);
    run_all(&file, "PRAGMA wal_checkpoint(TRUNCATE)");
    let backup = std::fs::read(&file.0).unwrap();
    let log = open(&file, 1_000, 60);
    append(&log, 3);
    let seen = now(log.extent()).unwrap().end();
    drop(log);
    file.remove();
    std::fs::write(&file.0, backup).unwrap();
    let restored = now(open(&file, 1_000, 60).extent()).unwrap();
    assert!(!restored.holds(&seen), "who had more than the backup hears of a gap");
    let docs = include_str!("../../../../../docs/deploying.md");
    let statement = docs.split('"').find(|text| text.starts_with("UPDATE hub SET epoch")).unwrap();
    run(&file, statement);
    let log = open(&file, 1_000, 60);
    append(&log, 9);
    let extent = now(log.extent()).unwrap();
    assert_eq!((extent.oldest, extent.head), (1, 14));
    assert!(!extent.holds(&seen), "also when as much was published again");
}

#[test]
fn a_clock_that_was_set_back_by_a_day_replays_no_day() {
    let file = File::new();
    let log = open(&file, 1_000, 1_000_000);
    append(&log, 20);
    run(&file, "UPDATE updates SET time = time - 200000000 WHERE sequence <= 10");
    run(&file, "UPDATE updates SET time = time + 86400000 WHERE sequence > 10");
    let unix = u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap();
    assert_eq!(now(log.as_of(unix)).unwrap().sequence, 20);
    append(&log, 1);
    assert_eq!(now(log.as_of(unix)).unwrap().sequence, 20, "what came after the moment is not before it");
    assert_eq!(now(log.as_of(unix + 60_000_000_000)).unwrap().sequence, 21);
    assert_eq!(kept(&log), 21, "nothing is pruned before its time");
}

#[test]
fn a_clock_that_was_set_forward_by_a_day_prunes_no_more_than_is_a_day_old_by_it() {
    let file = File::new();
    let log = open(&file, 1_000, 86_400);
    append(&log, 20);
    // As seen by a clock that was set forward by a day and an hour after the first ten.
    run(&file, "UPDATE updates SET time = time - 90000000 WHERE sequence <= 10");
    append(&log, 16);
    let extent = now(log.extent()).unwrap();
    assert_eq!((extent.oldest, extent.head), (11, 36));
    let lost = Position { sequence: 3, ..extent.end() };
    assert!(!extent.holds(&lost), "and that is a gap");
}
