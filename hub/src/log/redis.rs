//! The log in a stream of a Redis or Valkey server, which any number of hosts share.
//!
//! The id of a stream's entry is `<sequence>-<epoch>`: it is the place of an update, so that to read after a place is
//! to read after an entry. An append is one script: one round trip and one atomic step.
//!
//! A server loses what came last when it fails before it has written or replicated that. So the first append to another
//! run of the server begins a new epoch, and says where the one before it ended: who has seen more than that has seen
//! updates that are lost.

pub(crate) mod address;
pub(crate) mod keys;

pub(crate) mod server;

pub(crate) mod reply;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::log::log::{Log, PAGE_BYTES, PAGE_UPDATES, Page, Pushed, Retention};
use crate::log::position::{Extent, Position};
use crate::log::record::Record;
use crate::log::redis::keys::Keys;
use crate::log::redis::server::{Connection, Server, Value};
use crate::log::unavailable::Unavailable;

const APPEND: Script =
    Script { text: include_str!("redis/append.lua"), sha1: "1dc08d1763aefebe1c85b9efd0f2af9d330f56b4" };
const READ: Script = Script { text: include_str!("redis/read.lua"), sha1: "a1a41bc5a92c5c010ba6ac54953eca0b395f9b13" };
const FIND: Script = Script { text: include_str!("redis/find.lua"), sha1: "9e447e95aaf8fa1c33a980f5f80a901ae01ef9dc" };

/// How long an operation may take: publishers are answered within 5 s.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
/// How long Redis waits for replicas, in milliseconds.
const REPLICAS_MS: &str = "2000";
/// How long a wait lasts when nothing is appended. After it the head is read: the log may be another one.
const WAIT: Duration = Duration::from_secs(1);
/// How many updates a wait returns at most: they may be large, and Redis cannot be told how large. If there are more,
/// the next wait returns them at once.
const WAIT_UPDATES: usize = 16;
/// Greater than the second half of any entry's id.
const LAST: &str = "18446744073709551615";

/// A log in one stream of a server.
///
/// It connects when it is first used, and anew after an error: a server that was away is found again.
pub(crate) struct RedisLog<S: Server> {
    server: S,
    keys: Keys,
    retention: Retention,
    /// How many replicas must have an update before its publisher is answered.
    replicas: u32,
    connected: RefCell<Option<Rc<Connected<S::Connection>>>>,
    /// Not used while a wait is under way: one that is given up closes its connection.
    waiting: RefCell<Option<S::Connection>>,
}

/// A script, and what a server that knows it calls it.
struct Script {
    text: &'static str,
    sha1: &'static str,
}

struct Connected<C> {
    connection: C,
    /// The id of the server's run, which another start of the server does not have.
    run_id: String,
}

impl<S: Server> RedisLog<S> {
    /// A log in the stream that `keys` names, on `server`.
    pub(crate) fn new(server: S, keys: Keys, retention: Retention, replicas: u32) -> Self {
        let (connected, waiting) = (RefCell::default(), RefCell::default());
        RedisLog { server, keys, retention, replicas, connected, waiting }
    }

    /// Does `work` on the connection, which is not used again after an error.
    async fn with_connection<T>(
        &self,
        work: impl AsyncFnOnce(&Connected<S::Connection>) -> Result<T, Unavailable>,
    ) -> Result<T, Unavailable> {
        let result = self
            .server
            .within(OPERATION_TIMEOUT, async {
                let connected = self.connected.borrow().clone();
                let connected = match connected {
                    Some(connected) => connected,
                    None => {
                        let connected = Rc::new(self.connect().await?);
                        *self.connected.borrow_mut() = Some(Rc::clone(&connected));
                        connected
                    }
                };
                work(&connected).await
            })
            .await;
        if result.is_err() {
            *self.connected.borrow_mut() = None;
        }
        result
    }

    async fn connect(&self) -> Result<Connected<S::Connection>, Unavailable> {
        let certain = |error| Unavailable { uncertain: false, ..error };
        let connection = self.server.connect().await?;
        let info = connection.execute("INFO", vec![bytes("server")]).await.map_err(certain)?;
        Ok(Connected { connection, run_id: reply::run_id(info)? })
    }

