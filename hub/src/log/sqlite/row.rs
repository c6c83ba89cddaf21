//! Values that go to the database, and rows that it answers with.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::log::ended::{self, Ended};
use crate::log::interest::Interest;
use crate::log::log::{AsOf, Page};
use crate::log::position::Extent;
use crate::log::record;
use crate::log::sqlite::connection::{Rows, Value};
use crate::log::unavailable::Unavailable;

/// A number as SQLite has it; one that is too large is the largest.
pub(super) fn integer(number: impl TryInto<i64>) -> Value {
    Value::Integer(number.try_into().unwrap_or(i64::MAX))
}

/// A time in milliseconds.
pub(super) fn millis(duration: Duration) -> Value {
    integer(duration.as_millis())
}

/// A JSON array of texts, of whole numbers, or of tuples of them.
pub(super) fn array<T: Serialize>(values: impl IntoIterator<Item = T>) -> Value {
    // A `Value` of `serde_json` can be a map or a fraction, and knowing how to print those costs the component 11 KB.
    let values: Vec<T> = values.into_iter().collect();
    // Of these, this does not fail.
    Value::Text(serde_json::to_string(values.as_slice()).unwrap_or_default())
}

/// A JSON array of topics.
pub(super) fn topics(topics: &[Rc<str>]) -> Value {
    array(topics.iter().map(|topic| &**topic))
}

/// What a read is bound to: one sequence, or a JSON array of a topic and a sequence each.
pub(super) fn interest(interest: &Interest) -> Value {
    match interest {
        Interest::All(after) => integer(*after),
        Interest::Topics(topics) => {
            array(topics.iter().map(|(topic, after)| (&**topic, i64::try_from(*after).unwrap_or(i64::MAX))))
        }
    }
}

/// The only row.
pub(super) fn only(rows: Rows) -> Result<Vec<Value>, Unavailable> {
    rows.into_iter().next().ok_or_else(unexpected)
}

/// Where a log begins and ends: its epoch, its oldest sequence or NULL, its head, whether a topic has ended.
pub(super) fn extent(row: &[Value]) -> Result<Extent, Unavailable> {
    let [Value::Text(epoch), oldest, head, has_ended_topics] = row else { return Err(unexpected()) };
    let head = whole(head)?;
    let oldest = optional(oldest)?.unwrap_or_else(|| head.saturating_add(1));
    Ok(Extent { epoch: epoch.clone(), oldest, head, ends: Vec::new(), has_ended_topics: whole(has_ended_topics)? != 0 })
}

/// A page: its extent, 0 or NULL where nothing follows it, the topics that have ended and its records, both NULL for
/// none.
pub(super) fn page(mut row: Vec<Value>) -> Result<Page, Unavailable> {
    let (records, ended, followed) = (row.pop(), row.pop(), row.pop());
    let entries = match records {
        Some(Value::Blob(records)) => record::parse(Bytes::from(records))?,
        Some(Value::Null) => Vec::new(),
        _ => return Err(unexpected()),
    };
    let ended = self::ended(&ended.ok_or_else(unexpected)?)?;
    let extent = extent(&row)?;
    let followed = optional(&followed.ok_or_else(unexpected)?)? == Some(1);
    let last = entries.last().filter(|_| followed);
    let through = last.map_or(extent.head, |entry| entry.sequence);
    Ok(Page { extent, entries, through, ended })
}

/// The topics that have ended; NULL for none.
pub(super) fn ended(value: &Value) -> Result<Ended, Unavailable> {
    match value {
        Value::Text(text) => ended::parse(text).ok_or_else(unexpected),
        Value::Null => Ok(Vec::new()),
        _ => Err(unexpected()),
    }
}

/// An extent, and the last sequence before a moment, or NULL: then all that is kept came later.
pub(super) fn as_of(mut row: Vec<Value>) -> Result<AsOf, Unavailable> {
    let sequence = optional(&row.pop().ok_or_else(unexpected)?)?;
    let extent = extent(&row)?;
    Ok(AsOf { sequence: sequence.unwrap_or_else(|| extent.start().sequence), extent })
}

/// A number that is not negative.
pub(super) fn whole(value: &Value) -> Result<u64, Unavailable> {
    optional(value)?.ok_or_else(unexpected)
}

/// A number that is not negative, or NULL.
pub(super) fn optional(value: &Value) -> Result<Option<u64>, Unavailable> {
    match value {
        Value::Integer(number) => u64::try_from(*number).map(Some).map_err(|_| unexpected()),
        Value::Null => Ok(None),
        _ => Err(unexpected()),
    }
}

/// Numbers that are joined by commas, or NULL for none.
pub(super) fn joined(value: &Value) -> Result<impl Iterator<Item = &str>, Unavailable> {
    match value {
        Value::Text(text) => Ok(text.split_terminator(',')),
        Value::Null => Ok("".split_terminator(',')),
        _ => Err(unexpected()),
    }
}

/// The ports of listeners, joined by commas, or NULL for none.
pub(super) fn ports(value: &Value) -> Result<Vec<u16>, Unavailable> {
    joined(value)?.map(|port| port.parse().map_err(|_| unexpected())).collect()
}

/// Someone else writes to this database.
pub(super) fn unexpected() -> Unavailable {
    Unavailable::new("the database answered in a shape the hub does not know: give the hub a database of its own")
}
