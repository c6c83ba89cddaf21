//! The Redis server that Spin connects to.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use spin_sdk::redis::{Connection as SpinConnection, Error, RedisParameter, RedisResult};
use spin_sdk::time::sleep;
use spin_sse::timer;

use crate::instant::Instant;
use crate::log::Unavailable;
use crate::log::redis::server::{Connection, Server, Value, is_refusal};

/// A server that Spin connects to.
#[derive(Debug)]
pub(crate) struct SpinRedis {
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
        timeout: Duration,
        work: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        match select(pin!(work), pin!(sleep(timeout))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => {
                let reason = format!("Redis did not answer within {} s", timeout.as_secs());
                Err(Unavailable { reason, uncertain: true })
            }
        }
    }

    fn random(&self) -> u64 {
        wasi::random::random::get_random_u64()
    }

    fn now(&self) -> Instant {
        timer::now()
    }
}

impl Connection for SpinConnection {
    async fn execute(&self, command: &str, arguments: Vec<Vec<u8>>) -> Result<Vec<Value>, Unavailable> {
        let arguments: Vec<_> = arguments.into_iter().map(RedisParameter::Binary).collect();
        let reply = SpinConnection::execute(self, command, arguments).await.map_err(|error| {
            let reason = reason(&error);
            let uncertain = !is_refusal(&reason);
            Unavailable { reason, uncertain }
        })?;
        Ok(reply.into_iter().map(value).collect())
    }
}

fn value(value: RedisResult) -> Value {
    match value {
        RedisResult::Nil => Value::Nil,
        RedisResult::Status(text) => Value::Status(text),
        RedisResult::Int64(number) => Value::Integer(number),
        RedisResult::Binary(bytes) => Value::Bytes(bytes),
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
