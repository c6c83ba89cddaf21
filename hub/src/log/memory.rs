//! A log in memory, for tests: the laws of [`Log`] in their plainest form, and ways to break what the log keeps.

use std::cell::RefCell;

use bytes::Bytes;

use crate::log::log::{Log, PAGE_BYTES, PAGE_UPDATES, Page};
use crate::log::position::{EpochEnd, Extent, Position};
use crate::log::record::{self, Record};
use crate::log::unavailable::Unavailable;

/// Lives as long as the value.
#[derive(Debug)]
pub(crate) struct MemoryLog {
    history: usize,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    epoch: String,
    /// Of the epochs before this one, which it continues.
    ends: Vec<EpochEnd>,
    head: u64,
    records: Vec<Stored>,
}

#[derive(Debug)]
struct Stored {
    epoch: String,
    sequence: u64,
    record: Record,
}

impl MemoryLog {
    /// An empty log that keeps the last `history` updates.
    pub(crate) fn new(epoch: &str, history: usize) -> Self {
        let state = State { epoch: epoch.to_owned(), ends: Vec::new(), head: 0, records: Vec::new() };
        MemoryLog { history, state: RefCell::new(state) }
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
        let state = State { epoch: epoch.to_owned(), ends: Vec::new(), head: 0, records: Vec::new() };
        *self.state.borrow_mut() = state;
    }
}

impl Log for MemoryLog {
    async fn append(&self, records: &[Record]) -> Result<Position, Unavailable> {
        let mut state = self.state.borrow_mut();
        let first = Position { epoch: state.epoch.clone(), sequence: state.head + 1 };
        for record in records {
            state.head += 1;
            let (epoch, sequence) = (state.epoch.clone(), state.head);
            state.records.push(Stored { epoch, sequence, record: record.clone() });
        }
        let surplus = state.records.len().saturating_sub(self.history);
        state.records.drain(..surplus);
        Ok(first)
    }

    async fn after(&self, sequence: u64) -> Result<Page, Unavailable> {
        let extent = self.extent().await?;
        let mut page = Vec::new();
        let state = self.state.borrow();
        let following = state.records.iter().filter(|stored| stored.sequence > sequence);
        for stored in following.take(PAGE_UPDATES) {
            if page.len() >= PAGE_BYTES {
                break;
            }
            record::write(&mut page, &stored.epoch, stored.sequence, &stored.record);
        }
        Ok(Page { extent, entries: record::parse(Bytes::from(page))? })
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
