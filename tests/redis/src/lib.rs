//! A Redis of a test's own. It keeps what it answered: `appendonly` with `appendfsync always`.
//!
//! ```no_run
//! use test_redis::Redis;
//!
//! let mut redis = Redis::start();
//! redis.command(&["SET", "name", "value"]);
//! redis.kill();
//! redis.restart();
//! assert_eq!(redis.command(&["GET", "name"]), "value");
//! ```
//!
//! Each function that fails panics with what it waited for or what was answered. No wait is longer than [`DEADLINE`].

mod port;
mod wait;
mod process;
mod reply;

use std::io::ErrorKind;
use std::sync::mpsc::channel;
use std::thread::spawn;

use redis::{Client, RedisResult, Value};
use tempfile::TempDir;

use process::Process;
use reply::lines;
use wait::until;

pub use port::free_port;
pub use process::is_installed;
pub use wait::DEADLINE;

const DURABLE: [(&str, &str); 3] = [("appendonly", "yes"), ("appendfsync", "always"), ("save", "")];

/// A `redis-server`; dropped, it is killed.
pub struct Redis {
    port: u16,
    settings: Vec<(String, String)>,
    directory: TempDir,
    process: Process,
}

impl Redis {
    /// Starts one.
    #[track_caller]
    pub fn start() -> Redis {
        Self::start_with(&[])
    }

    /// Starts one with more settings, as in `redis.conf`. A setting replaces an earlier one of the same name.
    #[track_caller]
    pub fn start_with(settings: &[(&str, &str)]) -> Redis {
        let settings = DURABLE.iter().chain(settings);
        let settings: Vec<_> = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
        let process = Process::start(port, &settings, directory.path());
        let mut redis = Redis { port, settings, directory, process };
        redis.wait_for_answers();
        redis
    }

    /// Its address without the password, which the variable `log_host` takes.
    pub fn host(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its address with the password, which the variable `log` takes.
    pub fn url(&self) -> String {
        match self.password() {
            "" => self.host(),
            password => format!("redis://:{password}@127.0.0.1:{}", self.port),
        }
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The setting `requirepass`; empty when there is none.
    pub fn password(&self) -> &str {
        let last = self.settings.iter().rfind(|(name, _)| name == "requirepass");
        last.map_or("", |(_, password)| password)
    }

    /// Ends it at once, with SIGKILL.
    #[track_caller]
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again with what it has stored, after [`kill`](Self::kill).
    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.process.has_ended(), "redis-server is restarted while it runs");
        self.process = Process::start(self.port, &self.settings, self.directory.path());
        self.wait_for_answers();
    }

    /// Starts it again with what a [`backup`](Self::backup) has, after [`kill`](Self::kill).
    #[track_caller]
    pub fn restart_from(&mut self, backup: TempDir) {
        self.directory = backup;
        self.restart();
    }

    /// A copy of what it has stored.
    #[track_caller]
    pub fn backup(&self) -> TempDir {
        let backup = tempfile::tempdir().unwrap();
        let files = self.directory.path().join(".");
        self.pause();
        let copied = std::process::Command::new("cp").arg("-r").arg(files).arg(backup.path()).status();
        self.resume();
        assert!(copied.unwrap().success(), "the directory of redis-server cannot be copied");
        backup
    }

    /// Lets it hang, until [`resume`](Self::resume).
    #[track_caller]
    pub fn pause(&self) {
        self.process.signal("-STOP");
    }

    /// Lets it go on, after [`pause`](Self::pause).
    #[track_caller]
    pub fn resume(&self) {
        self.process.signal("-CONT");
    }

    /// Makes it forget everything.
    #[track_caller]
    pub fn flush(&self) {
        self.command(&["FLUSHALL"]);
    }

    /// Sends a command on a connection of its own and returns the reply: a line for each value of an array.
    #[track_caller]
    pub fn command(&self, words: &[&str]) -> String {
        match self.try_command(words) {
            Ok(reply) => lines(reply),
            Err(error) => panic!("redis-server answers {words:?} with: {error}"),
        }
    }

    /// The value of a field of `INFO`.
    #[track_caller]
    pub fn info(&self, field: &str) -> String {
        let info = self.command(&["INFO"]);
        field_of(&info, field).unwrap_or_else(|| panic!("INFO has no field {field}")).to_owned()
    }

    fn try_command(&self, words: &[&str]) -> RedisResult<Value> {
        let (name, arguments) = words.split_first().expect("a command has a name");
        let mut command = redis::cmd(name);
        command.arg(arguments);
        let client = Client::open(self.url())?;
        // On a thread, and not with a time limit on the socket: such a read fails when the end of a child process, of
        // any test, interrupts it.
        let (sender, reply) = channel();
        spawn(move || {
            let connection = client.get_connection();
            // Nobody waits any more after the deadline.
            let _ = sender.send(connection.and_then(|mut connection| command.query(&mut connection)));
        });
        let late = |_| Err(std::io::Error::from(ErrorKind::TimedOut).into());
        reply.recv_timeout(DEADLINE).unwrap_or_else(late)
    }

    /// Waits until this process answers, and not another one that has taken the port.
    #[track_caller]
    fn wait_for_answers(&mut self) {
        until("redis-server to answer", || {
            assert!(!self.process.has_ended(), "redis-server has ended: {}", self.process.output());
            let info = self.try_command(&["INFO", "server"]).map(lines).ok()?;
            // INFO is answered before the stored commands are loaded, PING is not.
            self.try_command(&["PING"]).ok()?;
            (field_of(&info, "process_id") == Some(self.process.id().as_str())).then_some(())
        });
    }
}

/// The value of a field in a reply to `INFO`.
fn field_of<'i>(info: &'i str, field: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
}
