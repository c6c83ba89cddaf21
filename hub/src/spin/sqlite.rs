//! Spin's SQLite: the database `default`.

use std::time::Duration;

use spin_sdk::sqlite::{Connection, Error, Value as SpinValue};
use spin_sdk::time::sleep;
use spin_sse::timer::scattered;

use crate::log::Unavailable;
use crate::log::sqlite::{Connect, Database, Rows, Value};

/// Spin's database `default`, which is embedded and needs no set-up.
#[derive(Debug)]
pub(crate) enum SpinDefault {
    /// For appends.
    Writing,
    /// For everything else: the first answer of an instance waits for its connection.
    Reading,
}

impl Connect for SpinDefault {
    type Database = Connection;

    async fn connect(&self) -> Result<Connection, Unavailable> {
        let connection = Connection::open_default().await.map_err(failed)?;
        if matches!(self, SpinDefault::Writing) {
            // SQLite would wait for a lock in steps of up to 100 ms. Appends are over in less than one. A database
            // that is not a file may not know this pragma.
            let _ = Database::execute(&connection, "PRAGMA busy_timeout = 0", vec![]).await;
        }
        Ok(connection)
    }

    async fn pause(&self, duration: Duration) {
        sleep(scattered(duration)).await;
    }
}

impl Database for Connection {
    async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Rows, Unavailable> {
        let values: Vec<_> = values.into_iter().map(to_spin).collect();
        let rows = Connection::execute(self, statement, values).await.map_err(failed)?;
        let rows = rows.collect().await.map_err(failed)?;
        rows.into_iter().map(|row| row.values.into_iter().map(from_spin).collect()).collect()
    }
}

fn failed(error: Error) -> Unavailable {
    Unavailable::new(error.to_string())
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
