//! The subscriptions, as the database knows them. Triggers append what is said when one begins or ends.

use crate::lean::lean;
use crate::log::log::Appended;
use crate::log::position::Position;
use crate::log::presence::{Arrival, Attended, Changes, LIST, Listed, Listing, PRESENCE_LEASE, Presence, records};
use crate::log::relay::HolderId;
use crate::log::sqlite::append::heard_as;
use crate::log::sqlite::connection::{Connect, Value};
use crate::log::sqlite::log::{SqliteLog, uncertain};
use crate::log::sqlite::row::{array, integer, joined, millis, only, unexpected, whole};
use crate::log::unavailable::Unavailable;

/// Renews the lease of a holder, and returns what [`renewed`] reads.
const RENEW: &str = lean!(concat!(
    "INSERT INTO holders VALUES (?1, CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) + ?2)\n",
    "ON CONFLICT DO UPDATE SET lease = excluded.lease RETURNING\n",
    include_str!("held.sql"),
));
/// Ends what is over.
const SWEEP: &str = lean!(include_str!("sweep.sql"));
/// Forgets holders that hold nothing any more.
const FORGET: &str = "DELETE FROM holders \
    WHERE lease <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) \
    AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE subscriptions.holder = holders.holder)";
/// Ends what a holder has, apart from some subscribers.
const END_OTHERS: &str = "DELETE FROM subscriptions \
    WHERE holder = ?1 AND subscriber NOT IN (SELECT value FROM json_each(?2))";
/// Ends some subscribers.
const END: &str = "DELETE FROM subscriptions \
    WHERE subscriber IN (SELECT value FROM json_each(?2)) AND holder = ?1";
/// Takes subscribers who come back.
const COME_BACK: &str = lean!(include_str!("come_back.sql"));
/// Begins the subscriptions of those who have not come back.
const BEGIN: &str = lean!(include_str!("begin.sql"));
/// Lets subscribers go for a while.
const RELEASE: &str = "UPDATE subscriptions \
    SET holder = NULL, over = CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) + ?3 \
    WHERE subscriber IN (SELECT value FROM json_each(?2)) AND holder = ?1";
/// Returns what [`attended`] reads.
const ATTENDED: &str = lean!(concat!("SELECT\n", include_str!("held.sql"), include_str!("attended.sql")));
/// Whom to wake.
const WOKEN: &str = lean!(concat!("SELECT (\n", include_str!("woken.sql"), ")"));
/// Returns what [`listed`] reads.
const LISTED: &str = lean!(include_str!("listed.sql"));

impl<C: Connect> Presence for SqliteLog<C> {
    async fn attend(&self, changes: &Changes) -> Result<Attended, Unavailable> {
        if changes.is_empty() {
            let (_, renewed) = renewed(&only(self.execute(RENEW, lease(changes.holder)).await?)?)?;
            if !renewed.more {
                return Ok(renewed);
            }
        }
        let database = self.connected().await?;
        // After an error, the connection is closed, which takes all back.
        self.execute_on(&database, "BEGIN IMMEDIATE", vec![]).await?;
        let row = only(self.execute_on(&database, RENEW, lease(changes.holder)).await?)?;
        let (before, renewed) = renewed(&row)?;
        let mut row = Vec::new();
        for (statement, values) in steps(changes, &before, renewed.more) {
            row = self.execute_on(&database, statement, values).await?.pop().unwrap_or_default();
        }
        let mut attended = attended(&row, &before)?;
        if let Some((topics, appended)) = &mut attended.appended {
            let heard = vec![heard_as(&records(topics))];
            appended.listeners = woken(&only(self.execute_on(&database, WOKEN, heard).await?)?)?;
        }
        self.execute_on(&database, "COMMIT", vec![]).await.map_err(uncertain)?;
        Ok(attended)
    }

    async fn listed(&self, first: &str, end: &str) -> Result<Listed, Unavailable> {
        listed(&self.read(LISTED, range(first, end)).await?)
    }
}

