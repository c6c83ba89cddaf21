//! A statement while it runs, and the values that go into it and come out of it.

use super::bindings::spin::sqlite::sqlite::{Error, RowResult, Value};
use super::connection::Connection;
use rusqlite::types::{Value as Stored, ValueRef};
use tokio::sync::{mpsc, oneshot};

/// Rows read ahead of the guest, as in Spin.
const ROWS_AHEAD: usize = 4;

/// A statement that runs on a thread of its own. Its end comes after its last row.
pub(super) struct Running {
    pub(super) columns: oneshot::Receiver<Vec<String>>,
    pub(super) rows: mpsc::Receiver<RowResult>,
    pub(super) end: oneshot::Receiver<Result<(), Error>>,
}

impl Running {
    pub(super) fn start(connection: Connection, statement: String, parameters: Vec<Value>) -> Self {
        let (columns, columns_read) = oneshot::channel();
        let (rows, rows_read) = mpsc::channel(ROWS_AHEAD);
        let (ended, end) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let result = run(&connection, &statement, parameters, Reader { columns, rows });
            // Nobody waits for the end of a statement whose instance is gone.
            let _ = ended.send(result);
        });
        Self { columns: columns_read, rows: rows_read, end }
    }
}

/// Where a statement's columns and rows go while it runs.
struct Reader {
    columns: oneshot::Sender<Vec<String>>,
    rows: mpsc::Sender<RowResult>,
}

/// Blocks while SQLite works and while the reader is behind.
fn run(connection: &Connection, statement: &str, parameters: Vec<Value>, reader: Reader) -> Result<(), Error> {
    connection.with(|database| {
        let mut statement = database.map_err(io)?.prepare_cached(statement).map_err(io)?;
        let names: Vec<String> = statement.column_names().into_iter().map(String::from).collect();
        let width = names.len();
        let gone = || Error::Io("the rows are no longer read".into());
        reader.columns.send(names).map_err(|_| gone())?;
        let parameters = rusqlite::params_from_iter(parameters.into_iter().map(Stored::from));
        let mut rows = statement.query(parameters).map_err(io)?;
        while let Some(row) = rows.next().map_err(io)? {
            let values = (0..width).map(|column| value(row.get_ref(column).map_err(io)?)).collect::<Result<_, _>>()?;
            reader.rows.blocking_send(RowResult { values }).map_err(|_| gone())?;
        }
        Ok(())
    })
}

fn io(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}

fn value(stored: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => {
            Value::Text(String::from_utf8(text.into()).map_err(|error| Error::Io(error.to_string()))?)
        }
        ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
    })
}

impl From<Value> for Stored {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Stored::Null,
            Value::Integer(number) => Stored::Integer(number),
            Value::Real(number) => Stored::Real(number),
            Value::Text(text) => Stored::Text(text),
            Value::Blob(bytes) => Stored::Blob(bytes),
        }
    }
}
