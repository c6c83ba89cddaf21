//! The log in SQLite.
//!
//! One statement per operation, because Spin runs one statement at a time: pruning is a trigger, and a page is one row.
//!
//! `connection` is what the log needs of SQLite, `row` what goes there and comes back, `open` makes and converts the
//! tables, `append` and `registry` have the statements that write.

mod connection;

mod row;

mod open;

mod append;
mod registry;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::instant::Instant;
use crate::log::interest::Interest;
use crate::log::lean::lean;
use crate::log::listener::{Census, ListenerId, Registration};
use crate::log::log::{Appended, AsOf, Log, Page, Retention};
use crate::log::position::Extent;
use crate::log::record::Record;
use crate::log::unavailable::Unavailable;

#[cfg(any(feature = "spin", test))]
pub(crate) use connection::Database;
pub(crate) use connection::{Connect, Rows, Value};

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
        self.noted(connection::when_unlocked(&self.connect, || database.execute(statement, values.clone())).await)
    }

    /// Runs a statement that returns one row.
    async fn row(&self, statement: &str, values: Vec<Value>) -> Result<Vec<Value>, Unavailable> {
        row::only(self.execute(statement, values).await?)
    }

    /// Runs a statement that only reads, and returns one row.
    async fn read(&self, statement: &str, values: Vec<Value>) -> Result<Vec<Value>, Unavailable> {
        let database = self.connected().await?;
        row::only(
            self.noted(connection::when_unlocked(&self.connect, || database.read(statement, values.clone())).await)?,
        )
    }
}

impl<C: Connect> Log for SqliteLog<C> {
    async fn append(&self, records: &[Record]) -> Result<Appended, Unavailable> {
        let mut values = append::values(records);
        let heard_as = append::heard_as(records);
        let row = if records.len() == 1 {
            values.push(heard_as);
            self.row(append::APPEND_ONE, values).await?
        } else {
            self.execute(&append::append_many(records.len()), values).await?;
            self.row(append::APPENDED, vec![heard_as]).await?
        };
        append::appended(&row, records)
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
}

#[cfg(test)]
mod tests;
