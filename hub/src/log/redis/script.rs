//! The scripts that run in Redis, each as one atomic step.

use crate::log::lean::lean;
use crate::log::redis::server::{Connection, Value};
use crate::log::unavailable::Unavailable;

/// Appends updates, and makes the log and its index where there is none.
pub(crate) const APPEND: Script =
    Script { text: lean!(include_str!("append.lua")), sha1: "d1b3f8701e42c73467cb24e22dcf489af538e238" };
/// Reads all updates after a sequence.
pub(crate) const READ: Script =
    Script { text: lean!(include_str!("read.lua")), sha1: "ffb45b17868a42e150514020286f5b9ca6579190" };
/// Reads the updates of topics.
pub(crate) const TOPICS: Script =
    Script { text: lean!(include_str!("topics.lua")), sha1: "d747dcc8b3b18bbf9799cb74785a72add4605ffa" };
/// Reads where the log was a moment ago.
pub(crate) const RECENT: Script =
    Script { text: lean!(include_str!("recent.lua")), sha1: "0d460c6aec58fec79fd5add38b2394e66c7207ea" };
/// Finds the update with an id that a publisher gave.
pub(crate) const FIND: Script =
    Script { text: lean!(include_str!("find.lua")), sha1: "0651f308b7a07e5a312e028d25e45544a44a34eb" };
/// Registers a listener.
pub(crate) const REGISTER: Script =
    Script { text: lean!(include_str!("register.lua")), sha1: "df143f9d2336631c0e827f560ce84f806897aa44" };
/// Forgets a listener.
pub(crate) const UNREGISTER: Script =
    Script { text: lean!(include_str!("unregister.lua")), sha1: "87f57ddf239e69669edd23686de6465f2a705c1e" };
/// Notes that listeners are to end their streams.
pub(crate) const DRAIN: Script =
    Script { text: lean!(include_str!("drain.lua")), sha1: "1db8d2ec94554a31004f568b33174416deea78c3" };

/// A script, and what a server that knows it calls it.
pub(crate) struct Script {
    /// What it does.
    pub text: &'static str,
    /// The SHA-1 of its text, in hexadecimal digits.
    pub sha1: &'static str,
}

impl Script {
    /// Runs it. A server that was restarted or replaced does not know it, has done nothing then, and is told it.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], as the connection says.
    pub(crate) async fn run(
        &self,
        connection: &impl Connection,
        keys: &[String],
        values: Vec<Vec<u8>>,
    ) -> Result<Vec<Value>, Unavailable> {
        let mut arguments = vec![bytes(self.sha1), bytes(&keys.len().to_string())];
        arguments.extend(keys.iter().map(|key| bytes(key)));
        arguments.extend(values);
        match connection.execute("EVALSHA", arguments.clone()).await {
            Err(error) if error.reason.contains("NOSCRIPT") || error.reason.contains("NoScript") => {
                arguments.splice(..1, [bytes(self.text)]);
                connection.execute("EVAL", arguments).await
            }
            result => result,
        }
    }
}

/// A text as an argument.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}
