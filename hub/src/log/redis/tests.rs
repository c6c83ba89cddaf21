//! The log against a server: `cargo test -- --ignored`, with the program `redis-server`.

mod ending;
mod index;
mod listeners;
mod presence;
mod relays;

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{Client, Value};
use test_redis::Redis;

use super::*;
use crate::log::laws::{self, now};
use crate::log::log::Retention;
use crate::log::position::Position;
use crate::log::redis::connector::Connector;
use crate::log::redis::keys::Keys;
use crate::log::redis::script::{
    APPEND, ATTEND, BEGIN_RELAY, DRAIN, FIND, HELD, LISTED, READ, RECENT, REGISTER, Script, TAKE_OVER, TOPICS,
    UNREGISTER,
};
use crate::log::redis::server::Value as Flat;

fn log(redis: &Redis, stream: &str, updates: u64, seconds: u64) -> RedisLog<Native> {
    let retention = Retention { updates, seconds, bytes: 1 << 30 };
    RedisLog::new(Native::new(redis.url()), Keys::new(stream).unwrap(), retention, 0)
}

/// The same log as another run of the server would have it.
fn log_of_run(redis: &Redis, stream: &str, run: &str) -> RedisLog<Native> {
    let log = log(redis, stream, 1_000, 1_000);
    *log.connector.server.run.borrow_mut() = Some(run.to_owned());
    log
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A server as a native program connects to it.
struct Native {
    url: String,
    /// What it is to take for the id of the server's run.
    run: RefCell<Option<String>>,
    started: std::time::Instant,
}

impl Native {
    fn new(url: String) -> Native {
        Native { url, run: RefCell::default(), started: std::time::Instant::now() }
    }
}

struct NativeConnection {
    connection: RefCell<redis::Connection>,
    run: Option<String>,
}

impl Server for Native {
    type Connection = NativeConnection;

    async fn connect(&self) -> Result<NativeConnection, Unavailable> {
        let failed = |error: redis::RedisError| Unavailable::new(error.to_string());
        let connection = Client::open(self.url.as_str()).and_then(|client| client.get_connection()).map_err(failed)?;
        Ok(NativeConnection { connection: RefCell::new(connection), run: self.run.borrow().clone() })
    }

    async fn within<T>(
        &self,
        _: Duration,
        work: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        work.await
    }

    fn now(&self) -> Instant {
        self.started.elapsed().as_nanos() as u64
    }

    fn random(&self) -> u64 {
        thread_local!(static LAST: Cell<u64> = const { Cell::new(0) });
        LAST.set(LAST.get() + (1 << 13));
        LAST.get()
    }
}

impl Connection for NativeConnection {
    async fn execute(&self, command: &str, arguments: Vec<Vec<u8>>) -> Result<Vec<Flat>, Unavailable> {
        if let (Some(run), "INFO") = (&self.run, command) {
            return Ok(vec![Flat::Bytes(format!("run_id:{run}\r\n").into_bytes())]);
        }
        let mut command = redis::cmd(command);
        for argument in arguments {
            command.arg(argument);
        }
        let value = command.query(&mut *self.connection.borrow_mut());
        let value = value.map_err(|error: redis::RedisError| Unavailable::new(error.to_string()))?;
        let mut flat = Vec::new();
        flatten(value, &mut flat);
        Ok(flat)
    }
}

fn flatten(value: Value, into: &mut Vec<Flat>) {
    match value {
        Value::Nil => into.push(Flat::Nil),
        Value::Int(number) => into.push(Flat::Integer(number)),
        Value::BulkString(bytes) => into.push(Flat::Bytes(bytes)),
        Value::SimpleString(text) => into.push(Flat::Status(text)),
        Value::Okay => into.push(Flat::Status("OK".to_owned())),
        Value::Array(values) => values.into_iter().for_each(|value| flatten(value, into)),
        other => panic!("a hub's command is not answered with {other:?}"),
    }
}

fn record(text: &str) -> Record {
    Record { id: None, last: false, meta: "-t\n".to_owned(), body: format!("data: {text}\n\n") }
}

fn append(log: &impl Log, count: usize) -> Position {
    let records: Vec<_> = (0..count).map(|n| record(&n.to_string())).collect();
    now(log.append(&records)).unwrap().first
}

fn unavailable(log: &impl Log, records: &[Record]) -> Unavailable {
    match now(log.append(records)) {
        Err(AppendError::Unavailable(unavailable)) => unavailable,
        other => panic!("the log cannot be written: {other:?}"),
    }
}

fn extent(log: &impl Log) -> Extent {
    now(log.extent()).unwrap()
}

#[test]
#[ignore = "needs redis-server"]
fn a_log_in_redis_obeys_the_laws() {
    let redis = Redis::start();
    let opened = Cell::new(0);
    let new = |history| {
        opened.set(opened.get() + 1);
        log(&redis, &format!("laws:{}", opened.get()), history as u64, 1_000)
    };
    laws::check(new);
    let lapse = |_: &RedisLog<Native>, holder: u64| {
        redis.command(&["ZADD", &format!("{{laws:{}}}:leases", opened.get()), "1", &format!("h{holder}")]);
    };
    laws::presence::check(|| new(10_000), lapse);
}

#[test]
#[ignore = "needs redis-server"]
fn scripts_are_called_by_their_names() {
    let redis = Redis::start();
    for script in
        [ATTEND, LISTED, APPEND, READ, TOPICS, RECENT, FIND, REGISTER, UNREGISTER, DRAIN, BEGIN_RELAY, HELD, TAKE_OVER]
    {
        assert_eq!(redis.command(&["SCRIPT", "LOAD", &script.text.concat()]), script.sha1, "{:?}", script.text);
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_server_that_forgot_the_scripts_is_told_them() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    append(&log, 1);
    redis.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(append(&log, 1).sequence, 2);
    redis.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(now(log.after(&Interest::All(0))).unwrap().entries.len(), 2);
}

#[test]
#[ignore = "needs redis-server"]
fn another_run_of_the_server_begins_an_epoch_that_goes_on_where_the_last_ended() {
    let redis = Redis::start();
    let first = log_of_run(&redis, "s", "one");
    append(&first, 5);
    let before = extent(&first);
    let second = log_of_run(&redis, "s", "two");
    assert_eq!(extent(&second), before, "to read begins nothing");
    assert_eq!(append(&second, 2).sequence, 6);
    let after = extent(&second);
    assert_ne!(after.epoch, before.epoch);
    assert_eq!((after.oldest, after.head), (1, 7));
    let at = |sequence| Position { epoch: before.epoch.clone(), sequence };
    assert!(after.holds(&at(5)) && !after.holds(&at(6)));
    assert_eq!(after.find(&at(6)), Err(Position { sequence: 5, ..after.end() }), "who saw a sixth update saw another");
    let wires: Vec<_> =
        now(second.after(&Interest::All(4))).unwrap().entries.into_iter().map(|entry| entry.wire).collect();
    assert_eq!(wires[0], format!("id: #{}-5\ndata: 4\n\n", before.epoch));
    assert_eq!(wires[1], format!("id: #{}-6\ndata: 0\n\n", after.epoch));
}

#[test]
#[ignore = "needs redis-server"]
fn a_server_that_was_restarted_very_often_forgets_the_oldest_epochs() {
    let redis = Redis::start();
    for run in 0..120 {
        append(&log_of_run(&redis, "s", &run.to_string()), 1);
    }
    let extent = extent(&log_of_run(&redis, "s", "119"));
    assert_eq!(extent.ends.len(), 101);
    assert_eq!(extent.ends.first().map(|end| end.sequence), Some(20));
}

#[test]
#[ignore = "needs redis-server"]
fn a_log_that_was_emptied_begins_anew_under_another_epoch() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    append(&log, 5);
    let before = extent(&log);
    redis.command(&["FLUSHALL"]);
    let after = extent(&log);
    assert_ne!(after.epoch, before.epoch);
    assert_eq!((after.oldest, after.head), (1, 0));
    assert!(!after.holds(&before.start()));
    append(&log, 1);
    // The key of the hub alone may be evicted: what is left is of no use.
    redis.command(&["DEL", "{s}:hub"]);
    assert_eq!(append(&log, 2).sequence, 1);
    assert_eq!(extent(&log).oldest, 1);
}

#[test]
#[ignore = "needs redis-server"]
fn a_stream_that_was_deleted_is_a_gap_and_goes_on() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    append(&log, 5);
    redis.command(&["DEL", "s"]);
    let gone = extent(&log);
    assert_eq!((gone.oldest, gone.head), (6, 5));
    assert_eq!(append(&log, 1).sequence, 6);
    assert_eq!(now(log.after(&Interest::All(0))).unwrap().entries.len(), 1);
}

