//! The log in a stream of a Redis or Valkey server, which any number of hosts share.
//!
//! The id of a stream's entry is `<sequence>-<epoch>`: it is the place of an update, so that to read after a place is
//! to read after an entry. An append is one script: one round trip and one atomic step.
//!
//! Beside the stream is an index: a set of sequences for each topic, so that to read some topics costs what is
//! on them. And an append tells those listeners that registered one of its topics: each in a stream of its own, on
//! which it waits.
//!
//! A server loses what came last when it fails before it has written or replicated that. So the first append to another
//! run of the server begins a new epoch, and says where the one before it ended: who has seen more than that has seen
//! updates that are lost.

pub(crate) mod address;
pub(crate) mod keys;

pub(crate) mod server;

pub(crate) mod script;

pub(crate) mod reply;

pub(crate) mod connector;

pub(crate) mod recent;
pub(crate) mod told;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::instant::{Instant, between};
use crate::log::interest::Interest;
use crate::log::listener::{Census, LEASE, ListenerId, Registration, Woken};
use crate::log::log::{Appended, AsOf, Log, PAGE_BYTES, PAGE_UPDATES, Page, Retention};
use crate::log::position::{Extent, Position};
use crate::log::record::Record;
use crate::log::redis::connector::{Connected, Connector, OPERATION_TIMEOUT};
use crate::log::redis::keys::Keys;
use crate::log::redis::script::{Script, bytes};
use crate::log::redis::server::{Connection, Server, Value};
use crate::log::redis::told::WAIT_ENTRIES;
use crate::log::unavailable::Unavailable;

/// How long Redis waits for replicas, in milliseconds.
const REPLICAS_MS: &str = "2000";
/// Within how long Redis mostly answers.
const PROMPT: Duration = Duration::from_millis(500);
/// How long a wait lasts when a listener is told nothing.
const WAIT: Duration = Duration::from_secs(5);
/// For how long the topics of a listener are kept that does not register them again.
const TOPICS_EXPIRY: Duration = Duration::from_secs(3_600);
/// After how long a listener is to register its topics again, so that they do not expire.
const KNOWN: Duration = Duration::from_secs(1_200);

/// What a script is told through a connection.
type Values<'a, S> = dyn Fn(&Connected<<S as Server>::Connection>) -> Vec<Vec<u8>> + 'a;

/// A log in one stream of a server.
pub(crate) struct RedisLog<S: Server> {
    connector: Connector<S>,
    keys: Keys,
    retention: Retention,
    /// How many replicas must have an update before its publisher is answered.
    replicas: u32,
    /// Not used while a wait is under way: one that is given up closes its connection.
    waiting: RefCell<Option<S::Connection>>,
    /// Whose wait was the last, and the id of the entry that it returned last.
    waited: RefCell<(ListenerId, String)>,
}

impl<S: Server> RedisLog<S> {
    /// A log in the stream that `keys` names, on `server`.
    pub(crate) fn new(server: S, keys: Keys, retention: Retention, replicas: u32) -> Self {
        let (connector, waiting, waited) = (Connector::new(server), RefCell::default(), RefCell::default());
        RedisLog { connector, keys, retention, replicas, waiting, waited }
    }

    /// Appends, and so makes the log where there is none, and completes its index.
    async fn write(&self, to: &Connected<S::Connection>, records: &[Record]) -> Result<Position, Unavailable> {
        let ids: Vec<_> = records.iter().filter_map(|record| record.id.as_deref()).collect();
        let Keys { stream, hub, times, recent, listeners, .. } = &self.keys;
        let mut keys: Vec<_> = [stream, hub, times, recent, listeners].map(String::clone).into();
        keys.extend(ids.into_iter().map(|id| self.keys.id(id)));
        // Lua counts exactly up to 2^53.
        let limited = |number: u64| number.clamp(1, 1 << 52).to_string();
        let fresh = self.connector.server.random() >> 12 | 1;
        let mut values = vec![
            bytes(&to.run_id),
            bytes(&fresh.to_string()),
            bytes(&limited(self.retention.updates)),
            bytes(&limited(self.retention.seconds)),
            bytes(&limited(self.retention.bytes)),
        ];
        for record in records {
            values.extend([bytes(record.id.as_deref().unwrap_or_default()), bytes(&record.meta), bytes(&record.body)]);
        }
        reply::position(script::APPEND.run(&to.connection, &keys, values).await?)
    }

    /// Asks `script`. Where there is no log, or its index is not whole, the reply is empty: it makes that first, and
    /// asks again. `values` is a `dyn`, so that this is in the component once.
    async fn ask(&self, script: &Script, keys: &[String], values: &Values<'_, S>) -> Result<Vec<Value>, Unavailable> {
        self.connector
            .with(async |connected| {
                let mut reply = script.run(&connected.connection, keys, values(connected)).await?;
                if reply.is_empty() {
                    self.write(connected, &[]).await?;
                    reply = script.run(&connected.connection, keys, values(connected)).await?;
                }
                if reply.is_empty() { Err(Unavailable::new("Redis forgets what it was just told")) } else { Ok(reply) }
            })
            .await
    }

    /// Runs a script for which there need be no log.
    async fn run(&self, script: &Script, keys: &[String], values: Vec<Vec<u8>>) -> Result<Vec<Value>, Unavailable> {
        self.connector.with(async |connected| script.run(&connected.connection, keys, values).await).await
    }

