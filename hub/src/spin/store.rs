//! The log that a configuration names.

use std::rc::Rc;
use std::time::Duration;

use crate::config::{Backend, Config};
use crate::instant::Instant;
use crate::log::log::Appended;
#[cfg(feature = "subscriptions")]
use crate::log::presence::{Attended, Changes, Listed, Presence};
use crate::log::redis::RedisLog;
use crate::log::relay::{Begun, HolderId};
use crate::log::sqlite::SqliteLog;
use crate::log::{
    AppendError, AsOf, Census, Ended, Extent, Interest, ListenerId, Log, Page, Record, Registration, Unavailable, Woken,
};
use crate::spin::redis::SpinRedis;
use crate::spin::sqlite::SpinDefault;

/// One of the logs there are.
pub(crate) enum Store {
    /// In Spin's SQLite.
    Sqlite(SqliteLog<SpinDefault>),
    /// In a Redis or Valkey server.
    Redis(Box<RedisLog<SpinRedis>>),
}

impl Store {
    /// The log for who follows what: a connection of its own, because what it appends must survive a power cut, and may
    /// not come between the statements of an append.
    #[cfg(feature = "subscriptions")]
    pub(crate) fn attending(config: &Config, other: &Rc<Store>) -> Rc<Store> {
        match &**other {
            Store::Sqlite(_) => Rc::new(Store::Sqlite(SqliteLog::new(SpinDefault::Writing, config.retention))),
            Store::Redis(_) => Rc::clone(other),
        }
    }

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
                let log = Rc::new(Store::Redis(Box::new(log)));
                (Rc::clone(&log), log)
            }
        }
    }
}

/// Calls a method of the log that it is.
macro_rules! forward {
    ($store:ident.$method:ident($($argument:expr),*)) => {
        match $store {
            Store::Sqlite(log) => log.$method($($argument),*).await,
            Store::Redis(log) => log.$method($($argument),*).await,
        }
    };
}

impl Log for Store {
    async fn append(&self, records: &[Record]) -> Result<Appended, AppendError> {
        forward!(self.append(records))
    }

    async fn after(&self, interest: &Interest) -> Result<Page, Unavailable> {
        forward!(self.after(interest))
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        forward!(self.extent())
    }

    async fn as_of(&self, moment: Instant) -> Result<AsOf, Unavailable> {
        forward!(self.as_of(moment))
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        forward!(self.find(id))
    }

    async fn ended(&self, topics: &[Rc<str>]) -> Result<Ended, Unavailable> {
        forward!(self.ended(topics))
    }

    async fn register(&self, registration: &Registration) -> Result<Census, Unavailable> {
        forward!(self.register(registration))
    }

    async fn unregister(&self, listener: ListenerId) -> Result<(), Unavailable> {
        forward!(self.unregister(listener))
    }

    async fn drain(&self, listeners: &[ListenerId], pause: Duration) -> Result<bool, Unavailable> {
        forward!(self.drain(listeners, pause))
    }

    async fn begin_relay(&self, topic: &str, holder: HolderId, left: &Record) -> Result<Begun, Unavailable> {
        forward!(self.begin_relay(topic, holder, left))
    }

    async fn has_any(&self, topics: &[Rc<str>]) -> Result<bool, Unavailable> {
        forward!(self.has_any(topics))
    }

    async fn held(&self, holder: HolderId, topics: &[Rc<str>], renew: bool) -> Result<Vec<String>, Unavailable> {
        forward!(self.held(holder, topics, renew))
    }

    async fn take_over(&self, holder: HolderId, but: &[Rc<str>]) -> Result<Vec<Record>, Unavailable> {
        forward!(self.take_over(holder, but))
    }

    fn wakes(&self) -> bool {
        match self {
            Store::Sqlite(log) => log.wakes(),
            Store::Redis(log) => log.wakes(),
        }
    }

    async fn wait(&self, listener: ListenerId) -> Result<Woken, Unavailable> {
        forward!(self.wait(listener))
    }
}

#[cfg(feature = "subscriptions")]
impl Presence for Store {
    async fn attend(&self, changes: &Changes) -> Result<Attended, Unavailable> {
        forward!(self.attend(changes))
    }

    async fn listed(&self, first: &str, end: &str) -> Result<Listed, Unavailable> {
        forward!(self.listed(first, end))
    }
}
