//! Databases of earlier releases, and one of a later.

use std::rc::Rc;

use super::*;
use crate::log::presence::{Arrival, Changes, Listing, Presence};
use crate::log::sqlite::open::statements;

const EARLIER: &str = include_str!("earlier.sql");
const VERSION_2: &str = include_str!("version_2.sql");
const DAY: u64 = 86_400;

fn connection(file: &File) -> rusqlite::Connection {
    rusqlite::Connection::open(&file.0).unwrap()
}

fn earlier() -> File {
    let file = File::new();
    connection(&file).execute_batch(EARLIER).unwrap();
    file
}

fn version_2() -> File {
    let file = File::new();
    connection(&file).execute_batch(VERSION_2).unwrap();
    file
}

fn about(log: &impl Log, topic: &str) -> Vec<u64> {
    let page = now(log.after(&Interest::Topics(vec![(Rc::from(topic), 0)]))).unwrap();
    page.entries.iter().map(|entry| entry.sequence).collect()
}

#[track_caller]
fn has_what_the_earlier_release_wrote(file: &File) {
    let log = open(file, 10_000, DAY);
    let page = now(log.after(&Interest::All(0))).unwrap();
    let epoch = "0123456789abcdef";
    assert_eq!(
        page.extent,
        Extent { epoch: epoch.to_owned(), oldest: 5, head: 9, ends: vec![], has_ended_topics: false }
    );
    let entry = |sequence, private, topics: &[&str], wire: &str| {
        (sequence, private, topics.iter().map(|topic| (*topic).to_owned()).collect::<Vec<_>>(), wire.to_owned())
    };
    let found = page.entries.iter().map(|entry| {
        let topics: Vec<_> = entry.topics().map(str::to_owned).collect();
        (entry.sequence, entry.private, topics, String::from_utf8(entry.wire.to_vec()).unwrap())
    });
    let found: Vec<_> = found.collect();
    assert_eq!(
        found,
        [
            entry(5, false, &["demo"], "id: #0123456789abcdef-5\ndata: 5\n\n"),
            entry(6, true, &["demo", "two"], "id: urn:six\ndata: 6\n\n"),
            entry(7, false, &["a\"b\\c", "\\n", "[\"x\"]"], "id: #0123456789abcdef-7\ndata: 7\n\n"),
            entry(8, false, &["a\"b\\c"], "id: é \"8\"\ndata: \\8\n\n"),
            entry(9, false, &["demo", "demo"], "id: #0123456789abcdef-9\ndata: \09\n\n"),
        ]
    );
    for (topic, sequences) in
        [("demo", vec![5, 6, 9]), ("two", vec![6]), ("a\"b\\c", vec![7, 8]), ("\\n", vec![7]), ("[\"x\"]", vec![7])]
    {
        assert_eq!(about(&log, topic), sequences, "{topic}");
    }
    assert_eq!(now(log.find("urn:six")).unwrap(), Some(6));
    append(&log, 1);
    assert_eq!(now(log.extent()).unwrap().head, 10);
    assert_eq!(about(&log, "t"), [10]);
}

#[test]
fn a_database_of_an_earlier_release_is_converted() {
    let file = earlier();
    has_what_the_earlier_release_wrote(&file);
    let query = "SELECT sum(unixepoch() - time / 1000) BETWEEN 180 AND 1000, max(total) = sum(size) FROM updates";
    let found = connection(&file).query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(found, (1, 1), "seconds became milliseconds, and the bytes are added up");
}

#[test]
fn a_converted_database_is_pruned_by_age_as_before() {
    let file = earlier();
    assert_eq!(now(open(&file, 10_000, 35).extent()).unwrap().oldest, 8);
}

#[test]
fn an_earlier_database_that_is_empty_after_pruning_keeps_its_head() {
    let file = earlier();
    run(&file, "DELETE FROM updates");
    let extent = now(open(&file, 10_000, DAY).extent()).unwrap();
    assert_eq!((extent.epoch.as_str(), extent.oldest, extent.head), ("0123456789abcdef", 10, 9));
    let file = earlier();
    run(&file, "DELETE FROM updates");
    run(&file, "DELETE FROM sqlite_sequence");
    assert_eq!(now(open(&file, 10_000, DAY).extent()).unwrap().head, 0, "it never had an update");
}

#[test]
fn a_conversion_that_was_cut_is_done_again() {
    let count = statements(Some(0)).count();
    assert!(count > 20);
    for done in 0..=count {
        let file = earlier();
        let cut = connection(&file);
        cut.execute_batch("BEGIN IMMEDIATE").unwrap();
        for statement in statements(Some(0)).take(done) {
            cut.execute_batch(statement).unwrap();
        }
        drop(cut);
        has_what_the_earlier_release_wrote(&file);
    }
}

#[track_caller]
fn has_what_version_2_wrote(file: &File) {
    let log = open(file, 10_000, DAY);
    let page = now(log.after(&Interest::All(0))).unwrap();
    let epoch = "0123456789abcdef";
    assert_eq!(
        page.extent,
        Extent { epoch: epoch.to_owned(), oldest: 1, head: 3, ends: vec![], has_ended_topics: false }
    );
    let wires: Vec<_> = page.entries.iter().map(|entry| entry.wire.clone()).collect();
    assert_eq!(
        wires,
        ["id: #0123456789abcdef-1\ndata: 1\n\n", "id: urn:two\ndata: 2\n\n", "id: #0123456789abcdef-3\ndata: 3\n\n"]
    );
    assert_eq!((about(&log, "demo"), about(&log, "two")), (vec![1, 2], vec![2, 3]));
    let last = Record { id: None, last: true, meta: "-two\n".to_owned(), body: String::new() };
    now(log.append(std::slice::from_ref(&last))).unwrap();
    assert_eq!(now(log.append(&[last])), Err(AppendError::Ended("two".to_owned())));
    append(&log, 1);
    assert_eq!((about(&log, "two"), about(&log, "t")), (vec![2, 3, 4], vec![5]));
}

