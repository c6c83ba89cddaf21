//! A Redis that hubs have in common as their log.

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
    /// The hub with this log.
    pub fn log_of(&self, hub: Setup) -> Setup {
        hub.variable("log", &self.0.url()).variable("log_host", &self.0.host())
    }
}
