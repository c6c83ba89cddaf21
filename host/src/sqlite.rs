//! `spin:sqlite`: the database `default`, a file in the state directory.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{Value as Stored, ValueRef};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::sync::{mpsc, oneshot};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, Destination, FutureReader, HasSelf, Linker, Resource, ResourceTable, StreamProducer, StreamReader,
    StreamResult,
};

#[allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "generated code")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/sqlite.wit",
        world: "serves-sqlite",
        with: { "spin:sqlite/sqlite.connection": super::Connection },
        imports: {
            "spin:sqlite/sqlite.[method]connection.execute": async,
            default: trappable,
        },
    });
}

use bindings::spin::sqlite::sqlite::{
    Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};

/// Connections that one instance may have open, as in Spin.
const CONNECTIONS: usize = 256;

/// Rows read ahead of the guest, as in Spin.
const ROWS_AHEAD: usize = 4;

/// What one instance has of SQLite.
pub(crate) struct Sqlite {
    /// The file of `default`; `None` for a component that has no database.
    file: Option<PathBuf>,
    connections: ResourceTable,
}

impl Sqlite {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        let mut connections = ResourceTable::new();
        connections.set_max_capacity(CONNECTIONS);
        Self { file, connections }
    }

    fn open_label(&mut self, label: &str) -> Result<Resource<Connection>, Error> {
        // The manifest allows no other label, so every other one is not this component's.
        let file = self.file.as_ref().filter(|_| label == "default").ok_or(Error::AccessDenied)?;
        let connection = Connection { file: file.clone(), opened: Arc::default() };
        self.connections
            .push(connection)
            .map_err(|_| Error::Io(format!("more than {CONNECTIONS} connections are open")))
    }

    fn connection(&self, connection: &Resource<Connection>) -> Result<Connection, Error> {
        self.connections.get(connection).cloned().map_err(|_| Error::InvalidConnection)
    }
}

/// A connection, opened by its first statement.
#[derive(Clone)]
#[allow(unreachable_pub, reason = "the generated code re-exports it")]
pub struct Connection {
    file: PathBuf,
    opened: Arc<Mutex<Option<rusqlite::Connection>>>,
}

/// Where a statement's columns and rows go while it runs.
struct Reader {
    columns: oneshot::Sender<Vec<String>>,
    rows: mpsc::Sender<RowResult>,
}

impl Connection {
    fn locked(&self) -> MutexGuard<'_, Option<rusqlite::Connection>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a statement; blocks while SQLite works and while the reader is behind.
    fn run(&self, statement: &str, parameters: Vec<Value>, reader: Reader) -> Result<(), Error> {
        let mut opened = self.locked();
        let database = match &mut *opened {
            Some(database) => database,
            None => opened.insert(open(&self.file).map_err(io)?),
        };
        let mut statement = database.prepare_cached(statement).map_err(io)?;
        let names: Vec<String> = statement.column_names().into_iter().map(String::from).collect();
        let width = names.len();
        let gone = || Error::Io("the rows are no longer read".into());
        reader.columns.send(names).map_err(|_| gone())?;
        let mut rows =
            statement.query(rusqlite::params_from_iter(parameters.into_iter().map(Stored::from))).map_err(io)?;
        while let Some(row) = rows.next().map_err(io)? {
            let values = (0..width).map(|column| value(row.get_ref(column).map_err(io)?)).collect::<Result<_, _>>()?;
            reader.rows.blocking_send(RowResult { values }).map_err(|_| gone())?;
        }
        Ok(())
    }

    /// Runs a statement on a thread of its own. Its end comes after its last row.
    fn start(self, statement: String, parameters: Vec<Value>) -> Running {
        let (columns, columns_read) = oneshot::channel();
        let (rows, rows_read) = mpsc::channel(ROWS_AHEAD);
        let (ended, end) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let result = self.run(&statement, parameters, Reader { columns, rows });
            // Nobody waits for the end of a statement whose instance is gone.
            let _ = ended.send(result);
        });
        Running { columns: columns_read, rows: rows_read, end }
    }
}

struct Running {
    columns: oneshot::Receiver<Vec<String>>,
    rows: mpsc::Receiver<RowResult>,
    end: oneshot::Receiver<Result<(), Error>>,
}

/// The library waits 5 s for a lock by default, and so does Spin.
fn open(file: &PathBuf) -> rusqlite::Result<rusqlite::Connection> {
    let database = rusqlite::Connection::open(file)?;
    // A component has no files, and ATTACH would give it some.
    database.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Attach { filename } if !matches!(filename, "" | ":memory:") => Authorization::Deny,
        _ => Authorization::Allow,
    }));
    Ok(database)
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

/// Lets components whose state holds [`Sqlite`] import `spin:sqlite`.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    of: fn(&mut T) -> &mut Sqlite,
) -> wasmtime::Result<()> {
    bindings::spin::sqlite::sqlite::add_to_linker::<T, HasSelf<Sqlite>>(linker, of)
}

impl Host for Sqlite {}

impl HostConnection for Sqlite {
    fn open(&mut self, database: String) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        Ok(self.open_label(&database))
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, Error> {
        let mut running = self.connection(&connection)?.start(statement, parameters);
        let mut rows = Vec::new();
        while let Some(row) = running.rows.recv().await {
            rows.push(row);
        }
        running.end.await.map_err(|_| Error::Io("the statement did not end".into()))??;
        Ok(QueryResult { columns: running.columns.await.unwrap_or_default(), rows })
    }

    fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> wasmtime::Result<i64> {
        let connection = self.connection(&connection)?;
        Ok(connection.locked().as_ref().map_or(0, |database| database.last_insert_rowid()))
    }

    fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        let connection = self.connection(&connection)?;
        Ok(connection.locked().as_ref().map_or(0, |database| database.changes()))
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.connections.delete(connection)?;
        Ok(())
    }
}

type Rows = (Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>);

impl<T: Send + 'static> HostConnectionWithStore<T> for HasSelf<Sqlite> {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        Ok(accessor.with(|mut access| access.get().open_label(&database)))
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Rows, Error>> {
        let connection = match accessor.with(|mut access| access.get().connection(&connection)) {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error)),
        };
        let Running { columns, rows, end } = connection.start(statement, parameters);
        // A statement that fails before its columns are known has none; its error is in the future, where the guest looks.
        let columns = columns.await.unwrap_or_default();
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, RowProducer(rows))?;
            let end = FutureReader::new(&mut access, end)?;
            Ok(Ok((columns, rows, end)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        accessor.with(|mut access| access.get().last_insert_rowid(connection))
    }

    async fn changes_async(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        accessor.with(|mut access| access.get().changes(connection))
    }
}

struct RowProducer(mpsc::Receiver<RowResult>);

impl<D> StreamProducer<D> for RowProducer {
    type Item = RowResult;
    type Buffer = Option<RowResult>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        // A read of nothing asks whether there is something: say yes, and a real read follows.
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let polled = self.0.poll_recv(context);
        if polled.is_pending() && finish {
            return Poll::Ready(Ok(StreamResult::Cancelled));
        }
        Poll::Ready(Ok(match ready!(polled) {
            Some(row) => {
                destination.set_buffer(Some(row));
                StreamResult::Completed
            }
            None => StreamResult::Dropped,
        }))
    }
}
