//! The index by topic, and what is kept.

use super::*;

/// What the release without an index appends with.
const WITHOUT_INDEX: Script =
    Script { text: &[include_str!("append_without_index.lua")], sha1: "1dc08d1763aefebe1c85b9efd0f2af9d330f56b4" };

fn on(topic: &str) -> Record {
    Record { meta: format!("-{topic}\n"), ..record("x") }
}

fn sequences(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.sequence).collect()
}

fn about(log: &impl Log, topic: &str) -> Page {
    now(log.after(&Interest::Topics(vec![(Rc::from(topic), 0)]))).unwrap()
}

/// Appends as the release without an index does, in the first run of the server.
fn append_without_index(redis: &Redis, topics: &[&str]) {
    let keys = ["s", "{s}:hub", "{s}:times"].map(str::to_owned);
    let mut values: Vec<_> = ["one", "77", "1000", "1000"].map(bytes).into();
    for topic in topics {
        values.extend([bytes(""), bytes(&on(topic).meta), bytes("data: x\n\n")]);
    }
    let connection = now(Native::new(redis.url()).connect()).unwrap();
    now(WITHOUT_INDEX.run(&connection, &keys, values)).unwrap();
}

fn field(redis: &Redis, name: &str) -> String {
    redis.command(&["HGET", "{s}:hub", name])
}

fn bytes_kept(log: &impl Log) -> usize {
    let page = now(log.after(&Interest::All(0))).unwrap();
    let meta = |entry: &crate::log::Entry| 1 + entry.topics().map(|topic| topic.len() + 1).sum::<usize>();
    page.entries.iter().map(|entry| meta(entry) + entry.wire.len()).sum()
}

#[test]
#[ignore = "needs redis-server"]
fn a_stream_of_a_release_without_an_index_is_indexed_by_a_read() {
    let redis = Redis::start();
    append_without_index(&redis, &["a", "b", "a"]);
    let log = log_of_run(&redis, "s", "two");
    assert_eq!(sequences(&about(&log, "a")), [1, 3]);
    assert_eq!(field(&redis, "run"), "one", "a read does not hide that the server has another run");
    assert_eq!(field(&redis, "bytes"), bytes_kept(&log).to_string());
    append(&log, 1);
    assert_eq!(extent(&log).ends.len(), 2);
}

#[test]
#[ignore = "needs redis-server"]
fn a_stream_of_a_release_without_an_index_is_indexed_by_an_append() {
    let redis = Redis::start();
    append_without_index(&redis, &["a", "b", "a"]);
    let log = log_of_run(&redis, "s", "one");
    now(log.append(&[on("a")])).unwrap();
    assert_eq!(sequences(&about(&log, "a")), [1, 3, 4]);
    assert_eq!(field(&redis, "bytes"), bytes_kept(&log).to_string());
}

#[test]
#[ignore = "needs redis-server"]
fn a_release_without_an_index_may_go_on_beside_this_one() {
    let redis = Redis::start();
    let log = log_of_run(&redis, "s", "one");
    for _ in 0..3 {
        now(log.append(&[on("a")])).unwrap();
        append_without_index(&redis, &["b", "a"]);
    }
    let at = log.connector.server.now();
    append_without_index(&redis, &["a"]);
    assert!(now(log.as_of(at)).unwrap().sequence <= 9, "of the last update it is not known when it came");
    assert_eq!(sequences(&about(&log, "a")), [1, 3, 4, 6, 7, 9, 10]);
    assert_eq!(sequences(&about(&log, "b")), [2, 5, 8]);
    assert_eq!(field(&redis, "bytes"), bytes_kept(&log).to_string());
}

#[test]
#[ignore = "needs redis-server"]
fn an_index_is_only_a_hint() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    now(log.append(&[on("a"), on("b"), on("c"), on("a")])).unwrap();
    redis.command(&["ZADD", "{s}:t:a", "2", "2", "7", "7"]);
    assert_eq!(sequences(&about(&log, "a")), [1, 4], "what is about something else, and what is not there");
    redis.command(&["ZADD", "{s}:t:b", "1", "1"]);
    let both = Interest::Topics(vec![("b".into(), 0), ("a".into(), 0)]);
    assert_eq!(sequences(&now(log.after(&both)).unwrap()), [1, 2, 4]);
    redis.command(&["XDEL", "s", "1-1"]);
    redis.command(&["DEL", "s"]);
    let page = about(&log, "a");
    assert_eq!((sequences(&page), page.through), (vec![], 4));
    assert_eq!(now(log.append(&[on("c")])).unwrap().first.sequence, 5);
    assert_eq!(sequences(&about(&log, "c")), [5]);
    assert_eq!(field(&redis, "bytes"), bytes_kept(&log).to_string(), "what was deleted is not counted");
}

