//! What a hub keeps its log in.

use tempfile::TempDir;

use super::hub::hub_with_key;
use super::redis::Redis;
use super::server::Setup;

/// A log of a test's own. Hubs that use it one after the other, or with Redis at once, have it in common.
pub enum Log {
    Sqlite(TempDir),
    Redis(Box<Redis>),
}

impl Log {
    pub fn sqlite() -> Log {
        Log::Sqlite(tempfile::tempdir().unwrap())
    }

    /// `None` where there is no `redis-server`.
    pub async fn redis() -> Option<Log> {
        Some(Log::Redis(Box::new(Redis::start().await?)))
    }

    /// The edge function with a key and this log.
    pub fn hub(&self) -> Setup {
        match self {
            Log::Sqlite(directory) => hub_with_key().state(directory.path()),
            Log::Redis(redis) => hub_on(redis),
        }
    }

    /// Makes it fail until it is mended.
    pub async fn fail(&mut self) {
        match self {
            Log::Sqlite(directory) => alter(directory, "epoch TO away"),
            Log::Redis(redis) => redis.kill().await,
        }
    }

    pub async fn mend(&mut self) {
        match self {
            Log::Sqlite(directory) => alter(directory, "away TO epoch"),
            Log::Redis(redis) => redis.restart().await,
        }
    }

    /// Makes it forget everything, while no hub runs.
    pub async fn forget(&mut self) {
        match self {
            Log::Sqlite(directory) => *directory = tempfile::tempdir().unwrap(),
            Log::Redis(redis) => redis.flush().await,
        }
    }
}

fn alter(directory: &TempDir, columns: &str) {
    let database = rusqlite::Connection::open(directory.path().join("sqlite_db.db")).unwrap();
    database.execute(&format!("ALTER TABLE hub RENAME COLUMN {columns}"), []).unwrap();
}

/// The edge function with a key and its log in `redis`.
pub fn hub_on(redis: &Redis) -> Setup {
    hub_with_key().variable("log", redis.url()).variable("log_host", redis.host())
}
