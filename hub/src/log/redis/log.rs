//! The log in one stream, and how its scripts are run.

use std::cell::RefCell;

use crate::log::ended::AppendError;
use crate::log::listener::ListenerId;
use crate::log::log::Retention;
use crate::log::position::Position;
use crate::log::record::Record;
use crate::log::redis::connector::{Connected, Connector};
use crate::log::redis::keys::Keys;
use crate::log::redis::script::{self, Script};
use crate::log::redis::server::{Server, Value};
use crate::log::redis::{append, reply};
use crate::log::unavailable::Unavailable;

/// Where updates were appended, or why not.
pub(super) type Written = Result<Position, AppendError>;

/// What a script is told through a connection.
pub(super) type Values<'a, S> = dyn Fn(&Connected<<S as Server>::Connection>) -> Vec<Vec<u8>> + 'a;

/// A log in one stream of a server.
pub(crate) struct RedisLog<S: Server> {
    pub(super) connector: Connector<S>,
    pub(super) keys: Keys,
    pub(super) retention: Retention,
    /// How many replicas must have an update before its publisher is answered.
    pub(super) replicas: u32,
    /// Not used while a wait is under way: one that is given up closes its connection.
    pub(super) waiting: RefCell<Option<S::Connection>>,
    /// Whose wait was the last, and the id of the entry that it returned last.
    pub(super) waited: RefCell<(ListenerId, String)>,
}

impl<S: Server> RedisLog<S> {
    /// A log in the stream that `keys` names, on `server`.
    pub(crate) fn new(server: S, keys: Keys, retention: Retention, replicas: u32) -> Self {
        let (connector, waiting, waited) = (Connector::new(server), RefCell::default(), RefCell::default());
        RedisLog { connector, keys, retention, replicas, waiting, waited }
    }

    /// Appends, and so makes the log where there is none, and completes its index.
    pub(super) async fn write(
        &self,
        to: &Connected<S::Connection>,
        records: &[Record],
    ) -> Result<Written, Unavailable> {
        let keys = append::keys(&self.keys, records);
        let values = append::values(&to.run_id, self.connector.server.random(), self.retention, records);
        reply::written(script::APPEND.run(&to.connection, &keys, values).await?)
    }

    /// Asks `script`. Where there is no log, or its index is not whole, the reply is empty: it makes that first, and
    /// asks again. `values` is a `dyn`, so that this is in the component once.
    pub(super) async fn ask(
        &self,
        script: &Script,
        keys: &[String],
        values: &Values<'_, S>,
    ) -> Result<Vec<Value>, Unavailable> {
        self.connector
            .with(async |connected| {
                let mut reply = script.run(&connected.connection, keys, values(connected)).await?;
                if reply.is_empty() {
                    let _ = self.write(connected, &[]).await?;
                    reply = script.run(&connected.connection, keys, values(connected)).await?;
                }
                if reply.is_empty() { Err(Unavailable::new("Redis forgets what it was just told")) } else { Ok(reply) }
            })
            .await
    }

    /// Runs a script for which there need be no log.
    pub(super) async fn run(
        &self,
        script: &Script,
        keys: &[String],
        values: Vec<Vec<u8>>,
    ) -> Result<Vec<Value>, Unavailable> {
        self.connector.with(async |connected| script.run(&connected.connection, keys, values).await).await
    }
}