#[test]
#[ignore = "needs redis-server"]
fn updates_that_are_too_old_go_with_later_appends() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    append(&log, 5);
    // As if the five were given out 1,200 s ago, and the next five 1,100 s ago.
    let unix = unix_time();
    let age = |list: &[&str], marked: u64| {
        redis.command(&["DEL", "{s}:times"]);
        redis.command(&[&["RPUSH", "{s}:times"], list].concat());
        redis.command(&["HSET", "{s}:hub", "marked", &marked.to_string()]);
    };
    age(&[&format!("1 {}", unix - 1_200)], unix - 1_200);
    append(&log, 5);
    assert_eq!(extent(&log).oldest, 1, "of what came after the first mark nothing is known to be too old");
    age(&[&format!("1 {}", unix - 1_200), &format!("6 {}", unix - 1_100)], unix - 1_100);
    append(&log, 1);
    assert_eq!(extent(&log).oldest, 6);
    let left: u64 = redis.command(&["TTL", "s"]).parse().unwrap();
    assert!((1_000..=1_010).contains(&left), "and the rest expires with the history: {left}");
}

#[test]
#[ignore = "needs redis-server"]
fn an_id_is_found_at_the_oldest_update_that_is_kept() {
    let redis = Redis::start();
    let log = log(&redis, "s", 10, 1_000);
    let named = Record { id: Some("urn:x".to_owned()), ..record("named") };
    now(log.append(std::slice::from_ref(&named))).unwrap();
    append(&log, 3);
    now(log.append(std::slice::from_ref(&named))).unwrap();
    assert_eq!(now(log.find("urn:x")).unwrap(), Some(1));
    append(&log, 7);
    assert_eq!(now(log.find("urn:x")).unwrap(), None, "the key leads to an update that is gone");
    now(log.append(&[named])).unwrap();
    assert_eq!(now(log.find("urn:x")).unwrap(), Some(13));
}

