//! The log that a configuration names.

use std::rc::Rc;

use crate::config::{Backend, Config};
use crate::log::redis::RedisLog;
use crate::log::sqlite::SqliteLog;
use crate::log::{Extent, Log, Page, Position, Pushed, Record, Unavailable};
use crate::spin::redis::SpinRedis;
use crate::spin::sqlite::SpinDefault;

/// One of the logs there are.
pub(crate) enum Store {
    /// In Spin's SQLite.
    Sqlite(SqliteLog<SpinDefault>),
    /// In a Redis or Valkey server.
    Redis(RedisLog<SpinRedis>),
}

impl Store {
    /// The log for appends, and the log for everything else.
    pub(crate) fn open(config: &Config) -> (Rc<Store>, Rc<Store>) {
        match &config.backend {
            Backend::Sqlite => {
                // A connection runs one statement at a time: reads do not wait for appends.
                let log = |connect| Rc::new(Store::Sqlite(SqliteLog::new(connect, config.retention)));
                (log(SpinDefault::Writing), log(SpinDefault::Reading))
            }
            Backend::Redis(redis) => {
                let server = SpinRedis { url: redis.url.clone() };
                let log = RedisLog::new(server, redis.keys.clone(), config.retention, redis.replicas);
                let log = Rc::new(Store::Redis(log));
                (Rc::clone(&log), log)
            }
        }
    }
}

impl Log for Store {
    async fn append(&self, records: &[Record]) -> Result<Position, Unavailable> {
        match self {
            Store::Sqlite(log) => log.append(records).await,
            Store::Redis(log) => log.append(records).await,
        }
    }

    async fn after(&self, sequence: u64) -> Result<Page, Unavailable> {
        match self {
            Store::Sqlite(log) => log.after(sequence).await,
            Store::Redis(log) => log.after(sequence).await,
        }
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        match self {
            Store::Sqlite(log) => log.extent().await,
            Store::Redis(log) => log.extent().await,
        }
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        match self {
            Store::Sqlite(log) => log.find(id).await,
            Store::Redis(log) => log.find(id).await,
        }
    }

    fn pushes(&self) -> bool {
        match self {
            Store::Sqlite(log) => log.pushes(),
            Store::Redis(log) => log.pushes(),
        }
    }

    async fn wait(&self, head: &Position) -> Result<Pushed, Unavailable> {
        match self {
            Store::Sqlite(log) => log.wait(head).await,
            Store::Redis(log) => log.wait(head).await,
        }
    }
}
