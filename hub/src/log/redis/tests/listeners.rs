//! Who is told of what.

use super::*;
use crate::log::listener::{Hint, Peer};
use crate::topic::key::key;

fn on(topics: &[&str]) -> Record {
    Record { meta: format!("-{}\n", topics.join("\n")), ..record("x") }
}

fn registration(listener: ListenerId, added: &[&str], removed: &[&str]) -> Registration {
    let topics = |topics: &[&str]| topics.iter().map(|topic| Rc::from(*topic)).collect();
    Registration { listener, streams: 1, added: topics(added), removed: topics(removed) }
}

fn register(log: &impl Log, listener: ListenerId, added: &[&str], removed: &[&str]) -> Census {
    now(log.register(&registration(listener, added, removed))).unwrap()
}

/// What the log tells a listener that is told something: topics, and sequences.
fn told(log: &impl Log, listener: ListenerId) -> Vec<(u64, u64)> {
    let epoch = extent(log).epoch;
    let woken = now(log.wait(listener)).unwrap();
    assert!(!woken.incomplete);
    let pair = |hint: Hint| {
        assert_eq!(hint.position.epoch, epoch);
        (hint.topic, hint.position.sequence)
    };
    let mut told: Vec<_> = woken.hints.into_iter().map(pair).collect();
    told.sort_unstable_by_key(|(_, sequence)| *sequence);
    told
}

fn hints(hints: &[(&str, u64)]) -> Vec<(u64, u64)> {
    hints.iter().map(|(topic, sequence)| (key(topic), *sequence)).collect()
}

fn is_told(redis: &Redis, listener: ListenerId) -> bool {
    redis.command(&["EXISTS", &format!("{{s}}:w:{listener}")]) == "1"
}

/// As if the lease of a listener was over, or the listener known for long.
fn age(redis: &Redis, listener: ListenerId, lease: &str, since: &str) {
    redis.command(&["HSET", "{s}:listeners", &listener.to_string(), &format!("{lease} 1 0 {since} one")]);
}

#[test]
#[ignore = "needs redis-server"]
fn who_registered_a_topic_is_told_of_it_and_nobody_else() {
    let redis = Redis::start();
    let (other, log) = (log(&redis, "s", 1_000, 1_000), log(&redis, "s", 1_000, 1_000));
    assert!(log.wakes());
    assert_eq!(register(&log, 70_001, &["a", "b"], &[]).head, extent(&log).end(), "a registration makes the log");
    register(&log, 70_002, &["c", "*a"], &[]);
    now(log.append(&[on(&["a", "x"])])).unwrap();
    assert_eq!(told(&log, 70_001), hints(&[("a", 1)]));
    assert!(!is_told(&redis, 70_002));
    now(log.append(&[on(&["a"]), on(&["c"]), on(&["a"]), on(&["none"])])).unwrap();
    now(log.append(&[on(&["none"])])).unwrap();
    now(log.append(&[on(&["b"])])).unwrap();
    assert_eq!(told(&log, 70_001), hints(&[("a", 4), ("b", 7)]), "all that came since the last wait");
    assert_eq!(told(&other, 70_002), hints(&[("c", 3)]));
    register(&log, 70_001, &["c"], &["a"]);
    now(log.append(&[on(&["a"])])).unwrap();
    now(log.append(&[on(&["c"])])).unwrap();
    assert_eq!(told(&log, 70_001), hints(&[("c", 9)]));
}

#[test]
#[ignore = "needs redis-server"]
fn an_append_tells_a_listener_once() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    register(&log, 70_001, &["a", "b"], &[]);
    now(log.append(&[on(&["a"]), on(&["b"]), on(&["a", "b"]), on(&["c"])])).unwrap();
    let mut told = told(&log, 70_001);
    told.sort_unstable();
    let mut expected = hints(&[("a", 3), ("b", 3)]);
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert_eq!(redis.command(&["XLEN", "{s}:w:70001"]), "1");
}

#[test]
#[ignore = "needs redis-server"]
fn who_registered_everything_is_told_of_everything() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    register(&log, 70_001, &["*"], &[]);
    append(&log, 5);
    assert_eq!(told(&log, 70_001), hints(&[("*", 5)]));
}

