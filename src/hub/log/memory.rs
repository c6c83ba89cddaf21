//! A log in memory: the laws of [`Log`] in their plainest form, for tests.

use std::cell::RefCell;

use bytes::Bytes;

use crate::hub::log::{Extent, Log, PAGE_BYTES, PAGE_UPDATES, Page, Position, Record, Unavailable, record};

/// Lives as long as the value.
#[derive(Debug)]
pub struct MemoryLog {
    epoch: String,
    history: usize,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    head: u64,
    records: Vec<(u64, Record)>,
}

impl MemoryLog {
    /// An empty log that keeps the last `history` updates.
    pub fn new(epoch: &str, history: usize) -> Self {
        MemoryLog { epoch: epoch.to_owned(), history, state: RefCell::default() }
    }
}

#[cfg(test)]
impl MemoryLog {
    /// Makes a hole, which the log itself never does.
    pub(crate) fn remove(&self, sequence: u64) {
        self.state.borrow_mut().records.retain(|(at, _)| *at != sequence);
    }
}

impl Log for MemoryLog {
    async fn append(&self, records: &[Record]) -> Result<Position, Unavailable> {
        let mut state = self.state.borrow_mut();
        let first = state.head.saturating_add(1);
        for record in records {
            state.head = state.head.saturating_add(1);
            let sequence = state.head;
            state.records.push((sequence, record.clone()));
        }
        let surplus = state.records.len().saturating_sub(self.history);
        state.records.drain(..surplus);
        Ok(Position { epoch: self.epoch.clone(), sequence: first })
    }

    async fn after(&self, sequence: u64) -> Result<Page, Unavailable> {
        let extent = self.extent().await?;
        let mut page = Vec::new();
        let state = self.state.borrow();
        let following = state.records.iter().filter(|(at, _)| *at > sequence);
        for (at, record) in following.take(PAGE_UPDATES) {
            if page.len() >= PAGE_BYTES {
                break;
            }
            record::write(&mut page, &self.epoch, *at, record);
        }
        Ok(Page { extent, entries: record::parse(Bytes::from(page))? })
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        let state = self.state.borrow();
        let oldest = state.records.first().map_or(state.head.saturating_add(1), |(sequence, _)| *sequence);
        Ok(Extent { epoch: self.epoch.clone(), oldest, head: state.head, ends: Vec::new() })
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        let state = self.state.borrow();
        Ok(state.records.iter().find(|(_, record)| record.id.as_deref() == Some(id)).map(|(sequence, _)| *sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::log::laws;

    #[test]
    fn a_log_in_memory_obeys_the_laws() {
        laws::check(|history| MemoryLog::new("memory", history));
    }
}
