//! The log in one database, and the connection that it has.

use std::cell::RefCell;
use std::rc::Rc;

use crate::log::log::Retention;
use crate::log::sqlite::connection::{Connect, Database, Rows, STATEMENT, Value, when_unlocked};
use crate::log::sqlite::{open, row};
use crate::log::unavailable::Unavailable;

/// A log in one SQLite database.
///
/// It connects when it is first used, and anew after an error: a database that was away is found again.
pub(crate) struct SqliteLog<C: Connect> {
    pub(super) connect: C,
    retention: Retention,
    connected: RefCell<Option<Rc<C::Database>>>,
}

impl<C: Connect> SqliteLog<C> {
    /// A log whose connections come from `connect`.
    pub(crate) fn new(connect: C, retention: Retention) -> Self {
        SqliteLog { connect, retention, connected: RefCell::default() }
    }

    pub(super) async fn connected(&self) -> Result<Rc<C::Database>, Unavailable> {
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

    pub(super) async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let database = self.connected().await?;
        self.execute_on(&database, statement, values).await
    }

    /// Runs a statement on a connection: what consists of several statements must not go on on another one.
    pub(super) async fn execute_on(
        &self,
        database: &C::Database,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Rows, Unavailable> {
        self.noted(when_unlocked(&self.connect, STATEMENT, || database.execute(statement, values.clone())).await)
    }

    /// Runs a statement that returns one row.
    pub(super) async fn row(&self, statement: &str, values: Vec<Value>) -> Result<Vec<Value>, Unavailable> {
        row::only(self.execute(statement, values).await?)
    }

    /// Runs a statement that only reads, and returns one row.
    pub(super) async fn read(&self, statement: &str, values: Vec<Value>) -> Result<Vec<Value>, Unavailable> {
        row::only(self.read_rows(statement, values).await?)
    }

    pub(super) async fn read_rows(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let database = self.connected().await?;
        self.read_on(&database, statement, values).await
    }

    pub(super) async fn read_on(
        &self,
        database: &C::Database,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Rows, Unavailable> {
        self.noted(when_unlocked(&self.connect, STATEMENT, || database.read(statement, values.clone())).await)
    }
}

/// What was to be stored may be.
pub(super) fn uncertain(error: Unavailable) -> Unavailable {
    Unavailable { uncertain: true, ..error }
}
