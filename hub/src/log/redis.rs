//! The log in a stream of a Redis or Valkey server, which any number of hosts share.
//!
//! The id of a stream's entry is `<sequence>-<epoch>`: it is the place of an update, so that to read after a place is
//! to read after an entry. An append is one script: one round trip and one atomic step.
//!
//! Beside the stream is an index: a set of sequences for each topic, so that to read some topics costs what is on them.
//! And an append tells those listeners that registered one of its topics: each in a stream of its own.
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

pub(crate) mod append;
pub(crate) mod recent;
pub(crate) mod relays;
pub(crate) mod told;

pub(crate) mod log;

pub(crate) mod presence;

use std::rc::Rc;
use std::time::Duration;

use crate::instant::{Instant, between};
use crate::log::ended::{self, AppendError, Ended};
use crate::log::interest::Interest;
use crate::log::listener::{Census, ListenerId, Registration, Woken};
use crate::log::log::{Appended, AsOf, Log, PAGE_BYTES, PAGE_UPDATES, Page};
use crate::log::position::Extent;
use crate::log::record::Record;
use crate::log::redis::connector::OPERATION_TIMEOUT;
use crate::log::redis::script::{bytes, millis};
use crate::log::redis::server::{Connection, Server};
use crate::log::redis::told::WAIT_ENTRIES;
use crate::log::relay::{Begun, HolderId};
use crate::log::unavailable::Unavailable;

pub(crate) use log::RedisLog;

/// How long Redis waits for replicas, in milliseconds.
const REPLICAS_MS: &str = "2000";
/// Within how long Redis mostly answers.
const PROMPT: Duration = Duration::from_millis(500);
/// How long a wait lasts when a listener is told nothing.
const WAIT: Duration = Duration::from_secs(5);
impl<S: Server> RedisLog<S> {
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
    async fn append(&self, records: &[Record]) -> Result<Appended, AppendError> {
        ended::check(records)?;
        let written = self
            .connector
            .with(async |connected| {
                let written = self.write(connected, records).await?;
                if self.replicas > 0 && written.is_ok() {
                    let replicas = self.replicas;
                    let arguments = vec![bytes(&replicas.to_string()), bytes(REPLICAS_MS)];
                    let reply = connected.connection.execute("WAIT", arguments).await?;
                    let have = reply::number(reply.into_iter().next())?;
                    if have < u64::from(replicas) {
                        let reason = format!("{have} replicas of Redis have what was published, and not {replicas}");
                        return Err(Unavailable { reason, uncertain: true });
                    }
                }
                Ok(written)
            })
            .await?;
        Ok(Appended { first: written?, listeners: Vec::new() })
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
            let values = vec![bytes(&millis(reach))];
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

    async fn ended(&self, topics: &[Rc<str>]) -> Result<Ended, Unavailable> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let arguments = [bytes(&self.keys.ended)].into_iter().chain(topics.iter().map(|topic| bytes(topic))).collect();
        reply::ended(topics, self.connector.with(async |to| to.connection.execute("ZMSCORE", arguments).await).await?)
    }

    async fn register(&self, registration: &Registration) -> Result<Census, Unavailable> {
        let keys = [self.keys.hub.clone(), self.keys.listeners.clone()];
        told::census(self.ask(&script::REGISTER, &keys, &|to| told::values(&to.run_id, registration)).await?)
    }

    async fn unregister(&self, listener: ListenerId) -> Result<(), Unavailable> {
        let keys = [self.keys.listeners.clone(), self.keys.told(listener)];
        self.run(&script::UNREGISTER, &keys, vec![bytes(&listener.to_string())]).await.map(drop)
    }

    async fn drain(&self, listeners: &[ListenerId], pause: Duration) -> Result<bool, Unavailable> {
        let keys = [self.keys.hub.clone(), self.keys.listeners.clone()];
        let mut values = vec![bytes(&millis(pause))];
        values.extend(listeners.iter().map(|listener| bytes(&listener.to_string())));
        let reply = self.run(&script::DRAIN, &keys, values).await?;
        Ok(reply::number(reply.into_iter().next())? == 1)
    }

    async fn begin_relay(&self, topic: &str, holder: HolderId, left: &Record) -> Result<Begun, Unavailable> {
        let (keys, values) = (relays::begin_keys(&self.keys), relays::begin_values(topic, holder, left));
        relays::begun(self.ask(&script::BEGIN_RELAY, &keys, &|_| values.clone()).await?)
    }

    async fn has_any(&self, topics: &[Rc<str>]) -> Result<bool, Unavailable> {
        self.connector.with(async |to| relays::has_any(&to.connection, &self.keys, topics).await).await
    }

    async fn held(&self, holder: HolderId, topics: &[Rc<str>], renew: bool) -> Result<Vec<String>, Unavailable> {
        let values = relays::lease_values(holder, renew, topics);
        relays::held(self.run(&script::HELD, &[self.keys.relays()], values).await?)
    }

    async fn take_over(&self, holder: HolderId, but: &[Rc<str>]) -> Result<Vec<Record>, Unavailable> {
        let keys = [self.keys.relays(), self.keys.left()];
        relays::left(self.run(&script::TAKE_OVER, &keys, relays::lease_values(holder, true, but)).await?)
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
                arguments.extend([bytes("BLOCK"), bytes(&millis(WAIT)), bytes("STREAMS")]);
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