/// The statements that make changes. The last returns what [`attended`] reads.
fn steps(changes: &Changes, before: &Value, over: bool) -> Vec<(&'static str, Vec<Value>)> {
    let holder = || id(changes.holder);
    let mut steps = Vec::new();
    if over {
        steps.extend([(SWEEP, vec![]), (FORGET, vec![])]);
    }
    if changes.whole {
        steps.push((END_OTHERS, vec![holder(), ids(changes.named())]));
    }
    if !changes.ended.is_empty() {
        steps.push((END, vec![holder(), ids(&changes.ended)]));
    }
    let back = comes_back(changes);
    if let Some(back) = &back {
        steps.push((COME_BACK, vec![holder(), back.clone()]));
    }
    if !changes.arrivals.is_empty() {
        steps.push((BEGIN, vec![holder(), begins(changes)]));
    }
    if !changes.released.is_empty() {
        steps.push((RELEASE, vec![holder(), ids(&changes.released), millis(changes.grace)]));
    }
    steps.push((ATTENDED, vec![holder(), back.unwrap_or(Value::Null), before.clone()]));
    steps
}

/// A holder. SQLite's numbers are signed.
fn id(holder: HolderId) -> Value {
    Value::Integer(holder.cast_signed())
}

/// What is bound to [`RENEW`].
fn lease(holder: HolderId) -> Vec<Value> {
    vec![id(holder), millis(PRESENCE_LEASE)]
}

/// The ids of subscribers.
fn ids<'a>(subscribers: impl IntoIterator<Item = &'a String>) -> Value {
    array(subscribers.into_iter().map(String::as_str))
}

/// Who says that it comes back: the subscriber, the ticket that it shows, its next ticket, and what it follows.
fn comes_back<'a>(changes: &'a Changes) -> Option<Value> {
    let who = |arrival: &'a Arrival| {
        let (subscriber, shown) = arrival.back.as_ref()?;
        // As many as of those who begin: this is in the component once.
        Some([subscriber.as_str(), shown, &arrival.ticket, &arrival.what, "", ""])
    };
    let who: Vec<_> = changes.arrivals.iter().filter_map(who).collect();
    (!who.is_empty()).then(|| array(who))
}

/// What each arrival follows: as whom it came back, its subscriber, its ticket, what it follows, and of each
/// subscription topic and document.
fn begins(changes: &Changes) -> Value {
    let mut rows = Vec::new();
    for arrival in &changes.arrivals {
        let back = arrival.back.as_ref().map_or("", |(subscriber, _)| subscriber);
        let Arrival { subscriber, ticket, what, .. } = arrival;
        for Listing { topic, document } in &arrival.listings {
            rows.push([back, subscriber.as_str(), ticket, what, topic, document]);
        }
    }
    array(rows)
}

/// How far the log was, how many subscribers are held, and whether something is over.
fn renewed(row: &[Value]) -> Result<(Value, Attended), Unavailable> {
    let [head, held, due, ..] = row else { return Err(unexpected()) };
    let held = usize::try_from(whole(held)?).map_err(|_| unexpected())?;
    Ok((head.clone(), Attended { held, more: whole(due)? != 0, ..Attended::default() }))
}

/// What came of changes, but for whom to wake: after what [`renewed`] reads, the epoch, who came back, and the topics
/// of what was appended after `before`.
fn attended(row: &[Value], before: &Value) -> Result<Attended, Unavailable> {
    let (_, mut attended) = renewed(row)?;
    let [_, _, _, Value::Text(epoch), back, topics] = row else { return Err(unexpected()) };
    attended.back = joined(back)?.map(str::to_owned).collect();
    if let Value::Text(topics) = topics {
        let first = Position { epoch: epoch.clone(), sequence: whole(before)?.saturating_add(1) };
        let topics = topics.split('\n').map(str::to_owned).collect();
        attended.appended = Some((topics, Appended { first, listeners: Vec::new() }));
    }
    Ok(attended)
}

/// The ports of those to wake.
fn woken(row: &[Value]) -> Result<Vec<u16>, Unavailable> {
    let ports = joined(row.first().unwrap_or(&Value::Null))?;
    ports.map(|port| port.parse().map_err(|_| unexpected())).collect()
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
