//! The scripts that run in Redis, each as one atomic step.

use std::time::Duration;

use crate::lean::lean;
use crate::log::redis::server::{Connection, Value};
use crate::log::unavailable::Unavailable;

const APPENDS: &str = lean!(include_str!("append.lua"));

/// Appends updates, and makes the log and its index where there is none.
pub(crate) const APPEND: Script = Script { text: &[APPENDS], sha1: "d893743983703aa070b09ee1957623799f8d0196" };
/// Reads all updates after a sequence.
pub(crate) const READ: Script =
    Script { text: &[lean!(include_str!("read.lua"))], sha1: "570d25ed716eb7b75780b41ab432a10686f0a04e" };
/// Reads the updates of topics.
pub(crate) const TOPICS: Script =
    Script { text: &[lean!(include_str!("topics.lua"))], sha1: "31367b3a6c29df161c457d10619008485c397988" };
/// Reads where the log was a moment ago.
pub(crate) const RECENT: Script =
    Script { text: &[lean!(include_str!("recent.lua"))], sha1: "74064d23e3739c241fceaa55da30673f1199ec2d" };
/// Finds the update with an id that a publisher gave.
pub(crate) const FIND: Script =
    Script { text: &[lean!(include_str!("find.lua"))], sha1: "0651f308b7a07e5a312e028d25e45544a44a34eb" };
/// Registers a listener.
pub(crate) const REGISTER: Script =
    Script { text: &[lean!(include_str!("register.lua"))], sha1: "df143f9d2336631c0e827f560ce84f806897aa44" };
/// Forgets a listener.
pub(crate) const UNREGISTER: Script =
    Script { text: &[lean!(include_str!("unregister.lua"))], sha1: "87f57ddf239e69669edd23686de6465f2a705c1e" };
/// Notes that listeners are to end their streams.
pub(crate) const DRAIN: Script =
    Script { text: &[lean!(include_str!("drain.lua"))], sha1: "1db8d2ec94554a31004f568b33174416deea78c3" };

/// Holds a topic for a relay.
pub(crate) const BEGIN_RELAY: Script =
    Script { text: &[lean!(include_str!("begin_relay.lua"))], sha1: "70dbeb2d61f75b209bbf088acd06cdd40da30466" };
/// Which topics a holder holds.
pub(crate) const HELD: Script =
    Script { text: &[lean!(include_str!("held.lua"))], sha1: "d26804d575bc2809d5cd93567f7a671e266f405f" };
/// Takes over the relays whose lease is over.
pub(crate) const TAKE_OVER: Script =
    Script { text: &[lean!(include_str!("take_over.lua"))], sha1: "4b7e03bec361ec13f64942f6bc2031e442e97b5b" };

/// Says who came and who left, and appends what comes of it.
pub(crate) const ATTEND: Script = Script {
    text: &[lean!(include_str!("attend.lua")), APPENDS, lean!(include_str!("attended.lua"))],
    sha1: "314993a3faf39722433cf25b717fef4d35c4d335",
};
/// Lists subscriptions.
pub(crate) const LISTED: Script =
    Script { text: &[lean!(include_str!("listed.lua"))], sha1: "c1eda58bf6d626f66aa5360133505d91a1eaf493" };

/// A script, and what a server that knows it calls it.
pub(crate) struct Script {
    /// What it does, in parts.
    pub text: &'static [&'static str],
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
                arguments.splice(..1, [bytes(&self.text.concat())]);
                connection.execute("EVAL", arguments).await
            }
            result => result,
        }
    }
}

/// A time in milliseconds. To print what [`Duration::as_millis`] returns costs the component 2 KB.
pub(crate) fn millis(duration: Duration) -> String {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).to_string()
}

/// A text as an argument.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}
