//! The statements that append.

use std::collections::BinaryHeap;

use crate::lean::lean;
use crate::log::log::Appended;
use crate::log::position::Position;
use crate::log::record::Record;
use crate::log::sqlite::connection::Value;
use crate::log::sqlite::row::{array, integer, ports, unexpected, whole};
use crate::log::unavailable::Unavailable;

/// Appends one update, and returns what [`appended`] reads; nothing if a topic has ended.
pub(super) const APPEND_ONE: &str = lean!(concat!(
    include_str!("append.sql"),
    ") SELECT ?, coalesce((SELECT total FROM updates ORDER BY sequence DESC LIMIT 1), 0) + ?, ?, ?, ?, ?, ",
    "CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)\nWHERE\n",
    include_str!("not_ended.sql"),
    "RETURNING sequence, (SELECT epoch FROM hub), (\n",
    include_str!("woken.sql"),
    ")"
));

/// Returns what [`appended`] reads, of the last append of the connection, and how many updates that was.
pub(super) const APPENDED: &str =
    lean!(concat!("SELECT last_insert_rowid(), epoch, (\n", include_str!("woken.sql"), "), changes() FROM hub"));

/// Appends so many updates, or none if a topic has ended. A row each would cross from the host, so it returns none.
/// SQLite's host remembers the last 16 statements, and parses others anew: there is one for each power of two.
pub(super) fn append_many(count: usize) -> String {
    const NOT_ENDED: &str = lean!(concat!(") WHERE column1 IS NOT NULL AND (\n", include_str!("not_ended.sql"), ")"));
    let mut statement = String::from(concat!(
        include_str!("append.sql"),
        ") SELECT column1, coalesce((SELECT total FROM updates ORDER BY sequence DESC LIMIT 1), 0) + column2, ",
        "column3, column4, column5, column6, CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) FROM (VALUES "
    ));
    for at in 0..count.next_power_of_two() {
        statement.push_str(if at == 0 { "(?, ?, ?, ?, ?, ?)" } else { ", (?, ?, ?, ?, ?, ?)" });
    }
    statement.push_str(NOT_ENDED);
    statement
}

/// Ends the topics of an update.
pub(super) const END: &str = lean!(include_str!("end.sql"));
/// Forgets ends.
pub(super) const PRUNE_ENDED: &str = lean!(include_str!("prune_ended.sql"));

/// What is bound to [`END`] for an update with this sequence.
pub(super) fn end(record: &Record, sequence: u64) -> Vec<Value> {
    vec![array(record.topics()), integer(sequence)]
}

/// What is bound to a statement that appends: of each record its size, the sizes up to it, its id, its topics if there
/// are several, its meta and its body. The records that the statement has room for beside these are NULL.
pub(super) fn values(records: &[Record]) -> Vec<Value> {
    let mut total = 0_usize;
    let mut values = Vec::new();
    for record in records {
        let size = record.meta.len().saturating_add(record.body.len());
        total = total.saturating_add(size);
        values.extend([
            integer(size),
            integer(total),
            record.id.clone().map_or(Value::Null, Value::Text),
            if record.topics().nth(1).is_some() { array(record.topics()) } else { Value::Null },
            Value::Text(record.meta.clone()),
            Value::Text(record.body.clone()),
        ]);
    }
    let rows = records.len().next_power_of_two();
    values.resize(rows.saturating_mul(6), Value::Null);
    values
}

/// What listeners to these updates have registered.
pub(super) fn heard_as(records: &[Record]) -> Value {
    // A heap sorts in a tenth of the code that a `BTreeSet` is.
    let topics: BinaryHeap<&str> = records.iter().flat_map(Record::topics).chain(["*"]).collect();
    let mut topics = topics.into_sorted_vec();
    topics.dedup();
    array(topics)
}

/// Reads the last sequence, the epoch, and whom to wake. The sequences of one append follow each other.
pub(super) fn appended(row: &[Value], records: &[Record]) -> Result<Appended, Unavailable> {
    let [last, Value::Text(epoch), listeners, ..] = row else { return Err(unexpected()) };
    let earlier = u64::try_from(records.len().saturating_sub(1)).unwrap_or(u64::MAX);
    let first = whole(last)?.checked_sub(earlier).ok_or_else(unexpected)?;
    Ok(Appended { first: Position { epoch: epoch.clone(), sequence: first }, listeners: ports(listeners)? })
}