#[test]
#[ignore = "needs redis-server"]
fn a_read_of_many_topics_merges_them() {
    let redis = Redis::start();
    let log = log(&redis, "s", 10_000, 1_000);
    // A few topics have most of the updates.
    let topic = |n: u64| format!("t{}", (n * n * 7919) % 97 % (1 + n % 40));
    let records: Vec<_> = (1..=5_000).map(|n| on(&topic(n))).collect();
    for batch in records.chunks(700) {
        now(log.append(batch)).unwrap();
    }
    let from = |n: u64| n * 31 % 400;
    let topics: Vec<_> = (0..60).filter(|n| n % 3 > 0).map(|n| (Rc::from(format!("t{n}")), from(n))).collect();
    let expected: Vec<_> =
        (1..=5_000).filter(|n| topics.iter().any(|(wanted, after)| **wanted == *topic(*n) && n > after)).collect();
    let (mut found, mut through) = (Vec::new(), 0);
    while through < 5_000 {
        let next: Vec<_> = topics.iter().map(|(topic, after)| (Rc::clone(topic), through.max(*after))).collect();
        let page = now(log.after(&Interest::Topics(next))).unwrap();
        assert!(page.through > through && page.entries.len() <= PAGE_UPDATES);
        found.extend(sequences(&page));
        through = page.through;
    }
    assert_eq!(found, expected);
}

#[test]
#[ignore = "needs redis-server"]
fn what_goes_from_the_stream_goes_from_the_index() {
    let redis = Redis::start();
    for updates in [10, 1_500] {
        let log = log(&redis, "s", updates, 1_000);
        let records: Vec<_> = (0..500).map(|n| on(&format!("topic {n}"))).collect();
        for _ in 0..6 {
            now(log.append(&records)).unwrap();
        }
        let many: Vec<_> = (0..1_000).map(|_| on("last")).collect();
        for _ in 0..2 {
            now(log.append(&many)).unwrap();
        }
        let Extent { oldest, head, .. } = extent(&log);
        assert!(head + 1 - oldest <= updates + 100);
        let left = redis.command(&["KEYS", "{s}:t:*"]);
        assert_eq!(left, "{s}:t:last");
        assert_eq!(redis.command(&["ZCARD", "{s}:t:last"]), (head + 1 - oldest).to_string());
        assert_eq!(about(&log, "last").entries.first().unwrap().sequence, oldest);
    }
    let left: u64 = redis.command(&["TTL", "{s}:t:last"]).parse().unwrap();
    assert!((3_000..=3_030).contains(&left), "and the rest expires when its updates have for certain: {left}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_history_is_bounded_by_its_bytes_too() {
    let redis = Redis::start();
    let retention = Retention { updates: 10_000, seconds: 1_000, bytes: 50_000 };
    let log = RedisLog::new(Native::new(redis.url()), Keys::new("s").unwrap(), retention, 0);
    let large = |bytes: usize| Record { body: format!("data: {}\n\n", "x".repeat(bytes)), ..on("large") };
    for _ in 0..200 {
        now(log.append(&[large(1_000)])).unwrap();
        let kept = bytes_kept(&log);
        assert_eq!(field(&redis, "bytes"), kept.to_string());
        assert!(kept <= 51_000, "{kept}");
    }
    assert!(bytes_kept(&log) > 48_000);
    assert_eq!(redis.command(&["ZCARD", "{s}:t:large"]), redis.command(&["XLEN", "s"]));
    now(log.append(&[large(1_000), large(90_000)])).unwrap();
    let extent = extent(&log);
    assert_eq!((extent.oldest, extent.head), (202, 202), "the last one is kept whatever its size");
}

#[test]
#[ignore = "needs redis-server"]
fn a_topic_that_cannot_be_indexed_is_refused_before_anything_is_written() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    append(&log, 1);
    redis.command(&["SET", "{s}:t:a", "something else"]);
    assert!(now(log.append(&[on("a")])).is_err());
    assert_eq!(append(&log, 1).sequence, 2);
}

