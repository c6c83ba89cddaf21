//! What Redis is told of who follows what, and what it answers.

use crate::log::log::Appended;
use crate::log::position::Position;
use crate::log::presence::{Attended, Changes, LIST, Listed, Listing, PRESENCE_LEASE, Presence, SWEEP};
use crate::log::redis::append;
use crate::log::redis::log::RedisLog;
use crate::log::redis::reply::{number, text, unexpected};
use crate::log::redis::script::{self, bytes, millis};
use crate::log::redis::server::{Server, Value};
use crate::log::unavailable::Unavailable;

impl<S: Server> Presence for RedisLog<S> {
    async fn attend(&self, changes: &Changes) -> Result<Attended, Unavailable> {
        let keys = append::keys(&self.keys, &[]);
        let random = self.connector.server.random();
        let told = told(changes);
        let reply = self.connector.with(async |to| {
            let mut values = append::values(&to.run_id, random, self.retention, &[]);
            values.extend(told);
            script::ATTEND.run(&to.connection, &keys, values).await
        });
        attended(reply.await?)
    }

    async fn listed(&self, first: &str, end: &str) -> Result<Listed, Unavailable> {
        let keys = [self.keys.hub.clone(), self.keys.subscriptions(), self.keys.leases()];
        let values = [first, end, &LIST.to_string()].map(bytes);
        listed(self.ask(&script::LISTED, &keys, &|_| values.to_vec()).await?)
    }
}

/// What the script is told after what it is told to append.
fn told(changes: &Changes) -> Vec<Vec<u8>> {
    let mut told = Vec::new();
    let mut tell = |text: &str| told.push(bytes(text));
    let Changes { holder, named, arrivals, ended, released, grace } = changes;
    tell(&holder.to_string());
    tell(&millis(PRESENCE_LEASE));
    tell(&millis(*grace));
    tell(&SWEEP.to_string());
    tell(if named.is_some() { "1" } else { "0" });
    for count in [arrivals.len(), ended.len(), released.len()] {
        tell(&count.to_string());
    }
    for arrival in arrivals {
        let (back, shown) = arrival.back.as_ref().map_or(("", ""), |(back, shown)| (back, shown));
        for text in [&arrival.subscriber, &arrival.ticket, back, shown, &arrival.what] {
            tell(text);
        }
        tell(&arrival.listings.len().to_string());
        for listing in &arrival.listings {
            tell(&listing.topic);
            tell(&listing.document);
        }
    }
    ended.iter().chain(released).chain(named.iter().flatten()).for_each(|subscriber| tell(subscriber));
    told
}

fn attended(reply: Vec<Value>) -> Result<Attended, Unavailable> {
    let mut values = reply.into_iter();
    let held = count(values.next())?;
    let more = number(values.next())? != 0;
    let back = texts(&mut values)?;
    let topics = texts(&mut values)?;
    let appended = match topics.as_slice() {
        [] => None,
        _ => {
            let sequence = number(values.next())?;
            let first = Position { sequence, epoch: text(values.next())? };
            Some((topics, Appended { first, listeners: Vec::new() }))
        }
    };
    Ok(Attended { back, held, more, appended })
}

fn listed(reply: Vec<Value>) -> Result<Listed, Unavailable> {
    let mut values = reply.into_iter();
    let epoch = text(values.next())?;
    let head = Position { epoch, sequence: number(values.next())? };
    let over = number(values.next())? != 0;
    let listing = |value| {
        let text = text(Some(value))?;
        let (topic, document) = text.split_once('\0').ok_or_else(unexpected)?;
        Ok(Listing { topic: topic.to_owned(), document: document.to_owned() })
    };
    Ok(Listed { head, over, listings: values.map(listing).collect::<Result<_, Unavailable>>()? })
}

/// Reads texts, after how many they are.
fn texts(values: &mut impl Iterator<Item = Value>) -> Result<Vec<String>, Unavailable> {
    let count = count(values.next())?;
    let texts: Vec<_> = values.take(count).map(|value| text(Some(value))).collect::<Result<_, _>>()?;
    if texts.len() == count { Ok(texts) } else { Err(unexpected()) }
}

fn count(value: Option<Value>) -> Result<usize, Unavailable> {
    usize::try_from(number(value)?).map_err(|_| unexpected())
}
