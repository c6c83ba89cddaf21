//! A log in memory, for tests: the laws of [`Log`] in their plainest form, and ways to break what the log keeps.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::instant::Instant;
use crate::log::interest::Interest;
use crate::log::listener::{Census, Gathered, ListenerId, Peer, Registration};
use crate::log::log::{Appended, AsOf, Log, PAGE_BYTES, PAGE_UPDATES, Page};
use crate::log::position::{EpochEnd, Extent, Position};
use crate::log::record::{self, Record};
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
        let (ends, records, listeners) = (Vec::new(), Vec::new(), BTreeMap::new());
        State { epoch: epoch.to_owned(), ends, head: 0, records, listeners, gathered: None }
    }
}

impl Log for MemoryLog {
    async fn append(&self, records: &[Record]) -> Result<Appended, Unavailable> {
        let mut state = self.state.borrow_mut();
        let first = Position { epoch: state.epoch.clone(), sequence: state.head + 1 };
        for record in records {
            state.head += 1;
            let (epoch, sequence) = (state.epoch.clone(), state.head);
            state.records.push(Stored { epoch, sequence, time: self.clock.get(), record: record.clone() });
        }
        let surplus = state.records.len().saturating_sub(self.history);
        state.records.drain(..surplus);
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
        Ok(Page { extent, entries: record::parse(Bytes::from(page))?, through })
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
        Ok(Extent { epoch: state.epoch.clone(), oldest, head: state.head, ends })
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        let state = self.state.borrow();
        Ok(state.records.iter().find(|stored| stored.record.id.as_deref() == Some(id)).map(|stored| stored.sequence))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::laws;

    #[test]
    fn a_log_in_memory_obeys_the_laws() {
        laws::check(|history| MemoryLog::new("memory", history));
    }
}