#[test]
#[ignore = "needs redis-server"]
fn where_the_log_was_is_known_to_a_few_milliseconds() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    let began = log.connector.server.now();
    assert_eq!(now(log.as_of(began)).unwrap(), AsOf { extent: extent(&log), sequence: 0 });
    append(&log, 3);
    let later = log.connector.server.now();
    append(&log, 1);
    assert_eq!(now(log.as_of(began)).unwrap().sequence, 0);
    assert!(now(log.as_of(later)).unwrap().sequence <= 3);
    // As if all was appended a while ago.
    let time = redis.command(&["TIME"]);
    let seconds: u64 = time.lines().next().unwrap().parse().unwrap();
    redis.command(&["DEL", "{s}:recent"]);
    redis.command(&[
        "RPUSH",
        "{s}:recent",
        &format!("1 {}", (seconds - 30) * 1_000),
        &format!("3 {}", (seconds - 10) * 1_000),
    ]);
    let ago = |age: u64| log.connector.server.now().wrapping_sub(age * 1_000_000_000);
    assert_eq!(now(log.as_of(ago(0))).unwrap().sequence, 4);
    assert!(redis.command(&["TTL", "{s}:recent"]).parse::<i64>().unwrap() < 0, "a read writes nothing");
}

#[test]
#[ignore = "needs redis-server"]
fn where_the_log_was_before_the_marks_that_are_kept_is_its_start() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    let began = log.connector.server.now();
    append(&log, 1);
    // As if 5,000 updates had come since, a millisecond one from the other.
    let script = "for n = 2, 5001 do redis.call('RPUSH', KEYS[1], n .. ' ' .. (ARGV[1] * 1000 + 1000 + n)) end";
    let seconds = redis.command(&["TIME"]).lines().next().unwrap().to_owned();
    redis.command(&["EVAL", script, "1", "{s}:recent", &seconds]);
    append(&log, 1);
    assert_eq!(redis.command(&["LLEN", "{s}:recent"]), "4096");
    assert_eq!(now(log.as_of(began)).unwrap().sequence, 0);
}

/// So many seconds pass, without an append.
fn passes(redis: &Redis, seconds: u64) {
    let script = "
        for _, key in ipairs(redis.call('KEYS', '*')) do
            local left = redis.call('TTL', key)
            if left >= 0 then redis.call('EXPIRE', key, left - ARGV[1]) end
        end
        for at, mark in ipairs(redis.call('LRANGE', '{s}:times', 0, -1)) do
            local from, time = string.match(mark, '(%d+) (%d+)')
            redis.call('LSET', '{s}:times', at - 1, from .. ' ' .. string.format('%.0f', time - ARGV[1]))
        end
        redis.call('HINCRBY', '{s}:hub', 'marked', -ARGV[1])";
    redis.command(&["EVAL", script, "0", &seconds.to_string()]);
}

#[test]
#[ignore = "needs redis-server"]
fn a_topic_is_indexed_for_as_long_as_its_updates_are_kept() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    now(log.append(&[on("a")])).unwrap();
    for silence in [1_005, 995] {
        passes(&redis, silence);
        now(log.append(&[on("b")])).unwrap();
    }
    passes(&redis, 1_005);
    assert_eq!((extent(&log).oldest, sequences(&about(&log, "a"))), (1, vec![1]));
    passes(&redis, 10);
    assert_eq!((extent(&log).oldest, sequences(&about(&log, "a"))), (4, vec![]), "all has expired");
}

#[test]
#[ignore = "needs redis-server"]
fn what_is_too_old_and_not_trimmed_yet_is_not_kept_for_its_topic() {
    let redis = Redis::start();
    let log = log(&redis, "s", 10_000, 1_000);
    let many: Vec<_> = (0..500).map(|_| on("a")).collect();
    now(log.append(&many)).unwrap();
    for _ in 0..4 {
        passes(&redis, 1_005);
        now(log.append(&[on("b")])).unwrap();
    }
    assert!(extent(&log).oldest < 500);
    let page = about(&log, "a");
    assert!(page.extent.oldest > 500 && sequences(&page).is_empty(), "{page:?}");
    assert_eq!(sequences(&about(&log, "b")).last(), Some(&504));
}

#[test]
#[ignore = "needs redis-server"]
fn a_user_who_may_not_write_the_index_is_refused_before_anything_is_written() {
    let redis = Redis::start();
    let first = log(&redis, "s", 1_000, 1_000);
    append(&first, 1);
    redis.command(&["ACL", "SETUSER", "hub", "on", ">password", "~*", "+@all", "-zadd"]);
    let mut log = log(&redis, "s", 1_000, 1_000);
    log.connector = Connector::new(Native::new(redis.url().replace("redis://", "redis://hub:password@")));
    assert!(now(log.append(&[on("a")])).is_err());
    assert_eq!(append(&first, 1).sequence, 2);
}
