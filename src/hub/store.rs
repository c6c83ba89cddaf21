//! The log that the variables name.

use std::rc::Rc;

use crate::hub::log::redis::RedisLog;
use crate::hub::log::redis::server::SpinRedis;
use crate::hub::log::sqlite::{SpinDefault, SqliteLog};
use crate::hub::log::{Extent, Log, News, Page, Position, Record, Unavailable};
use crate::settings::{Place, Settings};

/// One of the logs there are.
pub enum Store {
    /// In Spin's SQLite.
    Sqlite(SqliteLog<SpinDefault>),
    /// In a Redis or Valkey server.
    Redis(RedisLog<SpinRedis>),
}

impl Store {
    /// The log for appends, and the one for everything else.
    pub fn open(settings: &Settings) -> (Rc<Store>, Rc<Store>) {
        match &settings.log {
            Place::Sqlite => {
                // A connection runs one statement at a time: reads do not wait for appends.
                let log = |connect| Rc::new(Store::Sqlite(SqliteLog::new(connect, settings.retention)));
                (log(SpinDefault::Writing), log(SpinDefault::Reading))
            }
            Place::Redis { url, keys, replicas } => {
                let server = SpinRedis { url: url.clone() };
                let log = Rc::new(Store::Redis(RedisLog::new(server, keys.clone(), settings.retention, *replicas)));
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

    fn tells(&self) -> bool {
        match self {
            Store::Sqlite(log) => log.tells(),
            Store::Redis(log) => log.tells(),
        }
    }

    async fn wait(&self, head: &Position) -> Result<News, Unavailable> {
        match self {
            Store::Sqlite(log) => log.wait(head).await,
            Store::Redis(log) => log.wait(head).await,
        }
    }
}
