//! The listeners, as the database knows them.

use std::time::Duration;

use crate::lean::lean;
use crate::log::listener::{Census, Gathered, LEASE, ListenerId, Peer, Registration};
use crate::log::position::Position;
use crate::log::sqlite::connection::Value;
use crate::log::sqlite::row::{array, integer, joined, millis, topics, unexpected, whole};
use crate::log::unavailable::Unavailable;

/// Registers a listener, and returns what [`census`] reads.
pub(super) const REGISTER: &str = lean!(include_str!("register.sql"));
/// Forgets a listener; a trigger forgets its topics.
pub(super) const UNREGISTER: &str = "DELETE FROM listeners WHERE listener = ?";
/// Returns a row if listeners may be told to drain.
pub(super) const DRAIN: &str = lean!(include_str!("drain.sql"));
/// Tells them, and nobody else any more.
pub(super) const SET_DRAINS: &str = "UPDATE listeners SET drains = listener IN (SELECT value FROM json_each(?))";

/// What is bound to [`REGISTER`].
pub(super) fn values(registration: &Registration) -> Vec<Value> {
    vec![
        id(registration.listener),
        millis(LEASE),
        integer(registration.streams),
        topics(&registration.added),
        topics(&registration.removed),
    ]
}

/// A listener. SQLite's numbers are signed: the larger half of them is negative there.
pub(super) fn id(listener: ListenerId) -> Value {
    Value::Integer(listener.cast_signed())
}

/// What is bound to [`SET_DRAINS`].
pub(super) fn ids(listeners: &[ListenerId]) -> Value {
    array(listeners.iter().map(|listener| listener.cast_signed()))
}

/// What is bound to [`DRAIN`].
pub(super) fn pause(pause: Duration) -> Value {
    millis(pause)
}

/// Reads the epoch, the head, whether the listener was known, its peers, and when streams were told to gather.
pub(super) fn census(row: &[Value]) -> Result<Census, Unavailable> {
    let [Value::Text(epoch), head, Value::Integer(known), peers, at, Value::Integer(ago)] = row else {
        return Err(unexpected());
    };
    Ok(Census {
        head: Position { epoch: epoch.clone(), sequence: whole(head)? },
        known: *known != 0,
        peers: joined(peers)?.map(|peer| to_peer(peer).ok_or_else(unexpected)).collect::<Result<_, _>>()?,
        gathered: match at {
            Value::Integer(at) => Some(Gathered { at: *at, ago: *ago }),
            _ => None,
        },
    })
}

fn to_peer(text: &str) -> Option<Peer> {
    let mut numbers = text.split(' ').map(str::parse::<i64>);
    let mut number = || numbers.next()?.ok();
    let (listener, streams, drains) = (number()?.cast_unsigned(), u32::try_from(number()?).ok()?, number()? != 0);
    Some(Peer { listener, streams, drains })
}
