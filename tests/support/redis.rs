//! A Redis of a test's own. It keeps what it answered: `appendonly` with `appendfsync always`.

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::within;

const DURABLE: [(&str, &str); 3] = [("appendonly", "yes"), ("appendfsync", "always"), ("save", "")];

/// A `redis-server`; dropped, it is killed.
pub struct Redis {
    port: u16,
    settings: Vec<(String, String)>,
    directory: TempDir,
    process: Child,
}

impl Redis {
    /// `None`, once it has said so, where there is no `redis-server`.
    pub async fn start() -> Option<Redis> {
        Self::start_with(&[]).await
    }

    /// With more settings, as in `redis.conf`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Option<Redis> {
        let port = free_port();
        let settings = DURABLE.iter().chain(settings);
        let settings: Vec<_> = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let directory = tempfile::tempdir().unwrap();
        let process = spawn(port, &settings, &directory)?;
        let mut redis = Redis { port, settings, directory, process };
        redis.answers().await;
        Some(redis)
    }

    /// What the variable `log_host` takes.
    pub fn host(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What the variable `log` takes.
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

    fn password(&self) -> &str {
        self.settings.iter().find(|(name, _)| name == "requirepass").map_or("", |(_, password)| password)
    }

    /// Ends it at once, with SIGKILL.
    pub async fn kill(&mut self) {
        within("redis-server to end", self.process.kill()).await.unwrap();
    }

    /// Starts it again where it was, after [`kill`](Self::kill).
    pub async fn restart(&mut self) {
        self.process = spawn(self.port, &self.settings, &self.directory).unwrap();
        self.answers().await;
    }

    /// Starts it again with what a [`backup`](Self::backup) has, after [`kill`](Self::kill).
    pub async fn restart_from(&mut self, backup: TempDir) {
        self.directory = backup;
        self.restart().await;
    }

    /// A copy of what it has stored.
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
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.id().unwrap().to_string();
        let sent = std::process::Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success(), "redis-server is not there");
    }

    /// Makes it forget everything.
    pub async fn flush(&self) {
        self.command(&["FLUSHALL"]).await;
    }

    /// Sends a command on a connection of its own and returns the reply: a line for each value of an array.
    #[track_caller]
    pub fn command(&self, words: &[&str]) -> impl Future<Output = String> {
        let reply = within(format!("redis-server to answer {words:?}"), self.try_command(words));
        async move { reply.await.unwrap() }
    }

    /// The value of a field of `INFO`.
    pub async fn info(&self, field: &str) -> String {
        let info = self.command(&["INFO"]).await;
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("INFO has no field {field}")).to_owned()
    }

    async fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut socket = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await?);
        if !self.password().is_empty() {
            ask(&mut socket, &["AUTH", self.password()]).await?;
        }
        ask(&mut socket, words).await
    }

    async fn answers(&mut self) {
        within("redis-server to answer", async {
            while self.try_command(&["PING"]).await.is_err() {
                assert!(self.process.try_wait().unwrap().is_none(), "redis-server ended");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

fn spawn(port: u16, settings: &[(String, String)], directory: &TempDir) -> Option<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]).arg("--dir").arg(directory.path());
    for (name, value) in settings {
        command.arg(format!("--{name}")).args(value.split(' '));
    }
    match command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn() {
        Ok(process) => Some(process),
        Err(error) if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() => {
            static SAID: Once = Once::new();
            // Not `eprintln!`, which the test harness keeps to itself.
            let line = b"redis-server is missing: the tests that need it are skipped (apt-get install redis-server)\n";
            SAID.call_once(|| drop(std::io::stderr().write_all(line)));
            None
        }
        Err(error) => panic!("redis-server cannot be started (apt-get install redis-server): {error}"),
    }
}

/// A port that is free and stays so while the Redis is down: it is none of those that the system gives to clients.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut ports = std::iter::repeat_with(|| {
        let next = std::process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        20_000 + u16::try_from(next % 10_000).unwrap()
    });
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

async fn ask(socket: &mut BufReader<TcpStream>, words: &[&str]) -> std::io::Result<String> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request += &format!("${}\r\n{word}\r\n", word.len());
    }
    socket.write_all(request.as_bytes()).await?;
    let (mut values, mut left) = (Vec::new(), 1);
    while left > 0 {
        left -= 1;
        let mut line = String::new();
        socket.read_line(&mut line).await?;
        let (kind, rest) = line.trim_end().split_at_checked(1).ok_or(ErrorKind::UnexpectedEof)?;
        match (kind, rest.parse::<i64>()) {
            ("-", _) => return Err(std::io::Error::other(rest)),
            ("*", Ok(length)) => left += length.max(0),
            ("$", Ok(length)) if length >= 0 => {
                let mut value = vec![0; length as usize + 2];
                socket.read_exact(&mut value).await?;
                values.push(String::from_utf8_lossy(&value[..length as usize]).into_owned());
            }
            ("$", _) => values.push(String::new()),
            _ => values.push(rest.to_owned()),
        }
    }
    Ok(values.join("\n"))
}