#[test]
fn a_database_of_version_2_is_converted_also_after_a_cut() {
    let count = statements(Some(2)).count();
    for done in 0..=count {
        let file = version_2();
        let cut = connection(&file);
        cut.execute_batch("BEGIN IMMEDIATE").unwrap();
        for statement in statements(Some(2)).take(done) {
            cut.execute_batch(statement).unwrap();
        }
        drop(cut);
        has_what_version_2_wrote(&file);
    }
}

#[test]
fn an_instance_of_version_2_that_is_connected_writes_on_and_does_not_know_what_has_ended() {
    let file = version_2();
    let earlier = connection(&file);
    let publish = |topic: &str| {
        let statement =
            "INSERT INTO updates (size, total, id, topics, meta, body, time) VALUES (1, 1, NULL, NULL, ?, '', 0)";
        earlier.prepare_cached(statement).unwrap().execute([format!("-{topic}\n")])
    };
    publish("demo").unwrap();
    let log = open(&file, 10_000, DAY);
    now(log.append(&[Record { id: None, last: true, meta: "-demo\n".to_owned(), body: String::new() }])).unwrap();
    publish("two").unwrap();
    publish("demo").unwrap();
    let page = now(log.after(&Interest::Topics(vec![(Rc::from("demo"), 0)]))).unwrap();
    assert_eq!((page.entries.len(), page.ended), (5, vec![(Rc::from("demo"), 5)]), "the end stays");
    assert_eq!((about(&log, "demo"), about(&log, "two")), (vec![1, 2, 4, 5, 7], vec![2, 3, 6]));
}

#[test]
fn a_conversion_that_fails_says_so_and_changes_nothing() {
    let file = earlier();
    run(&file, "CREATE TABLE old_updates (taken)");
    let log = open(&file, 10_000, DAY);
    let error = now(log.extent()).unwrap_err().to_string();
    assert!(
        error.starts_with("the database of an earlier release could not be converted, and is as it was"),
        "{error}"
    );
    run(&file, "DROP TABLE old_updates");
    assert_eq!(now(log.extent()).unwrap().head, 9);
    has_what_the_earlier_release_wrote(&file);
}

#[test]
fn a_converted_database_has_the_tables_of_a_new_one() {
    let (converted, new) = (earlier(), File::new());
    let tables = |file: &File| {
        now(open(file, 100, DAY).extent()).unwrap();
        let query = "SELECT schema.type || ' ' || schema.name || ' ' || coalesce(group_concat(columns.name || ' ' \
            || columns.type || ' ' || columns.\"notnull\" || ' ' || coalesce(dflt_value, '') || ' ' || pk), '') \
            FROM sqlite_schema AS schema LEFT JOIN pragma_table_info(schema.name) AS columns \
            GROUP BY schema.name ORDER BY schema.name";
        let connection = connection(file);
        let mut query = connection.prepare(query).unwrap();
        query.query_map([], |row| row.get::<_, String>(0)).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
    };
    assert_eq!(tables(&converted), tables(&new));
    assert_eq!(tables(&version_2()), tables(&new));
    assert!(tables(&new).iter().any(|table| table.starts_with("table hub one INTEGER 0  1,epoch TEXT 1")));
}

#[test]
fn a_database_of_version_3_gets_what_it_has_not() {
    let file = File::new();
    append(&open(&file, 100, DAY), 3);
    let version_3 = "DROP TABLE holders; DROP TABLE subscriptions; DROP VIEW subscription_updates;
        PRAGMA user_version = 3";
    connection(&file).execute_batch(version_3).unwrap();
    let log = open(&file, 100, DAY);
    let listing = Listing { topic: "/hub/a/s".to_owned(), document: "{".to_owned() };
    let arrival = Arrival {
        subscriber: "s".to_owned(),
        ticket: String::new(),
        back: None,
        what: String::new(),
        listings: vec![listing],
    };
    let attended = now(log.attend(&Changes { holder: 1, arrivals: vec![arrival], ..Changes::default() })).unwrap();
    assert_eq!(attended.appended.unwrap().1.first.sequence, 4);
}

#[test]
fn an_instance_of_the_earlier_release_writes_nothing_into_a_converted_database() {
    let file = earlier();
    append(&open(&file, 100, DAY), 1);
    let statement = "INSERT INTO updates (time, size, id, meta, body) VALUES (unixepoch(), 1, NULL, '-t', '')";
    assert!(connection(&file).execute(statement, []).is_err());
    has_no_update_after(&file, 10);
}

#[track_caller]
fn has_no_update_after(file: &File, head: u64) {
    assert_eq!(now(open(file, 100, DAY).extent()).unwrap().head, head);
}

#[test]
fn a_database_of_a_newer_release_is_left_alone() {
    for make in [true, false] {
        let file = File::new();
        if make {
            append(&open(&file, 100, DAY), 1);
        }
        run(&file, "PRAGMA user_version = 5");
        let error = now(open(&file, 100, DAY).extent()).unwrap_err().to_string();
        assert!(error.starts_with("the database was made by a newer release: deploy that release"), "{error}");
    }
}
