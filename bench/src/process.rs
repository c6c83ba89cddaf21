//! A server in processes of its own: started, measured from outside, and killed.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, setrlimit};

use crate::http::DEADLINE;

/// Clock ticks a second in `/proc/PID/stat`, on every Linux there is.
const TICKS: f64 = 100.0;

/// A running program with all that it starts; dropped, it is killed.
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// A free port.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// As many open files as the system allows, here and in what is started from here.
pub fn allow_many_connections(count: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    ensure!(limit.maximum.is_none_or(|most| most >= count), "the system allows only {:?} open files", limit.maximum);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("cannot raise the limit of open files")
}

impl Process {
    /// Starts `command` and waits until it listens on `address`. What it prints goes to a file in `directory`.
    pub fn start(mut command: Command, address: SocketAddr, directory: &std::path::Path) -> Result<Process> {
        let log = directory.join("output.log");
        let output = fs::File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let mut process = Process { child, log };
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(address).is_err() {
            if process.child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("{:?} does not listen on {address}: {}", command.get_program(), process.output());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(process)
    }

    /// What it has printed.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The processor time that it has used.
    pub fn cpu(&self) -> Duration {
        self.members().iter().map(|stat| cpu(stat)).sum()
    }

    /// The bytes that it has in memory; what several of its processes share counts once.
    pub fn resident(&self) -> u64 {
        let share = |stat: &String| {
            let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", pid(stat))).ok()?;
            kilobytes(&rollup, "Pss:")
        };
        self.members().iter().filter_map(share).sum()
    }

    /// How many instances of a component there are.
    ///
    /// Spin opens the log file of an instance's standard error twice. Elsewhere it is the linear memories that have
    /// bytes: the dev host empties that of an instance which has ended, where Spin keeps some for the next.
    pub fn instances(&self) -> usize {
        let members = self.members();
        let files = members.iter().filter_map(|stat| fs::read_dir(format!("/proc/{}/fd", pid(stat))).ok());
        let targets = files.flatten().flatten().filter_map(|file| fs::read_link(file.path()).ok());
        match targets.filter(|target| target.to_string_lossy().ends_with("_stderr.txt")).count() / 2 {
            0 => self.guest_memory().1,
            logs => logs,
        }
    }

    /// The bytes of the linear memories of WebAssembly, and how many memories have any.
    ///
    /// Wasmtime puts each at the start of gigabytes of reserved addresses: what can be written, directly before what
    /// cannot be touched.
    pub fn guest_memory(&self) -> (u64, usize) {
        let (mut bytes, mut count) = (0, 0);
        for stat in self.members() {
            let maps = fs::read_to_string(format!("/proc/{}/smaps", pid(&stat))).unwrap_or_default();
            let mut memory = None;
            for line in maps.lines() {
                if let Some((range, mode)) = mapping(line) {
                    if mode.starts_with("---")
                        && range.1 - range.0 >= 1 << 30
                        && let Some((end, resident)) = memory
                        && end == range.0
                    {
                        bytes += resident;
                        count += usize::from(resident > 0);
                    }
                    memory = mode.starts_with("rw").then_some((range.1, 0));
                } else if let (Some((_, resident)), Some(found)) = (&mut memory, kilobytes(line, "Rss:")) {
                    *resident = found;
                }
            }
        }
        (bytes, count)
    }

    /// `/proc/PID/stat` of each process of its group.
    fn members(&self) -> Vec<String> {
        let group = self.child.id().to_string();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let stats = processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
        stats.filter(|stat| fields(stat).nth(2) == Some(&group)).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// The processor time of this process.
pub fn own_cpu() -> Duration {
    fs::read_to_string("/proc/self/stat").map_or(Duration::ZERO, |stat| cpu(&stat))
}

/// What follows the name in brackets: state, parent, group, ...
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(')').next().unwrap_or_default().split_whitespace()
}

fn pid(stat: &str) -> &str {
    stat.split_whitespace().next().unwrap_or_default()
}

fn cpu(stat: &str) -> Duration {
    let ticks: f64 = fields(stat).skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Duration::from_secs_f64(ticks / TICKS)
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

/// The first line of a mapping: its range, and what may be done with it.
fn mapping(line: &str) -> Option<((u64, u64), &str)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some(((hex(start)?, hex(end)?), rest))
}
