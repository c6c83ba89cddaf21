//! Who relays to which topic.

use super::*;
use crate::log::relay::{Begun, RELAY_LEASE};

fn begin(log: &impl Log, topic: &str, holder: u64) -> Begun {
    let body = "event: end\ndata: \u{e9}\n\n".to_owned();
    let left = Record { id: None, last: true, meta: format!("p{topic}\n"), body };
    now(log.begin_relay(topic, holder, &left)).unwrap()
}

/// As if the lease of these topics was over.
fn expire(file: &File, topics: &str) {
    let database = rusqlite::Connection::open(&file.0).unwrap();
    database.execute(&format!("UPDATE relays SET lease = 1 WHERE topic IN ({topics})"), []).unwrap();
}

#[test]
fn relays_whose_lease_is_over_are_taken_over_by_one_holder() {
    let file = File::new();
    let (log, other) = (open(&file, 100, 60), open(&file, 100, 60));
    for topic in ["a", "b", "c"] {
        assert!(matches!(begin(&log, topic, 1), Begun::Held(_)));
    }
    expire(&file, "'a', 'b'");
    assert_eq!(begin(&log, "a", 3), Begun::Running, "who takes it over ends it");
    let left = now(log.take_over(7)).unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(now(other.take_over(8)).unwrap(), [], "another one was first");
    assert_eq!(now(other.take_over(7)).unwrap().len(), 2, "what is not appended yet");
    assert_eq!(now(log.held(1, true)).unwrap(), ["c"]);
    for record in left {
        now(log.append(&[record])).unwrap();
    }
    assert_eq!(now(log.take_over(7)).unwrap(), []);
    assert_eq!(begin(&log, "a", 3), Begun::Ended);
    let page = now(log.after(&Interest::All(0))).unwrap();
    assert!(page.entries.iter().all(|entry| entry.private && entry.wire.ends_with("data: \u{e9}\n\n".as_bytes())));
}

#[test]
fn a_holder_that_dies_is_succeeded_by_another_one() {
    let file = File::new();
    let log = open(&file, 100, 60);
    begin(&log, "a", 1);
    expire(&file, "'a'");
    assert_eq!(now(log.take_over(7)).unwrap().len(), 1);
    expire(&file, "'a'");
    assert_eq!(now(log.take_over(8)).unwrap().len(), 1);
    assert_eq!(now(log.held(8, false)).unwrap(), ["a"]);
}

#[test]
fn a_lease_is_renewed() {
    let file = File::new();
    let log = open(&file, 100, 60);
    begin(&log, "a", u64::MAX);
    expire(&file, "'a'");
    assert_eq!(now(log.held(u64::MAX, true)).unwrap(), ["a"]);
    assert_eq!(now(log.take_over(7)).unwrap(), [], "nobody has noticed");
    assert!(RELAY_LEASE.as_secs() >= 10);
}

#[test]
fn a_topic_whose_end_is_forgotten_may_be_relayed_to_again() {
    let file = File::new();
    let log = open(&file, 100, 60);
    now(log.append(&[Record { id: None, last: true, meta: "-a\n".to_owned(), body: String::new() }])).unwrap();
    run(&file, "UPDATE ended SET time = time - 59000");
    assert_eq!(begin(&log, "a", 1), Begun::Ended);
    run(&file, "UPDATE ended SET time = time - 2000");
    assert!(matches!(begin(&log, "a", 1), Begun::Held(_)));
}
