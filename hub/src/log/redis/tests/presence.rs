//! Who follows what.

use super::*;
use crate::log::presence::{Arrival, Attended, Changes, Listing, Presence};

fn arrival(subscriber: &str) -> Arrival {
    let listing = Listing { topic: format!("/hub/a/{subscriber}"), document: "{\"active\":".to_owned() };
    let (subscriber, ticket) = (subscriber.to_owned(), format!("ticket of {subscriber}"));
    Arrival { subscriber, ticket, back: None, what: "a".to_owned(), listings: vec![listing] }
}

fn come(log: &impl Presence, holder: u64, arrivals: &[Arrival]) -> Attended {
    now(log.attend(&Changes { holder, arrivals: arrivals.to_vec(), ..Changes::default() })).unwrap()
}

/// Does all that a hub does, and leaves nothing but an update for each begin and end.
pub(super) fn everything(redis: &Redis, log: &RedisLog<Native>) {
    assert_eq!(come(log, 1, &[arrival("s1"), arrival("s2")]).held, 2);
    let changes = Changes { holder: 1, released: vec!["s1".to_owned()], ..Changes::default() };
    now(log.attend(&Changes { grace: Duration::from_secs(60), ..changes.clone() })).unwrap();
    let back = Some(("s1".to_owned(), "ticket of s1".to_owned()));
    assert_eq!(come(log, 2, &[Arrival { back, ..arrival("s3") }]).back, ["ticket of s3"]);
    redis.command(&["ZADD", "{sse:updates}:leases", "1", "h1"]);
    assert_eq!(now(log.listed("/hub/", "/hub0")).unwrap().listings.len(), 2);
    assert_eq!(come(log, 2, &[]).appended.unwrap().0, ["/hub/a/s2"]);
    let all = Changes { holder: 2, named: Some(vec![]), ended: vec!["s1".to_owned()], ..Changes::default() };
    assert_eq!(now(log.attend(&all)).unwrap().held, 0);
}

#[test]
#[ignore = "needs redis-server"]
fn nothing_is_left_of_subscribers_who_have_left() {
    let redis = Redis::start();
    let log = log(&redis, "sse", 1_000, 1_000);
    everything_ends(&redis, &log);
    for key in ["subscribers", "subscriptions", "h:1", "h:2"] {
        assert_eq!(redis.command(&["EXISTS", &format!("{{sse}}:{key}")]), "0", "{key}");
    }
    assert_eq!(redis.command(&["ZCARD", "{sse}:leases"]), "1", "who ended the rest");
}

fn everything_ends(redis: &Redis, log: &RedisLog<Native>) {
    come(log, 1, &[arrival("s1"), arrival("s2"), arrival("s3")]);
    now(log.attend(&Changes { holder: 1, released: vec!["s1".to_owned()], ..Changes::default() })).unwrap();
    now(log.attend(&Changes { holder: 1, ended: vec!["s2".to_owned()], ..Changes::default() })).unwrap();
    redis.command(&["ZADD", "{sse}:leases", "1", "h1"]);
    come(log, 2, &[]);
}

#[test]
#[ignore = "needs redis-server"]
fn who_may_not_append_changes_nothing() {
    let redis = Redis::start();
    let log = log(&redis, "sse", 1_000, 1_000);
    come(&log, 1, &[arrival("s1")]);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let changes = Changes { holder: 1, ended: vec!["s1".to_owned()], ..Changes::default() };
    assert!(now(log.attend(&changes)).is_err());
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(now(log.listed("/hub/", "/hub0")).unwrap().listings.len(), 1);
    assert_eq!(now(log.attend(&changes)).unwrap().held, 0);
    assert_eq!(extent(&log).head, 2);
}

#[test]
#[ignore = "needs redis-server"]
fn subscriptions_of_a_server_that_lost_them_begin_anew() {
    let redis = Redis::start();
    let log = log(&redis, "sse", 1_000, 1_000);
    come(&log, 1, &[arrival("s1")]);
    redis.command(&["FLUSHALL"]);
    assert_eq!(come(&log, 1, &[]).held, 0);
    assert_eq!(come(&log, 1, &[arrival("s1")]).appended.unwrap().1.first.sequence, 1);
}

#[test]
#[ignore = "needs redis-server"]
fn subscribers_that_a_server_has_evicted_are_held_no_more() {
    let redis = Redis::start();
    let log = log(&redis, "sse", 1_000, 1_000);
    come(&log, 1, &["s1", "s2", "s3", "s4"].map(arrival));
    redis.command(&["DEL", "{sse}:subscribers"]);
    assert_eq!(come(&log, 1, &[]).held, 3, "which shows that some are lost");
    come(&log, 1, &["s3", "s4"].map(arrival));
    let gone = Changes { holder: 1, ended: vec!["s1".to_owned(), "s3".to_owned()], ..Changes::default() };
    now(log.attend(&gone)).unwrap();
    assert_eq!(now(log.attend(&Changes { named: Some(vec!["s4".to_owned()]), ..gone })).unwrap().held, 1);
    assert_eq!(redis.command(&["SMEMBERS", "{sse}:h:1"]), "s4");
}
