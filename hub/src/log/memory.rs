//! A log in memory, for tests: the laws of [`Log`] in their plainest form, and ways to break what the log keeps.

mod presence;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use crate::instant::{Instant, after};
use crate::log::ended::{self, AppendError, Ended, MIN_ENDS};
use crate::log::interest::Interest;
use crate::log::listener::{Census, Gathered, ListenerId, Peer, Registration};
use crate::log::log::{Appended, AsOf, Log, PAGE_BYTES, PAGE_UPDATES, Page};
use crate::log::position::{EpochEnd, Extent, Position};
use crate::log::record::{self, Record};
use crate::log::relay::{Begun, HolderId, RELAY_LEASE};
use crate::log::unavailable::Unavailable;

/// Lives as long as the value.
#[derive(Debug)]
pub(crate) struct MemoryLog {
    history: usize,
    /// The time of what is appended.
    pub(crate) clock: Cell<Instant>,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    epoch: String,
    /// Of the epochs before this one, which it continues.
    ends: Vec<EpochEnd>,
    head: u64,
    records: Vec<Stored>,
    listeners: BTreeMap<ListenerId, Listener>,
    /// When listeners were told to end their streams.
    gathered: Option<Instant>,
    /// The topics that have ended, the one that ended first comes first.
    ended: Ended,
    relays: BTreeMap<String, Relay>,
    present: presence::Present,
}

#[derive(Debug)]
struct Relay {
    holder: HolderId,
    over: Instant,
    left: Record,
}

#[derive(Debug, Default)]
struct Listener {
    topics: Vec<String>,
    streams: u32,
    drains: bool,
}

#[derive(Debug)]
struct Stored {
    epoch: String,
    sequence: u64,
    time: Instant,
    record: Record,
}

impl MemoryLog {
    /// An empty log that keeps the last `history` updates.
    pub(crate) fn new(epoch: &str, history: usize) -> Self {
        MemoryLog { history, clock: Cell::new(0), state: RefCell::new(State::new(epoch)) }
    }

    /// Makes a hole, which the log itself never does.
    pub(crate) fn remove(&self, sequence: u64) {
        self.state.borrow_mut().records.retain(|stored| stored.sequence != sequence);
    }

    /// Loses the last `count` updates and goes on under another epoch, as a Redis that was not durable.
    pub(crate) fn lose_end(&self, count: u64, epoch: &str) {
        let mut state = self.state.borrow_mut();
        state.head = state.head.saturating_sub(count);
        let head = state.head;
        state.records.retain(|stored| stored.sequence <= head);
        state.ended.retain(|(_, end)| *end <= head);
        for end in &mut state.ends {
            end.sequence = end.sequence.min(head);
        }
        let ended = std::mem::replace(&mut state.epoch, epoch.to_owned());
        state.ends.push(EpochEnd { epoch: ended, sequence: head });
    }

    /// Loses everything and begins under another epoch.
    pub(crate) fn forget(&self, epoch: &str) {
        *self.state.borrow_mut() = State::new(epoch);
    }

    /// Forgets that topics have ended, as a log does when that is long ago.
    pub(crate) fn forget_ends(&self) {
        self.state.borrow_mut().ended.clear();
    }

    /// The listeners that registered one of these topics, or all.
    pub(crate) fn hears(&self, topics: &[&str]) -> Vec<ListenerId> {
        let state = self.state.borrow();
        let hears = |listener: &Listener| {
            listener.topics.iter().any(|registered| registered == "*" || topics.contains(&registered.as_str()))
        };
        state.listeners.iter().filter(|(_, listener)| hears(listener)).map(|(id, _)| *id).collect()
    }
}

impl State {
    fn new(epoch: &str) -> State {
        State {
            epoch: epoch.to_owned(),
            ends: Vec::new(),
            head: 0,
            records: Vec::new(),
            listeners: BTreeMap::new(),
            gathered: None,
            ended: Vec::new(),
            relays: BTreeMap::new(),
            present: presence::Present::default(),
        }
    }

