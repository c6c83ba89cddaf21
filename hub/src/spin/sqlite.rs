//! Spin's SQLite: the database `default`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spin_sdk::sqlite::wit::sqlite::{Connection, RowResult};
use spin_sdk::sqlite::{Error, Value as SpinValue};
use spin_sdk::time::sleep;
use spin_sse::timer::{self, scattered};

use crate::instant::{Instant, between};
use crate::log::Unavailable;
use crate::log::sqlite::{Connect, Database, Rows, Value};

/// Spin's database `default`, which is embedded and needs no set-up.
#[derive(Debug)]
pub(crate) enum SpinDefault {
    /// For appends.
    Writing,
    /// For everything else.
    Reading,
}

impl Connect for SpinDefault {
    type Database = Connection;

    async fn connect(&self) -> Result<Connection, Unavailable> {
        let connection = Connection::open_async("default".to_owned()).await.map_err(failed)?;
        // SQLite would wait for a lock in steps of up to 100 ms. Appends are over in less than one. And a read, which
        // waits for the statement before it on its connection, would keep the instance from ending what holds the lock.
        let _ = Database::execute(&connection, "PRAGMA busy_timeout = 0", vec![]).await;
        if let SpinDefault::Reading = self {
            // A registration need not survive a power cut. A database that is not a file may not know it.
            let _ = Database::execute(&connection, "PRAGMA synchronous = NORMAL", vec![]).await;
        }
        Ok(connection)
    }

    async fn pause(&self, duration: Duration) {
        sleep(scattered(duration)).await;
    }

    fn unix_millis(&self, moment: Instant) -> u64 {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = unix.saturating_sub(between(moment, timer::now())).as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX)
    }
}

impl Database for Connection {
    async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let values = values.into_iter().map(to_spin).collect();
        let (_, rows, ended) = self.execute_async(statement.to_owned(), values).await.map_err(failed)?;
        // The host keeps the only row meanwhile: the instance is woken once, and not for the row, its end and this.
        ended.await.map_err(failed)?;
        from_rows(rows.collect().await)
    }

    /// In one call, in which the instance does nothing else: a statement that only reads waits for no other one. Rows
    /// that come one by one wake the instance four times, which costs twice as much as the call.
    async fn read(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let values: Vec<_> = values.into_iter().map(to_spin).collect();
        from_rows(Connection::execute(self, statement, &values).map_err(failed)?.rows)
    }
}

fn from_rows(rows: Vec<RowResult>) -> Result<Rows, Unavailable> {
    rows.into_iter().map(|row| row.values.into_iter().map(from_spin).collect()).collect()
}

fn failed(error: Error) -> Unavailable {
    match error {
        // As text, it is quoted.
        Error::Io(reason) => Unavailable::new(reason),
        error => Unavailable::new(error.to_string()),
    }
}

fn to_spin(value: Value) -> SpinValue {
    match value {
        Value::Null => SpinValue::Null,
        Value::Integer(number) => SpinValue::Integer(number),
        Value::Text(text) => SpinValue::Text(text),
        Value::Blob(bytes) => SpinValue::Blob(bytes),
    }
}

fn from_spin(value: SpinValue) -> Result<Value, Unavailable> {
    Ok(match value {
        SpinValue::Null => Value::Null,
        SpinValue::Integer(number) => Value::Integer(number),
        SpinValue::Text(text) => Value::Text(text),
        SpinValue::Blob(bytes) => Value::Blob(bytes),
        SpinValue::Real(_) => return Err(Unavailable::new("the database answered with a fraction")),
    })
}
