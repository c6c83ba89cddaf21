//! Topics that end, beyond the laws: what is forgotten, and what the state before does.

use super::*;
use crate::lean::lean;

/// What appends in the state before topics could end.
const WITHOUT_ENDS: Script = Script {
    text: &[lean!(include_str!("append_without_ends.lua"))],
    sha1: "d1b3f8701e42c73467cb24e22dcf489af538e238",
};

fn update(topics: &[&str], last: bool) -> Record {
    Record { last, meta: format!("-{}\n", topics.join("\n")), ..record("x") }
}

/// Appends as the state before does, in the same run of the server.
fn append_without_ends(redis: &Redis, topic: &str) {
    let keys = ["s", "{s}:hub", "{s}:times", "{s}:recent", "{s}:listeners"].map(str::to_owned);
    let run = redis.command(&["HGET", "{s}:hub", "run"]);
    let mut values: Vec<_> = [run.as_str(), "77", "1000", "1000", "1000000"].map(bytes).into();
    values.extend([bytes(""), bytes(&update(&[topic], false).meta), bytes("data: x\n\n")]);
    let connection = now(Native::new(redis.url()).connect()).unwrap();
    now(WITHOUT_ENDS.run(&connection, &keys, values)).unwrap();
}

#[test]
#[ignore = "needs redis-server"]
fn an_end_is_forgotten_when_updates_of_its_age_are() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    now(log.append(&[update(&["a", "b"], true)])).unwrap();
    append(&log, 4);
    assert!(now(log.append(&[update(&["a"], false)])).is_err());
    // As if those were given out 1,200 s ago, and what follows 1,100 s ago.
    let unix = unix_time();
    redis.command(&["DEL", "{s}:times"]);
    redis.command(&["RPUSH", "{s}:times", &format!("1 {}", unix - 1_200), &format!("6 {}", unix - 1_100)]);
    redis.command(&["HSET", "{s}:hub", "marked", &(unix - 1_100).to_string()]);
    append(&log, 1);
    assert_eq!((redis.command(&["EXISTS", "{s}:ended"]), extent(&log).has_ended_topics), ("0".to_owned(), false));
    now(log.append(&[update(&["a"], false), update(&["b"], true)])).unwrap();
    assert_eq!(now(log.append(&[update(&["b"], false)])), Err(AppendError::Ended("b".to_owned())));
    let left: u64 = redis.command(&["TTL", "{s}:ended"]).parse().unwrap();
    assert!((1_000..=1_010).contains(&left), "and the rest expires with the history: {left}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_log_of_the_state_before_has_no_topic_that_has_ended() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    extent(&log);
    append_without_ends(&redis, "a");
    assert!(!extent(&log).has_ended_topics);
    now(log.append(&[update(&["a"], true)])).unwrap();
    assert!(extent(&log).has_ended_topics);
    // Such an instance does not know that the topic has ended. The end stays, and no other topic is touched.
    append_without_ends(&redis, "a");
    append_without_ends(&redis, "b");
    let page = now(log.after(&Interest::Topics(vec![(Rc::from("a"), 0), (Rc::from("b"), 0)]))).unwrap();
    assert_eq!((page.entries.len(), page.ended), (4, vec![(Rc::from("a"), 2)]));
    assert_eq!(now(log.append(&[update(&["a"], false)])), Err(AppendError::Ended("a".to_owned())));
    assert_eq!(append(&log, 1).sequence, 5);
}

#[test]
#[ignore = "needs redis-server"]
fn a_log_that_begins_anew_has_no_topic_that_has_ended() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    now(log.append(&[update(&["a"], true)])).unwrap();
    redis.command(&["DEL", "{s}:hub"]);
    now(log.append(&[update(&["a"], false)])).unwrap();
    assert_eq!(now(log.ended(&[Rc::from("a")])), Ok(vec![]));
}
