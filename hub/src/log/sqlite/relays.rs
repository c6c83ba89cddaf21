//! The relays, as the database knows them.

use std::rc::Rc;

use crate::lean::lean;
use crate::log::position::Position;
use crate::log::record::Record;
use crate::log::relay::{HolderId, RELAY_LEASE};
use crate::log::sqlite::connection::{Rows, Value};
use crate::log::sqlite::row::{self, array, integer, millis, unexpected, whole};
use crate::log::unavailable::Unavailable;

/// Holds a topic, unless it has ended or another one holds it, and returns what [`held_from`] reads.
pub(super) const BEGIN: &str = lean!(concat!(
    "INSERT INTO relays (topic, holder, lease, meta, body)\n",
    "SELECT ?1, ?2, CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) + ?3, ?4, ?5\nWHERE\n",
    include_str!("not_ended.sql"),
    "ON CONFLICT DO UPDATE SET lease = excluded.lease WHERE holder = excluded.holder\n",
    "RETURNING (SELECT epoch FROM hub), ",
    "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0)"
));
/// Whether one of some topics has an update or a relay.
pub(super) const HAS_ANY: &str = "SELECT EXISTS (SELECT 1 FROM topics WHERE topic IN (SELECT value FROM json_each(?1))) \
    OR EXISTS (SELECT 1 FROM relays WHERE topic IN (SELECT value FROM json_each(?1)))";
/// Renews the leases of what a holder holds of some topics.
pub(super) const RENEW: &str = "UPDATE relays SET lease = CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) + ?2 \
    WHERE holder = ?1 AND topic IN (SELECT value FROM json_each(?3))";
/// Which of some topics a holder holds. Returns what [`held`] reads.
pub(super) const HELD: &str = "SELECT group_concat(topic, char(10)) FROM relays \
    WHERE holder = ?1 AND topic IN (SELECT value FROM json_each(?3))";
/// Whether there is something to take over. A read does not wait for a writer.
pub(super) const ARE_OVER: &str = "SELECT EXISTS (SELECT 1 FROM relays \
    WHERE lease <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) OR holder = ?)";
/// Takes them over.
pub(super) const TAKE_OVER: &str = lean!(include_str!("take_over.sql"));
/// What a holder has taken over. Returns what [`left`] reads, in one call.
pub(super) const LEFT: &str = "SELECT meta, body FROM relays WHERE holder = ?";

/// What is bound to [`BEGIN`]. `left` is appended if the lease runs out.
pub(super) fn values(topic: &str, holder: HolderId, left: &Record) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    vec![text(topic), id(holder), millis(RELAY_LEASE), text(&left.meta), text(&left.body), array([topic])]
}

/// What is bound to [`RENEW`], [`HELD`] and [`TAKE_OVER`].
pub(super) fn lease(holder: HolderId, topics: &[Rc<str>]) -> Vec<Value> {
    vec![id(holder), millis(RELAY_LEASE), row::topics(topics)]
}

/// A holder. SQLite's numbers are signed.
pub(super) fn id(holder: HolderId) -> Value {
    Value::Integer(holder.cast_signed())
}

/// Reads where the log ended when a topic was held, if it was.
pub(super) fn held_from(rows: &Rows) -> Result<Option<Position>, Unavailable> {
    match rows.first().map(Vec::as_slice) {
        None => Ok(None),
        Some([Value::Text(epoch), head]) => Ok(Some(Position { epoch: epoch.clone(), sequence: whole(head)? })),
        Some(_) => Err(unexpected()),
    }
}

/// Reads a truth value.
pub(super) fn is_true(row: &[Value]) -> bool {
    row.first() == Some(&integer(1))
}

/// Reads topics. None has a line break.
pub(super) fn held(row: &[Value]) -> Result<Vec<String>, Unavailable> {
    match row.first() {
        Some(Value::Text(topics)) => Ok(topics.split('\n').map(str::to_owned).collect()),
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(unexpected()),
    }
}

/// Reads the update that a relay left.
pub(super) fn left(row: Vec<Value>) -> Result<Record, Unavailable> {
    match <[Value; 2]>::try_from(row) {
        Ok([Value::Text(meta), Value::Text(body)]) => Ok(Record { id: None, last: true, meta, body }),
        _ => Err(unexpected()),
    }
}
