//! The log in SQLite.
//!
//! One statement per operation, because Spin runs one statement at a time: pruning is a trigger, and a page is one row.
//!
//! `connection` is what the log needs of SQLite, `row` what goes there and comes back, `open` makes and converts the
//! tables, `append`, `registry` and `relays` have the statements that write.

mod connection;

mod row;

mod open;

mod append;
mod registry;
mod relays;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::instant::Instant;
use crate::log::ended::{self, AppendError, Ended};
use crate::log::interest::Interest;
use crate::log::lean::lean;
use crate::log::listener::{Census, ListenerId, Registration};
use crate::log::log::{Appended, AsOf, Log, Page, Retention};
use crate::log::position::Extent;
use crate::log::record::Record;
use crate::log::relay::{Begun, HolderId};
use crate::log::unavailable::Unavailable;

pub(crate) use connection::{Connect, Database, Rows, Value};

/// A log in one SQLite database.
///
/// It connects when it is first used, and anew after an error: a database that was away is found again.
pub(crate) struct SqliteLog<C: Connect> {
    connect: C,
    retention: Retention,
    connected: RefCell<Option<Rc<C::Database>>>,
}

const EXTENT: &str = lean!(include_str!("sqlite/extent.sql"));
const AFTER_ALL: &str = lean!(include_str!("sqlite/after_all.sql"));
const AFTER_TOPICS: &str = lean!(include_str!("sqlite/after_topics.sql"));
const AS_OF: &str = lean!(include_str!("sqlite/as_of.sql"));
const ENDED: &str = lean!(include_str!("sqlite/ended.sql"));
const FIND: &str = "SELECT min(sequence) FROM updates WHERE id = ?";

impl<C: Connect> SqliteLog<C> {
    /// A log whose connections come from `connect`.
    pub(crate) fn new(connect: C, retention: Retention) -> Self {
        SqliteLog { connect, retention, connected: RefCell::default() }
    }

    async fn connected(&self) -> Result<Rc<C::Database>, Unavailable> {
        let connected = self.connected.borrow().clone();
        if let Some(database) = connected {
            return Ok(database);
        }
        let database = Rc::new(open::open(&self.connect, self.retention).await?);
        *self.connected.borrow_mut() = Some(Rc::clone(&database));
        Ok(database)
    }

    /// Connects anew the next time, after an error.
    fn noted(&self, result: Result<Rows, Unavailable>) -> Result<Rows, Unavailable> {
        if result.is_err() {
            *self.connected.borrow_mut() = None;
        }
        result
    }

    async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let database = self.connected().await?;
        self.execute_on(&database, statement, values).await
    }

    /// Runs a statement on a connection: what consists of several statements must not go on on another one.
    async fn execute_on(
        &self,
        database: &C::Database,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Rows, Unavailable> {
        self.noted(connection::when_unlocked(&self.connect, || database.execute(statement, values.clone())).await)
    }

    /// Appends `records`; `None` if one of their topics has ended.
    async fn append_unless_ended(
        &self,
        database: &C::Database,
        records: &[Record],
    ) -> Result<Option<Appended>, Unavailable> {
        let mut values = append::values(records);
        let heard_as = append::heard_as(records);
        values.push(heard_as.clone());
        let row = match records {
            [_] => {
                values.push(heard_as);
                self.execute_on(database, append::APPEND_ONE, values).await?.pop()
            }
            records => {
                self.execute_on(database, &append::append_many(records.len()), values).await?;
                // They are in the log now, whatever comes of this.
                let rows = self.read_on(database, append::APPENDED, vec![heard_as]).await;
                let row = rows.and_then(row::only).map_err(uncertain)?;
                Some(row).filter(|row| row.last() != Some(&Value::Integer(0)))
            }
        };
        row.map(|row| append::appended(&row, records).map_err(uncertain)).transpose()
    }

    /// Appends `records` and ends the topics of which one is the last; `None` if one of their topics has ended.
    async fn append_and_end(&self, records: &[Record]) -> Result<Option<Appended>, Unavailable> {
        let database = self.connected().await?;
        if !records.iter().any(|record| record.last) {
            return self.append_unless_ended(&database, records).await;
        }
        // After an error, the connection is closed, which takes all back.
        self.execute_on(&database, "BEGIN IMMEDIATE", vec![]).await?;
        let appended = self.append_unless_ended(&database, records).await?;
        if let Some(appended) = &appended {
            for (record, sequence) in records.iter().zip(appended.first.sequence..).filter(|(record, _)| record.last) {
                self.execute_on(&database, append::END, append::end(record, sequence)).await?;
            }
            self.execute_on(&database, append::PRUNE_ENDED, vec![]).await?;
        }
        self.execute_on(&database, "COMMIT", vec![]).await.map_err(uncertain)?;
        Ok(appended)
    }

    /// Runs a statement that returns one row.
    async fn row(&self, statement: &str, values: Vec<Value>) -> Result<Vec<Value>, Unavailable> {
        row::only(self.execute(statement, values).await?)
    }

    /// Runs a statement that only reads, and returns one row.
    async fn read(&self, statement: &str, values: Vec<Value>) -> Result<Vec<Value>, Unavailable> {
        row::only(self.read_rows(statement, values).await?)
    }

    async fn read_rows(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let database = self.connected().await?;
        self.read_on(&database, statement, values).await
    }

    async fn read_on(&self, database: &C::Database, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        self.noted(connection::when_unlocked(&self.connect, || database.read(statement, values.clone())).await)
    }
}

