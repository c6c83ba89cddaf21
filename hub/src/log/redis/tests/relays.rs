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
    let left = now(log.take_over(7)).unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(now(other.take_over(8)).unwrap(), [], "another one was first");
    assert_eq!(now(other.take_over(7)).unwrap().len(), 2, "what is not appended yet");
    assert_eq!(now(log.held(u64::MAX, true)).unwrap(), ["c"]);
    for record in left {
        now(log.append(&[record])).unwrap();
    }
    assert_eq!(now(log.take_over(7)).unwrap(), []);
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
    assert_eq!(now(log.held(1, true)).unwrap(), ["a"]);
    assert_eq!(now(log.take_over(7)).unwrap(), []);
    expire(&redis, "a", 1);
    assert_eq!(now(log.take_over(7)).unwrap().len(), 1);
    assert_eq!(now(log.held(1, true)).unwrap(), [""; 0]);
    expire(&redis, "a", 7);
    assert_eq!(now(log.take_over(8)).unwrap().len(), 1, "who took it over died too");
}
