//! A Redis that hubs have in common as their log.

use std::process::Command;

use anyhow::Result;
use tempfile::TempDir;

use crate::peers::component::Setup;
use crate::process::{Process, free_address};

/// A running Redis.
pub struct Redis {
    url: String,
    _process: Process,
    _state: TempDir,
}

/// Starts it; `None` when it is not installed.
pub fn start() -> Result<Option<Redis>> {
    if Command::new("redis-server").arg("--version").output().is_err() {
        println!("Redis is left out: apt-get install redis-server");
        return Ok(None);
    }
    let (address, state) = (free_address()?, tempfile::tempdir()?);
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", "", "--appendonly", "yes"]);
    command.arg("--dir").arg(state.path());
    let process = Process::start(command, address, state.path())?;
    Ok(Some(Redis { url: format!("redis://{address}"), _process: process, _state: state }))
}

impl Redis {
    /// The hub with this log.
    pub fn log_of(&self, hub: Setup) -> Setup {
        hub.variable("log", &self.url).variable("log_host", &self.url)
    }
}
