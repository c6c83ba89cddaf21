//! Waiting for a lock that another instance holds.

use std::cell::Cell;

use super::*;

/// A file, and how long the log paused before each try after the first.
#[derive(Clone)]
struct Paused {
    file: PathBuf,
    pauses: Rc<RefCell<Vec<Duration>>>,
}

impl Connect for Paused {
    type Database = rusqlite::Connection;

    async fn connect(&self) -> Result<rusqlite::Connection, Unavailable> {
        self.file.connect().await
    }

    async fn pause(&self, duration: Duration) {
        self.pauses.borrow_mut().push(duration);
    }

    fn unix_millis(&self, moment: Instant) -> u64 {
        self.file.unix_millis(moment)
    }
}

/// Appends while another one holds the lock, until the log gives up. The waits before each pause, and the pauses.
fn pauses(log: &SqliteLog<Paused>) -> Vec<(Duration, Duration)> {
    log.connect.pauses.borrow_mut().clear();
    let other = rusqlite::Connection::open(&log.connect.file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let record = Record { id: None, last: false, meta: "-t\n".to_owned(), body: "data: x\n\n".to_owned() };
    let Err(AppendError::Unavailable(error)) = now(log.append(&[record])) else { panic!("the other one holds it") };
    assert!(error.reason.contains("locked"), "{error}");
    let mut waited = Duration::ZERO;
    let pauses = log.connect.pauses.take().into_iter().map(|pause| {
        waited += pause;
        (waited - pause, pause)
    });
    pauses.collect()
}

fn gives_up_after_seconds(pauses: &[(Duration, Duration)]) {
    let waited: Duration = pauses.iter().map(|(_, pause)| *pause).sum();
    assert!((4..6).contains(&waited.as_secs()), "{waited:?}");
}

/// What waits tries as often as what has just come: else those that come would get every lock.
#[test]
fn an_append_tries_for_a_lock_as_often_however_long_it_waits_and_gives_up_after_seconds() {
    let file = File::new();
    let paused = Paused { file: file.0.clone(), pauses: Rc::default() };
    let log = SqliteLog::new(paused, Retention { updates: 10, seconds: 10, bytes: 1_000 });
    append(&log, 1);
    assert!(log.connect.pauses.borrow().is_empty(), "nobody holds it");

    let pauses = pauses(&log);
    gives_up_after_seconds(&pauses);
    let step = Duration::from_millis(5);
    for (waited, pause) in pauses {
        assert!(pause <= step && pause >= step.min(waited), "{pause:?} after {waited:?}");
    }
}

#[test]
fn opening_tries_for_a_lock_less_and_less_often_and_gives_up_after_seconds() {
    let file = File::new();
    let paused = Paused { file: file.0.clone(), pauses: Rc::default() };
    let pauses = pauses(&SqliteLog::new(paused, Retention { updates: 10, seconds: 10, bytes: 1_000 }));
    gives_up_after_seconds(&pauses);
    for (waited, pause) in &pauses {
        let (step, part) = (Duration::from_millis(5), waited.mul_f64(0.25));
        assert!(*pause <= step.max(part), "{pause:?} after {waited:?}: it wakes late");
        assert!(*pause >= step.min(*waited).max(part), "{pause:?} after {waited:?}: too often");
    }
    assert!(pauses.len() < 50, "{} tries", pauses.len());
}

/// A file of which another instance holds the lock at the statement that comes after so many.
struct LockedAfter {
    file: PathBuf,
    statements: Rc<Cell<usize>>,
}

struct Locked {
    database: rusqlite::Connection,
    statements: Rc<Cell<usize>>,
}

impl Database for Locked {
    async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        self.statements.set(self.statements.get().wrapping_sub(1));
        if self.statements.get() == usize::MAX {
            return Err(Unavailable::new("database is locked"));
        }
        Database::execute(&self.database, statement, values).await
    }
}

impl Connect for LockedAfter {
    type Database = Locked;

    async fn connect(&self) -> Result<Locked, Unavailable> {
        Ok(Locked { database: self.file.connect().await?, statements: Rc::clone(&self.statements) })
    }

    async fn pause(&self, _: Duration) {}

    fn unix_millis(&self, moment: Instant) -> u64 {
        self.file.unix_millis(moment)
    }
}

#[test]
fn limits_that_became_smaller_are_kept_to_whenever_another_held_the_lock() {
    let mut waited = 0;
    for statements in 0..10 {
        let file = File::new();
        append(&open(&file, 1_000, 1_000), 100);
        let statements = Rc::new(Cell::new(statements));
        let connect = LockedAfter { file: file.0.clone(), statements: Rc::clone(&statements) };
        let log = SqliteLog::new(connect, Retention { updates: 10, seconds: 1_000, bytes: u64::MAX });
        assert_eq!(kept(&log), 10);
        waited += usize::from(statements.get() > 10);
    }
    assert!(waited > 4, "{waited}");
}
