//! Who is woken, and who is registered.

use std::rc::Rc;

use super::*;
use crate::log::listener::Peer;

fn register(log: &impl Log, listener: ListenerId, added: &[&str], removed: &[&str]) -> Census {
    let topics = |topics: &[&str]| topics.iter().map(|topic| Rc::from(*topic)).collect();
    let registration = Registration { listener, streams: 1, added: topics(added), removed: topics(removed) };
    now(log.register(&registration)).unwrap()
}

fn record(topics: &[&str]) -> Record {
    Record { id: None, last: false, meta: format!("-{}\n", topics.join("\n")), body: String::new() }
}

fn woken(log: &impl Log, records: &[Record]) -> Vec<u16> {
    let mut listeners = now(log.append(records)).unwrap().listeners;
    listeners.sort_unstable();
    listeners
}

fn count(file: &File, query: &str) -> u64 {
    rusqlite::Connection::open(&file.0).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn an_append_names_whom_to_wake() {
    let file = File::new();
    let log = open(&file, 100, 60);
    assert_eq!(woken(&log, &[record(&["a"])]), [0; 0]);
    register(&log, 1_001, &["a", "it's \"b\"\\"], &[]);
    register(&log, 1_002, &["c"], &[]);
    register(&log, 65_535, &["*"], &[]);
    register(&log, 65_536, &["a", "*"], &[]);
    register(&log, u64::MAX, &["a"], &[]);
    assert_eq!(woken(&log, &[record(&["a"])]), [1_001, 65_535]);
    assert_eq!(woken(&log, &[record(&["A"])]), [65_535]);
    assert_eq!(woken(&log, &[record(&["it's \"b\"\\", "a"])]), [1_001, 65_535], "once");
    assert_eq!(woken(&log, &[record(&["x", "c"]), record(&["a"])]), [1_001, 1_002, 65_535]);
    assert_eq!(woken(&log, &[record(&["x"]), record(&["x"])]), [65_535]);
    register(&log, 1_001, &["c"], &["a", "none"]);
    assert_eq!(woken(&log, &[record(&["a"])]), [65_535]);
    assert_eq!(woken(&log, &[record(&["c"])]), [1_001, 1_002, 65_535]);
    now(log.unregister(65_535)).unwrap();
    assert_eq!(woken(&log, &[record(&["c"]), record(&["c"])]), [1_001, 1_002]);
}

#[test]
fn a_census_has_every_listener_and_the_head() {
    let file = File::new();
    let log = open(&file, 100, 60);
    append(&log, 2);
    register(&log, u64::MAX, &[], &[]);
    let census = register(&log, 1_001, &["a"], &[]);
    let peer = |listener| Peer { listener, streams: 1, drains: false };
    let mut peers = census.peers;
    peers.sort_unstable_by_key(|peer| peer.listener);
    assert_eq!(peers, [peer(1_001), peer(u64::MAX)]);
    assert_eq!((census.head, census.known), (now(log.extent()).unwrap().end(), false));
    assert!(register(&log, u64::MAX, &[], &[]).known);
}

#[test]
fn a_listener_whose_lease_is_over_is_gone() {
    let file = File::new();
    let log = open(&file, 100, 60);
    register(&log, 1_001, &["a", "b"], &[]);
    register(&log, 1_002, &["a"], &[]);
    assert!(now(log.drain(&[1_001], Duration::ZERO)).unwrap());
    run(&file, "UPDATE listeners SET lease = lease - 30001 WHERE listener = 1001");
    assert_eq!(woken(&log, &[record(&["a"])]), [1_002]);
    let census = register(&log, 1_002, &[], &[]);
    assert_eq!(census.peers.len(), 1);
    assert_eq!(count(&file, "SELECT count(*) FROM listeners"), 1);
    assert_eq!(count(&file, "SELECT count(*) FROM interests"), 1);
}

#[test]
fn a_listener_that_was_not_known_has_none_of_the_topics_of_its_port() {
    let file = File::new();
    let log = open(&file, 100, 60);
    register(&log, 1_001, &["a", "b"], &[]);
    now(log.drain(&[1_001], Duration::ZERO)).unwrap();
    run(&file, "UPDATE listeners SET lease = lease - 30001");
    let census = register(&log, 1_001, &["b", "c"], &[]);
    assert!(!census.known && !census.peers[0].drains);
    assert_eq!(woken(&log, &[record(&["a"])]), [0; 0]);
    assert_eq!(woken(&log, &[record(&["b"])]), [1_001]);
}

#[test]
fn a_renewal_keeps_the_topics_and_the_drain() {
    let file = File::new();
    let log = open(&file, 100, 60);
    register(&log, 1_001, &["a"], &[]);
    now(log.drain(&[1_001], Duration::ZERO)).unwrap();
    run(&file, "UPDATE listeners SET lease = lease - 20000");
    let census = register(&log, 1_001, &[], &[]);
    assert!(census.known && census.peers[0].drains);
    assert_eq!(count(&file, "SELECT lease > unixepoch() * 1000 + 25000 FROM listeners"), 1);
    assert_eq!(woken(&log, &[record(&["a"])]), [1_001]);
}

#[test]
fn listeners_drain_again_after_a_pause_or_when_the_clock_has_stepped_back_by_as_much() {
    let file = File::new();
    let log = open(&file, 100, 60);
    let pause = Duration::from_secs(600);
    assert!(now(log.drain(&[], pause)).unwrap());
    assert!(!now(log.drain(&[], pause)).unwrap());
    for (step, ago, again) in [("+ 300000", -300, false), ("- 900001", 600, true), ("+ 900000", -900, true)] {
        run(&file, &format!("UPDATE hub SET drained_at = drained_at {step}"));
        let gathered = register(&log, 1_001, &[], &[]).gathered.unwrap().ago;
        assert_eq!(gathered.div_euclid(10_000), ago / 10, "{step}: {gathered}");
        assert_eq!(now(log.drain(&[], pause)).unwrap(), again, "{step}");
    }
}

#[test]
fn a_registration_does_not_change_what_a_batch_returns() {
    let file = File::new();
    let log = open(&file, 100, 60);
    append(&log, 5);
    let batch = [record(&["a"]), record(&["b"]), record(&["c"])];
    now(log.execute(&append::append_many(3), [append::values(&batch), vec![append::heard_as(&batch)]].concat()))
        .unwrap();
    register(&log, 70_000, &["a"], &[]);
    let row = now(log.row(append::APPENDED, vec![append::heard_as(&batch)])).unwrap();
    assert_eq!(append::appended(&row, &batch).unwrap().first.sequence, 6);
}
