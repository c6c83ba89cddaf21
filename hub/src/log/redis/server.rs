//! What the log needs of a Redis server.

use std::time::Duration;

use crate::instant::Instant;
use crate::log::unavailable::Unavailable;

/// A value of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nil.
    Nil,
    /// A status, such as `OK`.
    Status(String),
    /// An integer.
    Integer(i64),
    /// A string.
    Bytes(Vec<u8>),
}

/// A connection to a server.
pub(crate) trait Connection {
    /// Runs one command and returns its reply, flattened.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what the server said, or that it said nothing.
    fn execute(&self, command: &str, arguments: Vec<Vec<u8>>) -> impl Future<Output = Result<Vec<Value>, Unavailable>>;
}

/// Where connections come from, and what else of its surroundings the log needs.
pub(crate) trait Server {
    /// What [`connect`](Server::connect) makes.
    type Connection: Connection;

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what the host said.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Unavailable>>;

    /// `work`, given up after `timeout`.
    ///
    /// # Errors
    ///
    /// Those of `work`, and [`Unavailable`] when it was given up.
    fn within<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, Unavailable>>,
    ) -> impl Future<Output = Result<T, Unavailable>>;

    /// A random number.
    fn random(&self) -> u64;

    /// The time, on the clock of the moments that [`as_of`](crate::log::Log::as_of) is asked about.
    fn now(&self) -> Instant;
}

/// Whether the server says that it did nothing.
pub(crate) fn is_refusal(reason: &str) -> bool {
    const REFUSALS: [&str; 16] = [
        "OOM",
        "READONLY",
        "ReadOnly",
        "LOADING",
        "BusyLoading",
        "MISCONF",
        "NOAUTH",
        "NOPERM",
        "NoPerm",
        "MOVED",
        "Moved",
        "CLUSTERDOWN",
        "ClusterDown",
        "MASTERDOWN",
        "MasterDown",
        "NOREPLICAS",
    ];
    REFUSALS.iter().any(|refusal| reason.contains(refusal))
}