    fn end_of(&self, topic: &str) -> Option<u64> {
        self.ended.iter().find(|(ended, _)| &**ended == topic).map(|(_, end)| *end)
    }
}

impl Log for MemoryLog {
    async fn append(&self, records: &[Record]) -> Result<Appended, AppendError> {
        ended::check(records)?;
        let mut state = self.state.borrow_mut();
        let first = Position { epoch: state.epoch.clone(), sequence: state.head + 1 };
        for topic in records.iter().flat_map(Record::topics) {
            if state.end_of(topic).is_some() {
                return Err(AppendError::Ended(topic.to_owned()));
            }
        }
        for record in records {
            state.head += 1;
            let (epoch, sequence) = (state.epoch.clone(), state.head);
            let topics = record.topics().filter(|_| record.last);
            for topic in topics {
                if state.end_of(topic).is_none() {
                    state.ended.push((Rc::from(topic), sequence));
                }
                state.relays.remove(topic);
            }
            state.records.push(Stored { epoch, sequence, time: self.clock.get(), record: record.clone() });
        }
        let surplus = state.records.len().saturating_sub(self.history);
        state.records.drain(..surplus);
        let surplus = state.ended.len().saturating_sub(self.history.max(MIN_ENDS as usize));
        state.ended.drain(..surplus);
        Ok(Appended { first, listeners: Vec::new() })
    }

    async fn after(&self, interest: &Interest) -> Result<Page, Unavailable> {
        let extent = self.extent().await?;
        let mut page = Vec::new();
        let state = self.state.borrow();
        let wanted = |stored: &&Stored| match interest {
            Interest::All(after) => stored.sequence > *after,
            Interest::Topics(topics) => topics.iter().any(|(topic, after)| {
                stored.sequence > *after && stored.record.topics().any(|about| about == &**topic)
            }),
        };
        let (mut count, mut through) = (0, extent.head);
        for stored in state.records.iter().filter(wanted) {
            if count == PAGE_UPDATES || page.len() >= PAGE_BYTES {
                break;
            }
            count += 1;
            record::write(&mut page, &stored.epoch, stored.sequence, &stored.record);
            through = stored.sequence;
        }
        if count < PAGE_UPDATES && page.len() < PAGE_BYTES {
            through = extent.head;
        }
        let is_of_interest = |(topic, end): &&(Rc<str>, u64)| match interest {
            Interest::All(after) => (*after + 1..=through).contains(end),
            Interest::Topics(topics) => topics.iter().any(|(wanted, _)| wanted == topic),
        };
        let ended = state.ended.iter().filter(is_of_interest).cloned().collect();
        Ok(Page { extent, entries: record::parse(Bytes::from(page))?, through, ended })
    }

    async fn as_of(&self, moment: Instant) -> Result<AsOf, Unavailable> {
        let extent = self.extent().await?;
        let state = self.state.borrow();
        let later = state.records.iter().find(|stored| stored.time >= moment);
        Ok(AsOf { sequence: later.map_or(extent.head, |stored| stored.sequence - 1), extent })
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        let state = self.state.borrow();
        let oldest = state.records.first().map_or(state.head + 1, |stored| stored.sequence);
        let mut ends = state.ends.clone();
        if !ends.is_empty() {
            ends.push(EpochEnd { epoch: state.epoch.clone(), sequence: state.head });
        }
        let has_ended_topics = !state.ended.is_empty();
        Ok(Extent { epoch: state.epoch.clone(), oldest, head: state.head, ends, has_ended_topics })
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        let state = self.state.borrow();
        Ok(state.records.iter().find(|stored| stored.record.id.as_deref() == Some(id)).map(|stored| stored.sequence))
    }

    async fn ended(&self, topics: &[Rc<str>]) -> Result<Ended, Unavailable> {
        let state = self.state.borrow();
        Ok(state.ended.iter().filter(|(topic, _)| topics.contains(topic)).cloned().collect())
    }

