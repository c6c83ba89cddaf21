//! The connection on which a log does all but wait.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::log::redis::reply;
use crate::log::redis::script::bytes;
use crate::log::redis::server::{Connection, Server};
use crate::log::unavailable::Unavailable;

/// How long an operation may take: publishers are answered within 5 s.
pub(crate) const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);

/// Connects when it is first used, and anew after an error: a server that was away is found again.
pub(crate) struct Connector<S: Server> {
    /// The server that it connects to.
    pub server: S,
    connected: RefCell<Option<Rc<Connected<S::Connection>>>>,
}

/// A connection, and to which run of a server.
pub(crate) struct Connected<C> {
    /// The connection.
    pub connection: C,
    /// The id of the server's run, which another start of the server does not have.
    pub run_id: String,
}

impl<S: Server> Connector<S> {
    /// Does not connect yet.
    pub(crate) fn new(server: S) -> Self {
        Connector { server, connected: RefCell::default() }
    }

    /// Does `work` on the connection, which is not used again after an error.
    ///
    /// # Errors
    ///
    /// Those of `work`, and [`Unavailable`] when there is no connection or it took too long.
    pub(crate) async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&Connected<S::Connection>) -> Result<T, Unavailable>,
    ) -> Result<T, Unavailable> {
        let result = self
            .server
            .within(OPERATION_TIMEOUT, async {
                let connected = self.connected().await?;
                work(&connected).await
            })
            .await;
        if result.is_err() {
            *self.connected.borrow_mut() = None;
        }
        result
    }

    async fn connected(&self) -> Result<Rc<Connected<S::Connection>>, Unavailable> {
        let connected = self.connected.borrow().clone();
        if let Some(connected) = connected {
            return Ok(connected);
        }
        let connected = Rc::new(self.connect().await?);
        *self.connected.borrow_mut() = Some(Rc::clone(&connected));
        Ok(connected)
    }

    async fn connect(&self) -> Result<Connected<S::Connection>, Unavailable> {
        let certain = |error| Unavailable { uncertain: false, ..error };
        let connection = self.server.connect().await?;
        let info = connection.execute("INFO", vec![bytes("server")]).await.map_err(certain)?;
        Ok(Connected { connection, run_id: reply::run_id(info)? })
    }
}