#[test]
#[ignore = "needs redis-server"]
fn a_listener_that_was_told_too_much_at_once_knows_it() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    register(&log, 70_001, &["t"], &[]);
    for _ in 0..600 {
        append(&log, 1);
    }
    let kept: usize = redis.command(&["XLEN", "{s}:w:70001"]).parse().unwrap();
    assert!((256..400).contains(&kept), "{kept}");
    assert!(now(log.wait(70_001)).unwrap().incomplete);
}

#[test]
#[ignore = "needs redis-server"]
fn a_listener_whose_lease_is_over_is_forgotten() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    for listener in [70_001, 70_002, 70_003] {
        register(&log, listener, &["t"], &[]);
    }
    age(&redis, 70_001, "1", "1");
    now(log.unregister(70_002)).unwrap();
    append(&log, 1);
    assert!(!is_told(&redis, 70_001) && !is_told(&redis, 70_002) && is_told(&redis, 70_003));
    assert_eq!(redis.command(&["SMEMBERS", "{s}:l:t"]), "70003");
    let census = register(&log, 70_003, &[], &[]);
    assert_eq!(census.peers, [Peer { listener: 70_003, streams: 1, drains: false }]);
    assert!(!register(&log, 70_001, &["t"], &[]).known);
}

#[test]
#[ignore = "needs redis-server"]
fn a_listener_registers_its_topics_again_before_they_expire() {
    let redis = Redis::start();
    let log = log_of_run(&redis, "s", "one");
    register(&log, 70_001, &["t"], &[]);
    redis.command(&["EXPIRE", "{s}:l:t", "2000"]);
    age(&redis, 70_001, &format!("{}000", unix_time() + 20), &format!("{}000", unix_time() - 1_300));
    assert!(!register(&log, 70_001, &[], &[]).known);
    append(&log, 1);
    assert!(is_told(&redis, 70_001), "meanwhile it is told");
    assert!(register(&log, 70_001, &["t"], &[]).known);
    let left: u64 = redis.command(&["TTL", "{s}:l:t"]).parse().unwrap();
    assert!(left > 3_000, "{left}");
}

#[test]
#[ignore = "needs redis-server"]
fn listeners_are_drained_again_after_a_pause() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    register(&log, 70_001, &["t"], &[]);
    register(&log, 70_002, &["t"], &[]);
    let pause = Duration::from_secs(600);
    assert!(!now(log.drain(&[70_009], pause)).unwrap(), "nobody was told");
    assert!(now(log.drain(&[70_001], pause)).unwrap());
    assert!(!now(log.drain(&[70_002], pause)).unwrap());
    redis.command(&["HSET", "{s}:hub", "drained", "1"]);
    assert!(now(log.drain(&[70_002], pause)).unwrap());
    let drains = |listener| {
        let census = register(&log, listener, &[], &[]);
        let drains: Vec<_> = census.peers.iter().filter(|peer| peer.drains).map(|peer| peer.listener).collect();
        (drains, census.gathered.unwrap().ago / 60_000)
    };
    assert_eq!(
        [drains(70_002), drains(70_001)],
        [(vec![70_002], 0), (vec![70_002], 0)],
        "a renewal does not forget it"
    );
    redis.command(&["HSET", "{s}:hub", "drained", &format!("{}000", unix_time() + 90)]);
    assert_eq!(drains(70_001).1, -1, "the clock has stepped back");
}

#[test]
#[ignore = "needs redis-server"]
fn a_listener_registers_its_topics_again_with_another_run_of_the_server() {
    let redis = Redis::start();
    let first = log_of_run(&redis, "s", "one");
    register(&first, 70_001, &["t"], &[]);
    assert!(register(&first, 70_001, &[], &[]).known);
    let second = log_of_run(&redis, "s", "two");
    assert!(!register(&second, 70_001, &[], &[]).known, "the server may have lost a topic");
    append(&second, 1);
    assert_eq!(told(&second, 70_001), hints(&[("t", 1)]));
    assert!(register(&second, 70_001, &["t"], &[]).known);
}
