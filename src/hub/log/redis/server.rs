//! What the log needs of a Redis server, and the one that Spin connects to.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use spin_sdk::redis::{Connection as SpinConnection, Error, RedisParameter, RedisResult};
use spin_sdk::time::sleep;

use crate::hub::log::Unavailable;

/// A connection to a server.
pub trait Connection {
    /// Runs one command and returns its reply, flattened.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what the server said, or that it said nothing.
    fn execute(
        &self,
        command: &str,
        arguments: Vec<RedisParameter>,
    ) -> impl Future<Output = Result<Vec<RedisResult>, Unavailable>>;
}

/// Where connections come from, and what else of its surroundings the log needs.
pub trait Server {
    /// What [`connect`](Server::connect) makes.
    type Connection: Connection;

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what the host said.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Unavailable>>;

    /// `work`, given up after `patience`.
    ///
    /// # Errors
    ///
    /// Those of `work`, and [`Unavailable`] when it was given up.
    fn within<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, Unavailable>>,
    ) -> impl Future<Output = Result<T, Unavailable>>;

    /// A random number.
    fn random(&self) -> u64;
}

/// A server that Spin connects to.
#[derive(Debug)]
pub struct SpinRedis {
    /// Its URL.
    pub url: String,
}

impl Server for SpinRedis {
    type Connection = SpinConnection;

    async fn connect(&self) -> Result<SpinConnection, Unavailable> {
        SpinConnection::open(&self.url).await.map_err(|error| Unavailable::new(reason(&error)))
    }

    async fn within<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        match select(pin!(work), pin!(sleep(patience))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => {
                let reason = format!("Redis did not answer within {} s", patience.as_secs());
                Err(Unavailable { reason, uncertain: true })
            }
        }
    }

    fn random(&self) -> u64 {
        wasi::random::random::get_random_u64()
    }
}

impl Connection for SpinConnection {
    async fn execute(&self, command: &str, arguments: Vec<RedisParameter>) -> Result<Vec<RedisResult>, Unavailable> {
        SpinConnection::execute(self, command, arguments).await.map_err(|error| {
            let reason = reason(&error);
            let uncertain = !is_refusal(&reason);
            Unavailable { reason, uncertain }
        })
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::InvalidAddress => "Spin does not let the hub connect to Redis: set the variable log_host to what the \
            variable log has, without user, password and path"
            .to_owned(),
        Error::TooManyConnections => "Redis: too many connections of this hub are open".to_owned(),
        Error::TypeError => "Redis: a key has another type than the hub's".to_owned(),
        Error::Other(reason) => format!("Redis: {reason}"),
    }
}

/// Whether the server says that it did nothing.
fn is_refusal(reason: &str) -> bool {
    const REFUSALS: [&str; 12] = [
        "OOM",
        "READONLY",
        "ReadOnly",
        "LOADING",
        "BusyLoading",
        "MISCONF",
        "NOAUTH",
        "NOPERM",
        "MOVED",
        "CLUSTERDOWN",
        "MASTERDOWN",
        "NOREPLICAS",
    ];
    REFUSALS.iter().any(|refusal| reason.contains(refusal))
}
