//! `spin:redis`: connections to the Redis servers that the manifest allows.

mod connection;
#[allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "generated code")]
mod bindings;
mod reply;

use crate::logs::Logs;
use crate::outbound::Outbound;
use ::redis::{Client, Cmd, FromRedisValue, Value};
use bindings::spin::redis::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult as Part,
};
use connection::Connection;
use reply::other;
use wasmtime::component::{Accessor, HasSelf, Linker, Resource, ResourceTable};

/// Connections that one instance may have open, as in Spin.
const CONNECTIONS: usize = 1024;

/// What one instance has of Redis.
pub(crate) struct Redis {
    outbound: Outbound,
    logs: Logs,
    connections: ResourceTable,
}

impl Redis {
    pub(crate) fn new(outbound: Outbound, logs: Logs) -> Self {
        let mut connections = ResourceTable::new();
        connections.set_max_capacity(CONNECTIONS);
        Self { outbound, logs, connections }
    }
}

async fn open(address: &str, outbound: &Outbound, logs: &Logs) -> Result<Connection, Error> {
    // The client reads it in this way too, so that it connects to what is checked.
    let address = ::redis::parse_redis_url(address).ok_or(Error::InvalidAddress)?;
    let scheme = address.scheme();
    if !outbound.allows(&address) {
        // The component is not told why. The address may hold a password, so not all of it is said.
        let host = address.host_str().unwrap_or_default();
        let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
        logs.push(format!("allowed_outbound_hosts does not let the component connect to {scheme}://{host}{port}"));
        return Err(Error::InvalidAddress);
    }
    match scheme {
        "redis" | "valkey" => {}
        "rediss" | "valkeys" => return Err(Error::Other("this host has no TLS: rediss:// works in Spin".into())),
        // A component has no files, and that is where the other addresses lead.
        _ => return Err(Error::InvalidAddress),
    }
    let client = Client::open(address).map_err(|_| Error::InvalidAddress)?;
    Connection::open(&client).await.map_err(other)
}

fn command(name: &str, arguments: Vec<RedisParameter>) -> Cmd {
    let mut command = ::redis::cmd(name);
    for argument in arguments {
        match argument {
            RedisParameter::Int64(number) => command.arg(number),
            RedisParameter::Binary(bytes) => command.arg(bytes),
        };
    }
    command
}

/// Lets components whose state holds [`Redis`] import `spin:redis`.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    of: fn(&mut T) -> &mut Redis,
) -> wasmtime::Result<()> {
    bindings::spin::redis::redis::add_to_linker::<T, HasSelf<Redis>>(linker, of)
}

/// Sends a command and waits for its reply, as long as that takes.
async fn query<T: Send + 'static, R: FromRedisValue>(
    accessor: &Accessor<T, HasSelf<Redis>>,
    connection: Resource<Connection>,
    command: Cmd,
) -> Result<R, Error> {
    let found = accessor.with(|mut access| access.get().connections.get(&connection).map(|open| open.0.clone()));
    let mut connection = found.map_err(|_| Error::Other("the connection is not open".into()))?;
    command.query_async(&mut connection).await.map_err(other)
}

impl Host for Redis {}

