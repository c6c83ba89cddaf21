//! The program `redis-server` as a process.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::wait::until;

/// Whether there is a program `redis-server` on this machine.
///
/// # Errors
///
/// That of the system when there is one which cannot be started.
pub fn is_installed() -> io::Result<bool> {
    match Command::new("redis-server").arg("--version").output() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A running `redis-server`; dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it. What it prints goes to a file in `directory`.
    #[track_caller]
    pub(crate) fn start(port: u16, settings: &[(String, String)], directory: &Path) -> Process {
        let log = directory.join("output.log");
        let output = File::create(&log).unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]).arg("--dir").arg(directory);
        for (name, value) in settings {
            command.arg(format!("--{name}")).args(value.split(' '));
        }
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        match command.spawn() {
            Ok(child) => Process { child, log },
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("redis-server is missing, and this test needs it: apt-get install redis-server")
            }
            Err(error) => panic!("redis-server cannot be started: {error}"),
        }
    }

    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// What it has printed since its start.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    #[track_caller]
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        until("redis-server to end", || self.has_ended().then_some(()));
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id()]).status();
        assert!(sent.unwrap().success(), "redis-server is not there");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
