//! Packages of npm and of PyPI, and programs that use them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::support::within;

const ATTEMPTS: usize = 3;
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(5);

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs one at a time, as all have one cache, and again when a registry does not answer.
async fn run(mut command: Command, needs: &str) {
    static RUNNING: Mutex<()> = Mutex::const_new(());
    let _alone = RUNNING.lock().await;
    command.stdout(Stdio::null());
    for attempt in 1..=ATTEMPTS {
        let status = command.status().await.unwrap_or_else(|error| panic!("install {needs}: {error}"));
        if status.success() {
            return;
        }
        assert!(attempt < ATTEMPTS, "{command:?} failed {attempt} times: is {needs} installed?");
        tokio::time::sleep(PAUSE).await;
    }
}

/// A directory with these packages of npm.
pub async fn npm(name: &str, packages: &[&str]) -> PathBuf {
    let directory = directory(name);
    std::fs::write(directory.join("package.json"), r#"{"private": true}"#).unwrap();
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--no-package-lock"]).args(packages).current_dir(&directory);
    run(install, "nodejs npm").await;
    directory
}

/// A directory with a virtual environment that has these packages of PyPI.
pub async fn pip(name: &str, packages: &[&str]) -> PathBuf {
    let directory = directory(name);
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "."]).current_dir(&directory);
    run(create, "python3 python3-venv").await;
    let mut install = Command::new("bin/pip");
    install.args(["install", "--quiet", "--disable-pip-version-check"]).args(packages).current_dir(&directory);
    run(install, "python3 python3-venv").await;
    directory
}

/// A program that runs, and what it says. It ends with this value.
pub struct Program {
    name: String,
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Program {
    pub fn start(name: &str, mut command: Command) -> Program {
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Program { name: name.to_owned(), lines, child }
    }

    pub async fn line(&mut self) -> String {
        match within(format!("a line of {}", self.name), self.lines.next_line()).await.unwrap() {
            Some(line) => line,
            None => panic!("{} has ended: {:?}", self.name, self.child.wait().await),
        }
    }
}