impl HostConnection for Redis {
    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.connections.delete(connection)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostConnectionWithStore<T> for HasSelf<Redis> {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Result<Resource<Connection>, Error> {
        let (outbound, logs) = accessor.with(|mut access| {
            let redis = access.get();
            (redis.outbound.clone(), redis.logs.clone())
        });
        let connection = open(&address, &outbound, &logs).await?;
        accessor.with(|mut access| access.get().connections.push(connection)).map_err(|_| Error::TooManyConnections)
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<(), Error> {
        query(accessor, connection, Cmd::publish(channel, payload)).await
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Error> {
        let value: Option<Vec<u8>> = query(accessor, connection, Cmd::get(key)).await?;
        reply::check_size(value.as_ref().map_or(0, Vec::len))?;
        Ok(value)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Error> {
        query(accessor, connection, Cmd::set(key, value)).await
    }

    async fn incr(accessor: &Accessor<T, Self>, connection: Resource<Connection>, key: String) -> Result<i64, Error> {
        query(accessor, connection, Cmd::incr(key, 1)).await
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Result<u32, Error> {
        query(accessor, connection, Cmd::del(keys)).await
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        let reply: Value = query(accessor, connection, Cmd::sadd(key, values)).await?;
        ::redis::from_owned_redis_value(reply).map_err(|_| Error::TypeError)
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Vec<String>, Error> {
        query(accessor, connection, Cmd::smembers(key)).await
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        query(accessor, connection, Cmd::srem(key, values)).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        name: String,
        arguments: Vec<RedisParameter>,
    ) -> Result<Vec<Part>, Error> {
        reply::flatten(query(accessor, connection, command(&name, arguments)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tests::outbound;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;
    use tokio::sync::oneshot;

    const DEADLINE: Duration = Duration::from_secs(10);

    async fn open(address: &str, entries: &[&str], logs: &Logs) -> Result<Connection, Error> {
        let outbound = outbound(entries);
        let opening = super::open(address, &outbound, logs);
        tokio::time::timeout(DEADLINE, opening).await.expect("the connection opens or fails")
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_opened_says_why() {
        let no_tls = || Error::Other("this host has no TLS: rediss:// works in Spin".into());
        for (address, expected) in [
            ("", Error::InvalidAddress),
            ("allowed:6379", Error::InvalidAddress),
            ("redis://refused", Error::InvalidAddress),
            ("redis://allowed:1", Error::InvalidAddress),
            ("redis://allowed/database", Error::InvalidAddress),
            ("redis://refused:1#@allowed", Error::InvalidAddress),
            ("http://other", Error::InvalidAddress),
            ("redis+unix://other/socket", Error::InvalidAddress),
            ("rediss://allowed", Error::InvalidAddress),
            ("rediss://allowed:6380", no_tls()),
            ("valkeys://other", no_tls()),
        ] {
            let entries = ["redis://allowed", "rediss://allowed:6380", "*://other:*"];
            let error = open(address, &entries, &Logs::new(false)).await.err().expect(address);
            assert_eq!(format!("{error:?}"), format!("{expected:?}"), "{address}");
        }
    }

    #[tokio::test]
    async fn a_refused_address_is_logged_without_its_password() {
        let logs = Logs::new(false);
        assert!(open("redis://user:pass@h:7000/0?x=pass", &["redis://h"], &logs).await.is_err());
        assert_eq!(logs.lines(), ["allowed_outbound_hosts does not let the component connect to redis://h:7000"]);
    }

    #[tokio::test]
    async fn dropping_a_connection_and_its_waiting_command_closes_the_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("redis://{}", listener.local_addr().unwrap());
        let (arrived, arrival) = oneshot::channel();
        let server = tokio::task::spawn_blocking(move || {
            let mut socket = listener.accept().unwrap().0;
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            let mut bytes = [0; 1024];
            // The client gives its name and its version first.
            assert_ne!(socket.read(&mut bytes).unwrap(), 0);
            socket.write_all(b"+OK\r\n+OK\r\n").unwrap();
            let count = socket.read(&mut bytes).unwrap();
            arrived.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).unwrap();
            socket.read(&mut bytes).expect("the socket is closed")
        });
        let connection = open(&address, &[&address], &Logs::new(false)).await.unwrap();
        let mut clone = connection.0.clone();
        let arguments = vec![RedisParameter::Binary(b"BLOCK".into()), RedisParameter::Int64(0)];
        let waiting = tokio::spawn(async move { command("XREAD", arguments).query_async::<Value>(&mut clone).await });
        assert_eq!(arrival.await.unwrap(), "*3\r\n$5\r\nXREAD\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n");
        waiting.abort();
        drop(connection);
        assert_eq!(server.await.unwrap(), 0);
    }
}
