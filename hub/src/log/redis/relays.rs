//! What Redis is told of relays, and what it answers.

use std::rc::Rc;
use std::time::Duration;

use crate::log::position::Position;
use crate::log::record::Record;
use crate::log::redis::keys::Keys;
use crate::log::redis::reply::{number, text, unexpected};
use crate::log::redis::script::{bytes, millis};
use crate::log::redis::server::{Connection, Value};
use crate::log::relay::{Begun, HolderId, RELAY_LEASE};
use crate::log::unavailable::Unavailable;

/// The keys of the script that begins a relay.
pub(crate) fn begin_keys(keys: &Keys) -> [String; 4] {
    [keys.hub.clone(), keys.relays(), keys.left(), keys.ended.clone()]
}

/// Its arguments.
pub(crate) fn begin_values(topic: &str, holder: HolderId, left: &Record) -> Vec<Vec<u8>> {
    let lease = millis(RELAY_LEASE);
    [topic, &holder.to_string(), &lease, &left.meta, &left.body].map(bytes).into()
}

/// The arguments of the scripts that are told a holder, for how long leases are renewed, if they are, and topics.
pub(crate) fn lease_values(holder: HolderId, renew: bool, topics: &[Rc<str>]) -> Vec<Vec<u8>> {
    let lease = millis(if renew { RELAY_LEASE } else { Duration::ZERO });
    let mut values = vec![bytes(&holder.to_string()), bytes(&lease)];
    values.extend(topics.iter().map(|topic| bytes(topic)));
    values
}

/// Whether there is an update on one of these topics, or a relay to one.
///
/// # Errors
///
/// [`Unavailable`], as the connection says.
pub(crate) async fn has_any(to: &impl Connection, keys: &Keys, topics: &[Rc<str>]) -> Result<bool, Unavailable> {
    let indexes = topics.iter().map(|topic| bytes(&keys.topic(topic))).collect();
    if number(to.execute("EXISTS", indexes).await?.into_iter().next())? > 0 {
        return Ok(true);
    }
    let relays = [bytes(&keys.relays())].into_iter().chain(topics.iter().map(|topic| bytes(topic))).collect();
    Ok(to.execute("HMGET", relays).await?.iter().any(|relay| *relay != Value::Nil))
}

/// Reads the answer to the begin of a relay.
///
/// # Errors
///
/// [`Unavailable`] when it is another answer; so do all of these.
pub(crate) fn begun(reply: Vec<Value>) -> Result<Begun, Unavailable> {
    let mut values = reply.into_iter();
    let (first, head) = (text(values.next())?, values.next());
    match (first.as_str(), head) {
        ("ended", None) => Ok(Begun::Ended),
        ("running", None) => Ok(Begun::Running),
        (_, head) => Ok(Begun::Held(Position { sequence: number(head)?, epoch: first })),
    }
}

/// Reads topics.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn held(reply: Vec<Value>) -> Result<Vec<String>, Unavailable> {
    reply.into_iter().map(|topic| text(Some(topic))).collect()
}

/// Reads what relays left: of each its meta, which ends with a line end, another line end, and its body. No topic is
/// empty.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn left(reply: Vec<Value>) -> Result<Vec<Record>, Unavailable> {
    let record = |value| {
        let value = text(Some(value))?;
        let (topics, body) = value.split_once("\n\n").ok_or_else(unexpected)?;
        Ok(Record { id: None, last: true, meta: format!("{topics}\n"), body: body.to_owned() })
    };
    reply.into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(words: &[&str]) -> Vec<Value> {
        words.iter().map(|word| Value::Bytes(word.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_relay_has_begun_where_the_log_ends_or_has_not() {
        let held = Begun::Held(Position { epoch: "77".to_owned(), sequence: 5 });
        assert_eq!(begun(values(&["77", "5"])), Ok(held));
        assert_eq!((begun(values(&["ended"])), begun(values(&["running"]))), (Ok(Begun::Ended), Ok(Begun::Running)));
        for reply in [&[][..], &["77"], &["77", "x"]] {
            assert!(begun(values(reply)).is_err(), "{reply:?}");
        }
    }

    #[test]
    fn what_a_relay_left_is_a_record() {
        let found = left(values(&["pa b\n\nevent: end\ndata: x\n\n"])).unwrap();
        let body = "event: end\ndata: x\n\n".to_owned();
        assert_eq!(found, [Record { id: None, last: true, meta: "pa b\n".to_owned(), body }]);
        assert!(left(values(&["pa b\n"])).is_err());
        assert_eq!(left(vec![]), Ok(vec![]));
        assert_eq!(super::held(values(&["a", "b"])).unwrap(), ["a", "b"]);
    }
}