/// What was to be stored may be.
fn uncertain(error: Unavailable) -> Unavailable {
    Unavailable { uncertain: true, ..error }
}

impl<C: Connect> Log for SqliteLog<C> {
    async fn append(&self, records: &[Record]) -> Result<Appended, AppendError> {
        ended::check(records)?;
        loop {
            if let Some(appended) = self.append_and_end(records).await? {
                return Ok(appended);
            }
            let mut topics: Vec<Rc<str>> = Vec::new();
            topics.extend(records.iter().flat_map(Record::topics).map(Rc::from));
            if let Some((topic, _)) = self.ended(&topics).await?.first() {
                return Err(AppendError::Ended(topic.to_string()));
            }
            // It was forgotten at this moment.
        }
    }

    async fn after(&self, interest: &Interest) -> Result<Page, Unavailable> {
        let statement = match interest {
            Interest::All(_) => AFTER_ALL,
            Interest::Topics(_) => AFTER_TOPICS,
        };
        row::page(self.read(statement, vec![row::interest(interest)]).await?)
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        row::extent(&self.read(EXTENT, vec![]).await?)
    }

    async fn as_of(&self, moment: Instant) -> Result<AsOf, Unavailable> {
        row::as_of(self.read(AS_OF, vec![row::integer(self.connect.unix_millis(moment))]).await?)
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        let row = self.read(FIND, vec![Value::Text(id.to_owned())]).await?;
        row::optional(row.first().unwrap_or(&Value::Null))
    }

    async fn ended(&self, topics: &[Rc<str>]) -> Result<Ended, Unavailable> {
        let row = self.read(ENDED, vec![row::array(topics.iter().map(|topic| &**topic))]).await?;
        row::ended(row.first().unwrap_or(&Value::Null))
    }

    async fn register(&self, registration: &Registration) -> Result<Census, Unavailable> {
        registry::census(&self.row(registry::REGISTER, registry::values(registration)).await?)
    }

    async fn unregister(&self, listener: ListenerId) -> Result<(), Unavailable> {
        self.execute(registry::UNREGISTER, vec![registry::id(listener)]).await.map(drop)
    }

    async fn drain(&self, listeners: &[ListenerId], pause: Duration) -> Result<bool, Unavailable> {
        if self.execute(registry::DRAIN, vec![registry::pause(pause)]).await?.is_empty() {
            return Ok(false);
        }
        self.execute(registry::SET_DRAINS, vec![registry::ids(listeners)]).await?;
        Ok(true)
    }

    async fn begin_relay(&self, topic: &str, holder: HolderId, left: &Record) -> Result<Begun, Unavailable> {
        let rows = self.execute(relays::BEGIN, relays::values(topic, holder, left)).await?;
        if let Some(held) = relays::held_from(&rows)? {
            return Ok(Begun::Held(held));
        }
        Ok(if self.ended(&[Rc::from(topic)]).await?.is_empty() { Begun::Running } else { Begun::Ended })
    }

    async fn has_any(&self, topics: &[Rc<str>]) -> Result<bool, Unavailable> {
        let topics = row::array(topics.iter().map(|topic| &**topic));
        Ok(relays::is_true(&self.read(relays::HAS_ANY, vec![topics]).await?))
    }

    async fn held(&self, holder: HolderId, renew: bool) -> Result<Vec<String>, Unavailable> {
        if renew {
            self.execute(relays::RENEW, relays::lease(holder)).await?;
        }
        relays::held(&self.read(relays::HELD, vec![relays::id(holder)]).await?)
    }

    async fn take_over(&self, holder: HolderId) -> Result<Vec<Record>, Unavailable> {
        if !relays::is_true(&self.read(relays::ARE_OVER, vec![relays::id(holder)]).await?) {
            return Ok(Vec::new());
        }
        self.execute(relays::TAKE_OVER, relays::lease(holder)).await?;
        let (mut left, mut last) = (Vec::new(), String::new());
        while let Some(row) = self.read_rows(relays::LEFT, vec![relays::id(holder), Value::Text(last)]).await?.pop() {
            let (topic, record) = relays::left(row)?;
            left.push(record);
            last = topic;
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests;