    async fn register(&self, registration: &Registration) -> Result<Census, Unavailable> {
        let mut state = self.state.borrow_mut();
        let known = state.listeners.contains_key(&registration.listener);
        let listener = state.listeners.entry(registration.listener).or_default();
        listener.streams = registration.streams;
        listener.topics.retain(|topic| !registration.removed.iter().any(|removed| **removed == **topic));
        listener.topics.extend(registration.added.iter().map(|topic| topic.to_string()));
        let peer = |(id, listener): (&ListenerId, &Listener)| Peer {
            listener: *id,
            streams: listener.streams,
            drains: listener.drains,
        };
        let peers = state.listeners.iter().map(peer).collect();
        let millis = |at: Instant| (at / 1_000_000).cast_signed();
        let gathered = |at| Gathered { at: millis(at), ago: millis(self.clock.get()) - millis(at) };
        let gathered = state.gathered.map(gathered);
        Ok(Census { head: Position { epoch: state.epoch.clone(), sequence: state.head }, known, peers, gathered })
    }

    async fn unregister(&self, listener: ListenerId) -> Result<(), Unavailable> {
        self.state.borrow_mut().listeners.remove(&listener);
        Ok(())
    }

    async fn drain(&self, listeners: &[ListenerId], pause: Duration) -> Result<bool, Unavailable> {
        let (mut state, now) = (self.state.borrow_mut(), self.clock.get());
        if state.gathered.is_some_and(|at| u128::from(at.abs_diff(now)) < pause.as_nanos()) {
            return Ok(false);
        }
        state.gathered = Some(now);
        for (id, listener) in &mut state.listeners {
            listener.drains = listeners.contains(id);
        }
        Ok(true)
    }

    async fn begin_relay(&self, topic: &str, holder: HolderId, left: &Record) -> Result<Begun, Unavailable> {
        let mut state = self.state.borrow_mut();
        if state.end_of(topic).is_some() {
            return Ok(Begun::Ended);
        }
        let over = after(self.clock.get(), RELAY_LEASE);
        let relay = state.relays.entry(topic.to_owned()).or_insert_with(|| Relay { holder, over, left: left.clone() });
        if relay.holder != holder {
            return Ok(Begun::Running);
        }
        relay.over = over;
        Ok(Begun::Held(Position { epoch: state.epoch.clone(), sequence: state.head }))
    }

    async fn has_any(&self, topics: &[Rc<str>]) -> Result<bool, Unavailable> {
        let state = self.state.borrow();
        let is_about =
            |topic: &str| state.records.iter().any(|stored| stored.record.topics().any(|about| about == topic));
        Ok(topics.iter().any(|topic| state.relays.contains_key(&**topic) || is_about(topic)))
    }

    async fn held(&self, holder: HolderId, topics: &[Rc<str>], renew: bool) -> Result<Vec<String>, Unavailable> {
        let mut held = Vec::new();
        for (topic, relay) in &mut self.state.borrow_mut().relays {
            if relay.holder == holder && topics.iter().any(|other| **other == **topic) {
                held.push(topic.clone());
                if renew {
                    relay.over = after(self.clock.get(), RELAY_LEASE);
                }
            }
        }
        Ok(held)
    }

    async fn take_over(&self, holder: HolderId, but: &[Rc<str>]) -> Result<Vec<Record>, Unavailable> {
        let mut left = Vec::new();
        for (topic, relay) in &mut self.state.borrow_mut().relays {
            let is_excluded = but.iter().any(|other| **other == **topic);
            if relay.over <= self.clock.get() && relay.holder != holder && !is_excluded {
                (relay.holder, relay.over) = (holder, after(self.clock.get(), RELAY_LEASE));
            }
            if relay.holder == holder {
                left.push(relay.left.clone());
            }
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::laws;

    #[test]
    fn a_log_in_memory_obeys_the_laws() {
        laws::check(|history| MemoryLog::new("memory", history));
        laws::presence::check(|| MemoryLog::new("memory", 10_000), |log, holder| log.lapse(holder));
    }
}