#[test]
#[ignore = "needs redis-server"]
fn a_long_history_is_trimmed_too() {
    let redis = Redis::start();
    let log = log(&redis, "s", 2_000, 1_000);
    for _ in 0..6 {
        append(&log, 1_000);
    }
    let extent = extent(&log);
    let kept = extent.head + 1 - extent.oldest;
    assert!((2_000..2_200).contains(&kept), "{kept}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_store_that_has_no_memory_left_takes_all_of_a_batch_or_nothing() {
    let redis = Redis::start();
    let log = log(&redis, "s", 1_000, 1_000);
    append(&log, 2);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let records: Vec<_> = (0..5).map(|n| record(&n.to_string())).collect();
    let refused = unavailable(&log, &records);
    assert!(refused.reason.contains("OOM"), "{refused}");
    assert_eq!(extent(&log).head, 2);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(append(&log, 1).sequence, 3);
}

#[test]
#[ignore = "needs redis-server"]
fn a_key_that_holds_something_else_is_an_error() {
    let redis = Redis::start();
    redis.command(&["SET", "s", "something else"]);
    let log = log(&redis, "s", 1_000, 1_000);
    redis.command(&["HSET", "{s}:hub", "epoch", "7", "run", "x", "head", "0", "ends", "", "marked", "0"]);
    assert!(now(log.extent()).is_err());
    assert!(now(log.append(&[record("x")])).is_err());
    redis.command(&["DEL", "s"]);
    redis.command(&["XADD", "s", "1-7", "other", "field"]);
    assert!(now(log.after(&Interest::All(0))).is_err());
}

#[test]
#[ignore = "needs redis-server"]
fn the_user_that_the_docs_describe_may_do_everything() {
    let redis = Redis::start();
    let docs = include_str!("../../../../docs/redis.md");
    let rights = docs.lines().find(|line| line.trim_start().starts_with("ACL SETUSER")).unwrap();
    redis.command(&rights.split_ascii_whitespace().collect::<Vec<_>>());
    let url = redis.url().replace("redis://", "redis://hub:password@");
    let server = Native::new(url.clone());
    let retention = Retention { updates: 5, seconds: 100, bytes: 1 << 30 };
    let log = RedisLog::new(server, Keys::new("sse:updates").unwrap(), retention, 0);
    let named = Record { id: Some("urn:x".to_owned()), ..record("named") };
    for _ in 0..10 {
        now(log.append(std::slice::from_ref(&named))).unwrap();
    }
    assert_eq!(now(log.after(&Interest::All(0))).unwrap().entries.len(), 5);
    assert_eq!(now(log.find("urn:x")).unwrap(), Some(6));
    let topics = Interest::Topics(vec![("t".into(), 0)]);
    assert_eq!(now(log.after(&topics)).unwrap().entries.len(), 5);
    now(log.as_of(log.connector.server.now())).unwrap();
    let registration = |added: &[&str], removed: &[&str]| {
        let topics = |topics: &[&str]| topics.iter().map(|topic| Rc::from(*topic)).collect();
        Registration { listener: 70_001, streams: 1, added: topics(added), removed: topics(removed) }
    };
    now(log.register(&registration(&["t", "*"], &[]))).unwrap();
    now(log.register(&registration(&[], &["*"]))).unwrap();
    assert!(now(log.drain(&[70_001], Duration::ZERO)).unwrap());
    let last = Record { last: true, meta: "-ends\n".to_owned(), ..record("last") };
    now(log.append(std::slice::from_ref(&last))).unwrap();
    assert_eq!(now(log.append(&[last])), Err(AppendError::Ended("ends".to_owned())));
    assert_eq!(now(log.ended(&["ends".into()])).unwrap().len(), 1);
    assert_eq!(now(log.after(&Interest::All(0))).unwrap().ended.len(), 1);
    assert!(matches!(now(log.begin_relay("relayed", 1, &named)).unwrap(), Begun::Held(_)));
    assert_eq!(now(log.held(1, &["relayed".into()], true)).unwrap(), ["relayed"]);
    assert!(now(log.has_any(&["relayed".into()])).unwrap() && !now(log.has_any(&["x".into()])).unwrap());
    redis.command(&["HSET", "{sse:updates}:relays", "relayed", "1 1"]);
    assert_eq!(now(log.take_over(2, &[])).unwrap().len(), 1);
    now(log.append(std::slice::from_ref(&named))).unwrap();
    assert_eq!(now(log.wait(70_001)).unwrap().hints.len(), 2, "to drain, and the update");
    redis.command(&["HSET", "{sse:updates}:listeners", "70001", "1 1 0 1 run"]);
    now(log.append(std::slice::from_ref(&named))).unwrap();
    now(log.register(&registration(&[], &[]))).unwrap();
    now(log.unregister(70_001)).unwrap();
    presence::everything(&redis, &log);
    let unix = unix_time();
    let old = (unix - 200).to_string();
    redis.command(&["RPUSH", "{sse:updates}:times", &format!("1 {old}"), &format!("8 {old}")]);
    redis.command(&["HSET", "{sse:updates}:hub", "marked", &old]);
    assert_eq!(append(&log, 1).sequence, 18);
    let waits = RedisLog::new(Native::new(url), Keys::new("sse:updates").unwrap(), retention, 1);
    assert!(unavailable(&waits, &[record("x")]).reason.contains("replicas"));
}

#[test]
#[ignore = "needs redis-server"]
fn publications_wait_for_replicas_if_they_are_to() {
    let redis = Redis::start();
    let server = Native::new(redis.url());
    let retention = Retention { updates: 10, seconds: 10, bytes: 1 << 30 };
    let log = RedisLog::new(server, Keys::new("s").unwrap(), retention, 1);
    let refused = unavailable(&log, &[record("x")]);
    assert!(refused.uncertain && refused.reason.contains("replicas"), "{refused}");
}
