//! A Redis that hubs have in common as their log.

use std::time::Duration;

use anyhow::Result;

use crate::peers::component::Setup;

/// A running Redis.
pub struct Redis(test_redis::Redis);

/// Starts it; `None` when it is not installed.
pub fn start() -> Result<Option<Redis>> {
    if !test_redis::is_installed()? {
        println!("Redis is left out: apt-get install redis-server");
        return Ok(None);
    }
    // The default of Redis, and not that of the tests.
    Ok(Some(Redis(test_redis::Redis::start_with(&[("appendfsync", "everysec")]))))
}

impl Redis {
    /// The processor time that it has used.
    pub fn cpu(&self) -> Duration {
        let seconds = |field: &str| self.0.info(field).trim().parse().unwrap_or(0.0);
        Duration::from_secs_f64(seconds("used_cpu_user") + seconds("used_cpu_sys"))
    }

    /// The hub with this log.
    pub fn log_of(&self, hub: Setup) -> Setup {
        hub.variable("log", &self.0.url()).variable("log_host", &self.0.host())
    }
}
