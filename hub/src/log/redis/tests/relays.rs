//! Who relays to which topic.

use super::*;
use crate::log::relay::Begun;

fn begin(log: &impl Log, topic: &str, holder: u64) -> Begun {
    let body = "event: end\ndata: \u{e9}\n\n".to_owned();
    let left = Record { id: None, last: true, meta: format!("p{topic}\n"), body };
    now(log.begin_relay(topic, holder, &left)).unwrap()
}

/// As if the lease of a relay was over.
fn expire(redis: &Redis, topic: &str, holder: u64) {
    redis.command(&["HSET", "{s}:relays", topic, &format!("{holder} 1")]);
}

#[test]
#[ignore = "needs redis-server"]
fn relays_whose_lease_is_over_are_taken_over_by_one_holder() {
    let redis = Redis::start();
    let (log, other) = (log(&redis, "s", 100, 1_000), log(&redis, "s", 100, 1_000));
    for topic in ["a", "b", "c"] {
        assert!(matches!(begin(&log, topic, u64::MAX), Begun::Held(_)));
    }
    expire(&redis, "a", u64::MAX);
    expire(&redis, "b", u64::MAX);
    assert_eq!(begin(&log, "a", 3), Begun::Running, "who takes it over ends it");
    let left = now(log.take_over(7, &[])).unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(now(other.take_over(8, &[])).unwrap(), [], "another one was first");
    assert_eq!(now(other.take_over(7, &[])).unwrap().len(), 2, "what is not appended yet");
    assert_eq!(now(log.held(u64::MAX, &["a".into(), "c".into()], true)).unwrap(), ["c"]);
    for record in left {
        now(log.append(&[record])).unwrap();
    }
    assert_eq!(now(log.take_over(7, &[])).unwrap(), []);
    assert_eq!(begin(&log, "a", 3), Begun::Ended);
    let page = now(log.after(&Interest::All(0))).unwrap();
    assert!(page.entries.iter().all(|entry| entry.private && entry.wire.ends_with("data: \u{e9}\n\n".as_bytes())));
}

#[test]
#[ignore = "needs redis-server"]
fn a_lease_is_renewed_until_somebody_takes_the_relay_over() {
    let redis = Redis::start();
    let log = log(&redis, "s", 100, 1_000);
    begin(&log, "a", 1);
    expire(&redis, "a", 1);
    assert_eq!(now(log.held(1, &["a".into()], true)).unwrap(), ["a"]);
    assert_eq!(now(log.take_over(7, &[])).unwrap(), []);
    expire(&redis, "a", 1);
    assert_eq!(now(log.take_over(7, &[])).unwrap().len(), 1);
    assert_eq!(now(log.held(1, &["a".into()], true)).unwrap(), [""; 0]);
    expire(&redis, "a", 7);
    assert_eq!(now(log.take_over(8, &[])).unwrap().len(), 1, "who took it over died too");
}

#[test]
#[ignore = "needs redis-server"]
fn the_lease_of_a_relay_that_its_holder_does_not_know_runs_out() {
    let redis = Redis::start();
    let log = log(&redis, "s", 100, 1_000);
    for topic in ["known", "unknown"] {
        begin(&log, topic, 1);
        expire(&redis, topic, 1);
    }
    assert_eq!(now(log.held(1, &["known".into()], true)).unwrap(), ["known"]);
    let left = now(log.take_over(7, &[])).unwrap();
    assert_eq!(left.iter().flat_map(Record::topics).collect::<Vec<_>>(), ["unknown"]);
}

#[test]
#[ignore = "needs redis-server"]
fn who_begins_again_what_it_holds_renews_its_lease_and_what_it_left_remains() {
    let redis = Redis::start();
    let log = log(&redis, "s", 100, 1_000);
    begin(&log, "a", 1);
    expire(&redis, "a", 1);
    let other = Record { id: None, last: true, meta: "-a\n".to_owned(), body: "data: other\n\n".to_owned() };
    assert!(matches!(now(log.begin_relay("a", 1, &other)), Ok(Begun::Held(_))));
    assert_eq!(now(log.take_over(7, &[])).unwrap(), []);
    expire(&redis, "a", 1);
    assert_eq!(now(log.take_over(7, &["a".into()])).unwrap(), [], "the relay lives");
    assert_eq!(now(log.take_over(7, &[])).unwrap()[0].meta, "pa\n");
}
