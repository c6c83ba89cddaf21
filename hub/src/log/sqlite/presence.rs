//! The subscriptions, as the database knows them. Triggers append what is said when one begins or ends.

use crate::lean::lean;
use crate::log::log::Appended;
use crate::log::position::Position;
use crate::log::presence::{Arrival, Attended, Changes, LIST, Listed, Listing, PRESENCE_LEASE, Presence};
use crate::log::sqlite::connection::{Connect, Value};
use crate::log::sqlite::log::SqliteLog;
use crate::log::sqlite::row::{array, integer, joined, millis, ports, unexpected, whole};
use crate::log::unavailable::Unavailable;

/// Makes changes, and returns what [`attended`] reads.
const ATTEND: &str = lean!(include_str!("attend.sql"));
/// Returns what [`listed`] reads.
const LISTED: &str = lean!(include_str!("listed.sql"));

impl<C: Connect> Presence for SqliteLog<C> {
    async fn attend(&self, changes: &Changes) -> Result<Attended, Unavailable> {
        attended(&self.row(ATTEND, values(changes)).await?)
    }

    async fn listed(&self, first: &str, end: &str) -> Result<Listed, Unavailable> {
        listed(&self.read(LISTED, range(first, end)).await?)
    }
}

/// What is bound to [`ATTEND`].
fn values(changes: &Changes) -> Vec<Value> {
    vec![
        Value::Integer(changes.holder.cast_signed()),
        millis(PRESENCE_LEASE),
        changes.named.as_deref().map_or(Value::Null, ids),
        ids(&changes.ended),
        arrivals(changes),
        ids(&changes.released),
        millis(changes.grace),
    ]
}

/// The ids of subscribers.
fn ids(subscribers: &[String]) -> Value {
    array(subscribers.iter().map(String::as_str))
}

/// What each arrival follows.
fn arrivals(changes: &Changes) -> Value {
    let mut rows = Vec::new();
    for Arrival { subscriber, ticket, back, what, listings } in &changes.arrivals {
        let (back, shown) = back.as_ref().map_or(("", ""), |(back, shown)| (back, shown));
        for Listing { topic, document } in listings {
            rows.push([back, shown, subscriber, ticket, what, topic, document]);
        }
    }
    array(rows)
}

/// What came of changes.
fn attended(row: &[Value]) -> Result<Attended, Unavailable> {
    let [held, over, Value::Text(epoch), back, first, topics, listeners] = row else { return Err(unexpected()) };
    let mut appended = None;
    if let Value::Text(topics) = topics {
        let first = Position { epoch: epoch.clone(), sequence: whole(first)? };
        let listeners = ports(listeners)?;
        appended = Some((topics.split('\n').map(str::to_owned).collect(), Appended { first, listeners }));
    }
    Ok(Attended {
        back: joined(back)?.map(str::to_owned).collect(),
        held: usize::try_from(whole(held)?).map_err(|_| unexpected())?,
        more: whole(over)? != 0,
        appended,
    })
}

/// What is bound to [`LISTED`].
fn range(first: &str, end: &str) -> Vec<Value> {
    vec![Value::Text(first.to_owned()), Value::Text(end.to_owned()), integer(LIST)]
}

/// Where the log ended, and subscriptions: the topic and the document of each, a line each.
fn listed(row: &[Value]) -> Result<Listed, Unavailable> {
    let [Value::Text(epoch), head, lines, over] = row else { return Err(unexpected()) };
    let mut listings = Vec::new();
    if let Value::Text(lines) = lines {
        let mut lines = lines.split('\n').map(str::to_owned);
        while let (Some(topic), Some(document)) = (lines.next(), lines.next()) {
            listings.push(Listing { topic, document });
        }
    }
    let head = Position { epoch: epoch.clone(), sequence: whole(head)? };
    Ok(Listed { head, over: whole(over)? != 0, listings })
}
