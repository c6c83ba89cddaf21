//! `spin:sqlite`: the database `default`, a file in the state directory.

mod connection;
#[allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "generated code")]
mod bindings;
mod statement;

use bindings::spin::sqlite::sqlite::{
    Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};
use connection::Connection;
use statement::Running;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, Destination, FutureReader, HasSelf, Linker, Resource, ResourceTable, StreamProducer, StreamReader,
    StreamResult,
};

/// Connections that one instance may have open, as in Spin.
const CONNECTIONS: usize = 256;

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
        let connection = Connection::new(file);
        self.connections
            .push(connection)
            .map_err(|_| Error::Io(format!("more than {CONNECTIONS} connections are open")))
    }

    fn connection(&self, connection: &Resource<Connection>) -> Result<Connection, Error> {
        self.connections.get(connection).cloned().map_err(|_| Error::InvalidConnection)
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
        let mut running = Running::start(self.connection(&connection)?, statement, parameters);
        let mut rows = Vec::new();
        while let Some(row) = running.rows.recv().await {
            rows.push(row);
        }
        running.end.await.map_err(|_| Error::Io("the statement did not end".into()))??;
        Ok(QueryResult { columns: running.columns.await.unwrap_or_default(), rows })
    }

    fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> wasmtime::Result<i64> {
        Ok(self.connection(&connection)?.last_insert_rowid())
    }

    fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        Ok(self.connection(&connection)?.changes())
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
        let Running { columns, rows, end } = Running::start(connection, statement, parameters);
        // A statement that fails before its columns are known has none. The guest finds its error in the future.
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
