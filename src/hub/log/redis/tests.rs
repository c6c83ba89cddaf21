//! The log against a server. Without the program `redis-server` there is nothing to test, which is said.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Client, Value};
use spin_sdk::redis::{RedisParameter, RedisResult};
use tempfile::TempDir;

use super::*;
use crate::hub::log::laws::{self, now};

/// A server of its own, gone with the value.
struct Program {
    child: Child,
    url: String,
    _directory: TempDir,
}

impl Program {
    fn start() -> Option<Program> {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--save", "", "--dir"]).arg(directory.path());
        let Ok(mut child) = command.stdout(Stdio::piped()).spawn() else {
            assert!(std::env::var_os("CI").is_none(), "redis-server is missing: install it");
            eprintln!("skipped: redis-server is missing; install it, for example with `apt-get install redis-server`");
            return None;
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("Ready to accept connections")), "it should start");
        // What else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Program { child, url: format!("redis://127.0.0.1:{port}"), _directory: directory })
    }

    fn log(&self, stream: &str, updates: u64, seconds: u64) -> RedisLog<Native> {
        let server = Native { url: self.url.clone(), run: RefCell::default() };
        RedisLog::new(server, Keys::new(stream).unwrap(), Retention { updates, seconds }, 0)
    }

    /// The same log as another run of the server would have it.
    fn log_of_run(&self, stream: &str, run: &str) -> RedisLog<Native> {
        let log = self.log(stream, 1_000, 1_000);
        *log.server.run.borrow_mut() = Some(run.to_owned());
        log
    }

    fn command(&self, words: &[&str]) -> Value {
        let mut connection = Client::open(self.url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server as a native program connects to it.
struct Native {
    url: String,
    /// What it is to take for the id of the server's run.
    run: RefCell<Option<String>>,
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

    fn random(&self) -> u64 {
        thread_local!(static LAST: Cell<u64> = const { Cell::new(0) });
        LAST.set(LAST.get() + (1 << 13));
        LAST.get()
    }
}

impl Connection for NativeConnection {
    async fn execute(&self, command: &str, arguments: Vec<RedisParameter>) -> Result<Vec<RedisResult>, Unavailable> {
        if let (Some(run), "INFO") = (&self.run, command) {
            return Ok(vec![RedisResult::Binary(format!("run_id:{run}\r\n").into_bytes())]);
        }
        let mut command = redis::cmd(command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => command.arg(number),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let value = command.query(&mut *self.connection.borrow_mut());
        let value = value.map_err(|error: redis::RedisError| Unavailable::new(error.to_string()))?;
        let mut flat = Vec::new();
        flatten(value, &mut flat);
        Ok(flat)
    }
}

fn flatten(value: Value, into: &mut Vec<RedisResult>) {
    match value {
        Value::Nil => into.push(RedisResult::Nil),
        Value::Int(number) => into.push(RedisResult::Int64(number)),
        Value::BulkString(bytes) => into.push(RedisResult::Binary(bytes)),
        Value::SimpleString(text) => into.push(RedisResult::Status(text)),
        Value::Okay => into.push(RedisResult::Status("OK".to_owned())),
        Value::Array(values) => values.into_iter().for_each(|value| flatten(value, into)),
        other => panic!("a hub's command is not answered with {other:?}"),
    }
}

fn record(text: &str) -> Record {
    Record { id: None, meta: "-t\n".to_owned(), body: format!("data: {text}\n\n") }
}

fn append(log: &impl Log, count: usize) -> Position {
    let records: Vec<_> = (0..count).map(|n| record(&n.to_string())).collect();
    now(log.append(&records)).unwrap()
}

fn extent(log: &impl Log) -> Extent {
    now(log.extent()).unwrap()
}

#[test]
fn a_log_in_redis_obeys_the_laws() {
    let Some(program) = Program::start() else { return };
    let opened = Cell::new(0);
    laws::check(|history| {
        opened.set(opened.get() + 1);
        program.log(&format!("laws:{}", opened.get()), history as u64, 1_000)
    });
}

#[test]
fn scripts_are_called_by_their_names() {
    for script in [APPEND, READ, FIND] {
        let Some(program) = Program::start() else { return };
        let Value::BulkString(sha1) = program.command(&["SCRIPT", "LOAD", script.text]) else { panic!("a name") };
        assert_eq!(String::from_utf8(sha1).unwrap(), script.sha1, "{}", script.text);
    }
}

#[test]
fn a_server_that_forgot_the_scripts_is_told_them() {
    let Some(program) = Program::start() else { return };
    let log = program.log("s", 1_000, 1_000);
    append(&log, 1);
    program.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(append(&log, 1).sequence, 2);
    program.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(now(log.after(0)).unwrap().entries.len(), 2);
}

#[test]
fn a_wait_returns_what_follows_and_ends_without_news() {
    let Some(program) = Program::start() else { return };
    let log = program.log("s", 1_000, 1_000);
    let head = extent(&log).end();
    assert_eq!(now(log.wait(&head)).unwrap(), News { entries: vec![], look: true });
    append(&log, 3);
    let news = now(log.wait(&head)).unwrap();
    assert_eq!((news.entries.len(), news.look), (3, false));
    append(&log, 100);
    let news = now(log.wait(&head)).unwrap();
    assert_eq!((news.entries.len(), news.look), (WAIT_UPDATES, false), "the next wait returns more");
}

#[test]
fn another_run_of_the_server_begins_an_epoch_that_goes_on_where_the_last_ended() {
    let Some(program) = Program::start() else { return };
    let first = program.log_of_run("s", "one");
    append(&first, 5);
    let before = extent(&first);
    let second = program.log_of_run("s", "two");
    assert_eq!(extent(&second), before, "to read begins nothing");
    assert_eq!(append(&second, 2).sequence, 6);
    let after = extent(&second);
    assert_ne!(after.epoch, before.epoch);
    assert_eq!((after.oldest, after.head), (1, 7));
    let at = |sequence| Position { epoch: before.epoch.clone(), sequence };
    assert!(after.holds(&at(5)) && !after.holds(&at(6)));
    assert_eq!(after.find(&at(6)), Err(Position { sequence: 5, ..after.end() }), "who saw a sixth update saw another");
    let wires: Vec<_> = now(second.after(4)).unwrap().entries.into_iter().map(|entry| entry.wire).collect();
    assert_eq!(wires[0], format!("id: #{}-5\ndata: 4\n\n", before.epoch));
    assert_eq!(wires[1], format!("id: #{}-6\ndata: 0\n\n", after.epoch));
    let news = now(second.wait(&before.end())).unwrap();
    assert_eq!(news, News { entries: vec![], look: true }, "what comes is of another epoch");
}

#[test]
fn a_server_that_was_restarted_very_often_forgets_the_oldest_epochs() {
    let Some(program) = Program::start() else { return };
    for run in 0..120 {
        append(&program.log_of_run("s", &run.to_string()), 1);
    }
    let extent = extent(&program.log_of_run("s", "119"));
    assert_eq!(extent.ends.len(), 101);
    assert_eq!(extent.ends.first().map(|end| end.sequence), Some(20));
}

#[test]
fn a_log_that_was_emptied_begins_anew_under_another_epoch() {
    let Some(program) = Program::start() else { return };
    let log = program.log("s", 1_000, 1_000);
    append(&log, 5);
    let before = extent(&log);
    program.command(&["FLUSHALL"]);
    let after = extent(&log);
    assert_ne!(after.epoch, before.epoch);
    assert_eq!((after.oldest, after.head), (1, 0));
    assert!(!after.holds(&before.start()));
    append(&log, 1);
    // The key of the hub alone may be evicted: what is left is of no use.
    program.command(&["DEL", "{s}:hub"]);
    assert_eq!(append(&log, 2).sequence, 1);
    assert_eq!(extent(&log).oldest, 1);
}

#[test]
fn a_stream_that_was_deleted_is_a_gap_and_goes_on() {
    let Some(program) = Program::start() else { return };
    let log = program.log("s", 1_000, 1_000);
    append(&log, 5);
    program.command(&["DEL", "s"]);
    let gone = extent(&log);
    assert_eq!((gone.oldest, gone.head), (6, 5));
    assert_eq!(append(&log, 1).sequence, 6);
    assert_eq!(now(log.after(0)).unwrap().entries.len(), 1);
}

#[test]
fn updates_that_are_too_old_go_with_later_appends() {
    let Some(program) = Program::start() else { return };
    let log = program.log("s", 1_000, 1_000);
    append(&log, 5);
    // As if the five were given out 1,200 s ago, and the next five 1,100 s ago.
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let age = |list: &[&str], marked: u64| {
        program.command(&["DEL", "{s}:times"]);
        program.command(&[&["RPUSH", "{s}:times"], list].concat());
        program.command(&["HSET", "{s}:hub", "marked", &marked.to_string()]);
    };
    age(&[&format!("1 {}", unix - 1_200)], unix - 1_200);
    append(&log, 5);
    assert_eq!(extent(&log).oldest, 1, "of what came after the first mark nothing is known to be too old");
    age(&[&format!("1 {}", unix - 1_200), &format!("6 {}", unix - 1_100)], unix - 1_100);
    append(&log, 1);
    assert_eq!(extent(&log).oldest, 6);
    let Value::Int(left) = program.command(&["TTL", "s"]) else { panic!("a number") };
    assert!((1_000..=1_010).contains(&left), "and the rest expires with the history: {left}");
}

#[test]
fn an_id_is_found_at_the_oldest_update_that_is_kept() {
    let Some(program) = Program::start() else { return };
    let log = program.log("s", 10, 1_000);
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
fn a_long_history_is_trimmed_too() {
    let Some(program) = Program::start() else { return };
    let log = program.log("s", 2_000, 1_000);
    for _ in 0..6 {
        append(&log, 1_000);
    }
    let extent = extent(&log);
    let kept = extent.head + 1 - extent.oldest;
    assert!((2_000..2_200).contains(&kept), "{kept}");
}

#[test]
fn a_store_that_has_no_memory_left_takes_all_of_a_batch_or_nothing() {
    let Some(program) = Program::start() else { return };
    let log = program.log("s", 1_000, 1_000);
    append(&log, 2);
    program.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let records: Vec<_> = (0..5).map(|n| record(&n.to_string())).collect();
    let refused = now(log.append(&records)).unwrap_err();
    assert!(refused.reason.contains("OOM"), "{refused}");
    assert_eq!(extent(&log).head, 2);
    program.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(append(&log, 1).sequence, 3);
}

#[test]
fn a_key_that_holds_something_else_is_an_error() {
    let Some(program) = Program::start() else { return };
    program.command(&["SET", "s", "something else"]);
    let log = program.log("s", 1_000, 1_000);
    program.command(&["HSET", "{s}:hub", "epoch", "7", "run", "x", "head", "0", "ends", "", "marked", "0"]);
    assert!(now(log.extent()).is_err());
    assert!(now(log.append(&[record("x")])).is_err());
    program.command(&["DEL", "s"]);
    program.command(&["XADD", "s", "1-7", "other", "field"]);
    assert!(now(log.after(0)).is_err());
}

#[test]
fn the_user_that_the_docs_describe_may_do_everything() {
    let Some(mut program) = Program::start() else { return };
    let docs = include_str!("../../../../docs/redis.md");
    let rights = docs.lines().find(|line| line.trim_start().starts_with("ACL SETUSER")).unwrap();
    program.command(&rights.split_ascii_whitespace().collect::<Vec<_>>());
    program.url = program.url.replace("redis://", "redis://hub:password@");
    let server = Native { url: program.url.clone(), run: RefCell::default() };
    let retention = Retention { updates: 5, seconds: 100 };
    let log = RedisLog::new(server, Keys::new("sse:updates").unwrap(), retention, 0);
    let named = Record { id: Some("urn:x".to_owned()), ..record("named") };
    for _ in 0..10 {
        now(log.append(std::slice::from_ref(&named))).unwrap();
    }
    assert_eq!(now(log.after(0)).unwrap().entries.len(), 5);
    assert_eq!(now(log.find("urn:x")).unwrap(), Some(6));
    assert_eq!(now(log.wait(&Position { sequence: 9, ..extent(&log).end() })).unwrap().entries.len(), 1);
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    program.url = program.url.replace("hub:password@", "");
    let old = (unix - 200).to_string();
    program.command(&["RPUSH", "{sse:updates}:times", &format!("1 {old}"), &format!("8 {old}")]);
    program.command(&["HSET", "{sse:updates}:hub", "marked", &old]);
    assert_eq!(append(&log, 1).sequence, 11);
    let server = Native { url: program.url.replace("redis://", "redis://hub:password@"), run: RefCell::default() };
    let waits = RedisLog::new(server, Keys::new("sse:updates").unwrap(), retention, 1);
    assert!(now(waits.append(&[record("x")])).unwrap_err().reason.contains("replicas"));
}

#[test]
fn publications_wait_for_replicas_if_they_are_to() {
    let Some(program) = Program::start() else { return };
    let server = Native { url: program.url.clone(), run: RefCell::default() };
    let retention = Retention { updates: 10, seconds: 10 };
    let log = RedisLog::new(server, Keys::new("s").unwrap(), retention, 1);
    let refused = now(log.append(&[record("x")])).unwrap_err();
    assert!(refused.uncertain && refused.reason.contains("replicas"), "{refused}");
}