    async fn read(&self, sequence: u64, updates: usize) -> Result<Page, Unavailable> {
        let keys = [self.keys.stream.clone(), self.keys.hub.clone()];
        let values = [sequence.to_string(), updates.to_string(), PAGE_BYTES.to_string()];
        reply::page(self.ask(&script::READ, &keys, &|_| values.clone().map(String::into_bytes).into()).await?)
    }

    async fn read_topics(&self, topics: &[(Rc<str>, u64)]) -> Result<Page, Unavailable> {
        let mut keys = vec![self.keys.stream.clone(), self.keys.hub.clone()];
        keys.extend(topics.iter().map(|(topic, _)| self.keys.topic(topic)));
        let mut values = vec![bytes(&PAGE_UPDATES.to_string()), bytes(&PAGE_BYTES.to_string())];
        values.extend(topics.iter().map(|(_, after)| bytes(&after.to_string())));
        reply::page(self.ask(&script::TOPICS, &keys, &|_| values.clone()).await?)
    }
}

impl<S: Server> Log for RedisLog<S> {
    async fn append(&self, records: &[Record]) -> Result<Appended, Unavailable> {
        self.connector
            .with(async |connected| {
                let first = self.write(connected, records).await?;
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
                Ok(Appended { first, listeners: Vec::new() })
            })
            .await
    }

    async fn after(&self, interest: &Interest) -> Result<Page, Unavailable> {
        match interest {
            Interest::All(sequence) => self.read(*sequence, PAGE_UPDATES).await,
            Interest::Topics(topics) => self.read_topics(topics).await,
        }
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        self.read(0, 0).await.map(|page| page.extent)
    }

    async fn as_of(&self, moment: Instant) -> Result<AsOf, Unavailable> {
        let keys = [self.keys.stream.clone(), self.keys.hub.clone(), self.keys.recent.clone()];
        let ago = || between(moment, self.connector.server.now());
        let mut reach = ago().saturating_add(PROMPT);
        loop {
            let values = vec![bytes(&reach.as_millis().to_string())];
            let reply = self.ask(&script::RECENT, &keys, &|_| values.clone()).await?;
            let answer = recent::as_of(reply, moment, self.connector.server.now())?;
            // The answer took so long that the moment is before the marks that were asked for.
            let passed = ago();
            if passed <= reach {
                return Ok(answer);
            }
            reach = passed.saturating_add(OPERATION_TIMEOUT);
        }
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        let keys = [self.keys.stream.clone(), self.keys.id(id)];
        reply::found(self.run(&script::FIND, &keys, vec![]).await?)
    }

    async fn register(&self, registration: &Registration) -> Result<Census, Unavailable> {
        let Registration { listener, streams, added, removed } = registration;
        let keys = [self.keys.hub.clone(), self.keys.listeners.clone()];
        let values = |to: &Connected<S::Connection>| {
            let mut values = vec![
                bytes(&to.run_id),
                bytes(&listener.to_string()),
                bytes(&streams.to_string()),
                bytes(&LEASE.as_millis().to_string()),
                bytes(&KNOWN.as_millis().to_string()),
                bytes(&TOPICS_EXPIRY.as_secs().to_string()),
                bytes(&added.len().to_string()),
            ];
            values.extend(added.iter().chain(removed).map(|topic| bytes(topic)));
            values
        };
        told::census(self.ask(&script::REGISTER, &keys, &values).await?)
    }

    async fn unregister(&self, listener: ListenerId) -> Result<(), Unavailable> {
        let keys = [self.keys.listeners.clone(), self.keys.told(listener)];
        self.run(&script::UNREGISTER, &keys, vec![bytes(&listener.to_string())]).await.map(drop)
    }

    async fn drain(&self, listeners: &[ListenerId], pause: Duration) -> Result<bool, Unavailable> {
        let keys = [self.keys.hub.clone(), self.keys.listeners.clone()];
        let mut values = vec![bytes(&pause.as_millis().to_string())];
        values.extend(listeners.iter().map(|listener| bytes(&listener.to_string())));
        let reply = self.run(&script::DRAIN, &keys, values).await?;
        Ok(reply::number(reply.into_iter().next())? == 1)
    }

    fn wakes(&self) -> bool {
        true
    }

    async fn wait(&self, listener: ListenerId) -> Result<Woken, Unavailable> {
        let connection = self.waiting.borrow_mut().take();
        let last = self.waited.borrow().clone();
        let last = if last.0 == listener && !last.1.is_empty() { last.1 } else { "0-0".to_owned() };
        self.connector
            .server
            .within(WAIT.saturating_add(OPERATION_TIMEOUT), async {
                let connection = match connection {
                    Some(connection) => connection,
                    None => self.connector.server.connect().await?,
                };
                let mut arguments = vec![bytes("COUNT"), bytes(&WAIT_ENTRIES.to_string())];
                arguments.extend([bytes("BLOCK"), bytes(&WAIT.as_millis().to_string()), bytes("STREAMS")]);
                arguments.extend([bytes(&self.keys.told(listener)), bytes(&last)]);
                let (woken, last) = told::woken(connection.execute("XREAD", arguments).await?)?;
                if let Some(last) = last {
                    *self.waited.borrow_mut() = (listener, last);
                }
                *self.waiting.borrow_mut() = Some(connection);
                Ok(woken)
            })
            .await
    }
}

#[cfg(test)]
mod tests;
