//! Who follows what.

use super::*;
use crate::log::presence::{Arrival, Changes, LIST, Listing, Presence, SWEEP};

fn arrival(subscriber: &str) -> Arrival {
    let listing = Listing { topic: format!("/hub/a/{subscriber}"), document: "{\"\u{e9}\":".to_owned() };
    let (subscriber, ticket) = (subscriber.to_owned(), format!("ticket of {subscriber}"));
    Arrival { subscriber, ticket, back: None, what: "a".to_owned(), listings: vec![listing] }
}

fn come(holder: u64, arrivals: Vec<Arrival>) -> Changes {
    Changes { holder, arrivals, ..Changes::default() }
}

#[test]
fn the_sizes_of_what_is_said_are_added_up() {
    let file = File::new();
    let log = open(&file, 1_000, 1_000);
    append(&log, 1);
    now(log.attend(&come(1, vec![arrival("s\u{e9}"), arrival("s2")]))).unwrap();
    now(log.attend(&Changes { ended: vec!["s2".to_owned()], ..come(1, vec![]) })).unwrap();
    append(&log, 1);
    let database = rusqlite::Connection::open(&file.0).unwrap();
    let query = "SELECT max(total) = sum(size) AND
        min(size = length(CAST(meta AS BLOB)) + length(CAST(body AS BLOB))) FROM updates";
    assert_eq!(database.query_row(query, [], |row| row.get::<_, i64>(0)), Ok(1));
}

#[test]
fn who_follows_subscriptions_is_woken() {
    let file = File::new();
    let log = open(&file, 1_000, 1_000);
    for (listener, topic) in [(4_001, "/hub/a/s1"), (4_002, "*"), (4_003, "/hub/a/other")] {
        let registration = Registration { listener, streams: 1, added: vec![Rc::from(topic)], removed: vec![] };
        now(log.register(&registration)).unwrap();
    }
    let woken = |changes: &Changes| {
        let mut listeners = now(log.attend(changes)).unwrap().appended.unwrap().1.listeners;
        listeners.sort();
        listeners
    };
    assert_eq!(woken(&come(1, vec![arrival("s1")])), [4_001, 4_002]);
    run(&file, "UPDATE holders SET lease = 1");
    assert_eq!(woken(&come(2, vec![])), [4_001, 4_002]);
}

#[test]
fn of_two_that_notice_one_ends_it() {
    let file = File::new();
    let (log, other) = (open(&file, 1_000, 1_000), open(&file, 1_000, 1_000));
    now(log.attend(&come(1, vec![arrival("s1")]))).unwrap();
    run(&file, "UPDATE holders SET lease = 1 WHERE holder = 1");
    let lock = rusqlite::Connection::open(&file.0).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(now(log.attend(&come(2, vec![]))).is_err(), "it waits for the lock, in vain");
    lock.execute_batch("ROLLBACK").unwrap();
    assert!(now(other.attend(&come(3, vec![]))).unwrap().appended.is_some());
    assert!(now(log.attend(&come(2, vec![]))).unwrap().appended.is_none());
    assert_eq!(now(log.extent()).unwrap().head, 2);
}

#[test]
fn changes_that_fail_in_the_middle_change_nothing() {
    let file = File::new();
    let log = open(&file, 1_000, 1_000);
    now(log.attend(&come(1, vec![arrival("s1")]))).unwrap();
    run(&file, "CREATE TRIGGER fails BEFORE UPDATE ON subscriptions BEGIN SELECT raise(ABORT, 'it fails'); END");
    let changes = Changes {
        released: vec!["s3".to_owned()],
        ended: vec!["s1".to_owned()],
        ..come(1, vec![arrival("s2"), arrival("s3")])
    };
    assert!(now(log.attend(&changes)).is_err());
    assert_eq!((now(log.listed("/", "0")).unwrap().listings.len(), now(log.extent()).unwrap().head), (1, 1));
    run(&file, "DROP TRIGGER fails");
    assert_eq!(now(log.attend(&changes)).unwrap().held, 1);
}

#[test]
fn a_database_and_the_hub_agree_on_how_much_is_one_step() {
    let sweep = include_str!("../schema.sql");
    assert!(sweep.contains(&format!("LIMIT {SWEEP}\n")) && LIST <= 1_000);
}

#[test]
fn what_was_said_is_where_it_is_said_to_be_although_some_is_pruned_already() {
    let file = File::new();
    let log = open(&file, 10, 1_000);
    append(&log, 5);
    let attended = now(log.attend(&come(1, (0..20).map(|number| arrival(&format!("s{number}"))).collect()))).unwrap();
    let (topics, appended) = attended.appended.unwrap();
    assert_eq!((topics.len(), appended.first.sequence), (10, 16));
    assert_eq!(topics[0], "/hub/a/s10");
}

#[test]
fn what_is_looked_for_has_an_index() {
    let file = File::new();
    now(open(&file, 1_000, 1_000).extent()).unwrap();
    let database = rusqlite::Connection::open(&file.0).unwrap();
    let (_, trigger) = include_str!("../schema.sql").split_once("INSERT ON attending BEGIN\n").unwrap();
    let (trigger, _) = trigger.split_once(";\nEND").unwrap();
    let statements: Vec<_> =
        trigger.split(';').chain([include_str!("../attend.sql"), include_str!("../listed.sql")]).collect();
    assert_eq!(statements.len(), 10);
    for statement in statements {
        // As what a trigger knows of its row.
        let statement = statement.replace("NEW.", ":");
        let mut plan = database.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let none = vec![Sql::Null; plan.parameter_count()];
        let steps: Vec<String> =
            plan.query_map(rusqlite::params_from_iter(none), |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let scans = steps.iter().filter(|step| step.starts_with("SCAN subscriptions"));
        assert_eq!(scans.collect::<Vec<_>>(), [""; 0], "{steps:?}");
    }
}