    /// Appends, and so makes the log where there is none.
    async fn write(&self, to: &Connected<S::Connection>, records: &[Record]) -> Result<Position, Unavailable> {
        let ids: Vec<_> = records.iter().filter_map(|record| record.id.as_deref()).collect();
        let mut keys = vec![self.keys.stream.clone(), self.keys.hub.clone(), self.keys.times.clone()];
        keys.extend(ids.into_iter().map(|id| self.keys.id(id)));
        // Lua counts exactly up to 2^53.
        let limited = |number: u64| number.clamp(1, 1 << 52).to_string();
        let fresh = self.server.random() >> 12 | 1;
        let mut values = vec![
            bytes(&to.run_id),
            bytes(&fresh.to_string()),
            bytes(&limited(self.retention.updates)),
            bytes(&limited(self.retention.seconds)),
        ];
        for record in records {
            values.extend([bytes(record.id.as_deref().unwrap_or_default()), bytes(&record.meta), bytes(&record.body)]);
        }
        reply::position(eval(&to.connection, APPEND, &keys, values).await?)
    }

    async fn read(&self, sequence: u64, updates: usize) -> Result<Page, Unavailable> {
        let keys = [self.keys.stream.clone(), self.keys.hub.clone()];
        let values = || vec![bytes(&sequence.to_string()), bytes(&updates.to_string()), bytes(&PAGE_BYTES.to_string())];
        self.with_connection(async |connected| {
            let reply = eval(&connected.connection, READ, &keys, values()).await?;
            if let Some(page) = reply::page(reply)? {
                return Ok(page);
            }
            self.write(connected, &[]).await?;
            let reply = eval(&connected.connection, READ, &keys, values()).await?;
            reply::page(reply)?.ok_or_else(|| Unavailable::new("Redis forgets what it was just told"))
        })
        .await
    }
}

impl<S: Server> Log for RedisLog<S> {
    async fn append(&self, records: &[Record]) -> Result<Position, Unavailable> {
        self.with_connection(async |connected| {
            let position = self.write(connected, records).await?;
            if self.replicas > 0 {
                let replicas = self.replicas;
                let arguments = vec![bytes(&replicas.to_string()), bytes(REPLICAS_MS)];
                let reply = connected.connection.execute("WAIT", arguments).await?;
                let have = reply::number(reply.into_iter().next())?;
                if have < u64::from(replicas) {
                    let reason = format!("{have} replicas of Redis have what was published, and not {replicas}");
                    return Err(Unavailable { reason, uncertain: true });
                }
            }
            Ok(position)
        })
        .await
    }

    async fn after(&self, sequence: u64) -> Result<Page, Unavailable> {
        self.read(sequence, PAGE_UPDATES).await
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        self.read(0, 0).await.map(|page| page.extent)
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        let keys = [self.keys.stream.clone(), self.keys.id(id)];
        self.with_connection(async |connected| reply::found(eval(&connected.connection, FIND, &keys, vec![]).await?))
            .await
    }

    fn pushes(&self) -> bool {
        true
    }

    async fn wait(&self, head: &Position) -> Result<Pushed, Unavailable> {
        let connection = self.waiting.borrow_mut().take();
        let timeout = WAIT.saturating_add(OPERATION_TIMEOUT);
        self.server
            .within(timeout, async {
                let connection = match connection {
                    Some(connection) => connection,
                    None => self.server.connect().await?,
                };
                let mut arguments = vec![bytes("COUNT"), bytes(&WAIT_UPDATES.to_string())];
                arguments.extend([bytes("BLOCK"), bytes(&WAIT.as_millis().to_string()), bytes("STREAMS")]);
                arguments.extend([bytes(&self.keys.stream), bytes(&format!("{}-{LAST}", head.sequence))]);
                let pushed = reply::pushed(connection.execute("XREAD", arguments).await?, head)?;
                *self.waiting.borrow_mut() = Some(connection);
                Ok(pushed)
            })
            .await
    }
}

/// Runs a script. A server that was restarted or replaced does not know it, has done nothing then, and is told it.
async fn eval(
    connection: &impl Connection,
    script: Script,
    keys: &[String],
    values: Vec<Vec<u8>>,
) -> Result<Vec<Value>, Unavailable> {
    let mut arguments = vec![bytes(script.sha1), bytes(&keys.len().to_string())];
    arguments.extend(keys.iter().map(|key| bytes(key)));
    arguments.extend(values);
    match connection.execute("EVALSHA", arguments.clone()).await {
        Err(error) if error.reason.contains("NOSCRIPT") || error.reason.contains("NoScript") => {
            arguments.splice(..1, [bytes(script.text)]);
            connection.execute("EVAL", arguments).await
        }
        result => result,
    }
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[cfg(test)]
mod tests;
