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
    let left = now(log.take_over(7, &[])).unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(now(other.take_over(8, &[])).unwrap(), [], "another one was first");
    assert_eq!(now(other.take_over(7, &[])).unwrap().len(), 2, "what is not appended yet");
    assert_eq!(now(log.held(1, &["a".into(), "c".into()], true)).unwrap(), ["c"]);
    for record in left {
        now(log.append(&[record])).unwrap();
    }
    assert_eq!(now(log.take_over(7, &[])).unwrap(), []);
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
    assert_eq!(now(log.take_over(7, &[])).unwrap().len(), 1);
    expire(&file, "'a'");
    assert_eq!(now(log.take_over(8, &[])).unwrap().len(), 1);
    assert_eq!(now(log.held(8, &["a".into()], false)).unwrap(), ["a"]);
}

#[test]
fn a_lease_is_renewed() {
    let file = File::new();
    let log = open(&file, 100, 60);
    begin(&log, "a", u64::MAX);
    expire(&file, "'a'");
    assert_eq!(now(log.held(u64::MAX, &["a".into()], true)).unwrap(), ["a"]);
    assert_eq!(now(log.take_over(7, &[])).unwrap(), [], "nobody has noticed");
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

#[test]
fn the_lease_of_a_relay_that_its_holder_does_not_know_runs_out() {
    let file = File::new();
    let log = open(&file, 100, 60);
    for topic in ["known", "unknown"] {
        begin(&log, topic, 1);
        expire(&file, &format!("'{topic}'"));
    }
    assert_eq!(now(log.held(1, &["known".into()], true)).unwrap(), ["known"]);
    let left = now(log.take_over(7, &[])).unwrap();
    assert_eq!(left.iter().flat_map(Record::topics).collect::<Vec<_>>(), ["unknown"]);
}

#[test]
fn who_begins_again_what_it_holds_renews_its_lease_and_what_it_left_remains() {
    let file = File::new();
    let log = open(&file, 100, 60);
    begin(&log, "a", 1);
    expire(&file, "'a'");
    let other = Record { id: None, last: true, meta: "-a\n".to_owned(), body: "data: other\n\n".to_owned() };
    assert!(matches!(now(log.begin_relay("a", 1, &other)), Ok(Begun::Held(_))));
    assert_eq!(now(log.take_over(7, &[])).unwrap(), []);
    expire(&file, "'a'");
    assert_eq!(now(log.take_over(7, &["a".into()])).unwrap(), [], "the relay lives");
    assert_eq!(now(log.take_over(7, &[])).unwrap()[0].meta, "pa\n");
}
