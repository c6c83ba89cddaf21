//! One relay: what it has read and not appended.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::instant::Instant;
use crate::log::{Position, Record};

/// A relay that has so many updates to append does not read on.
pub(super) const MAX_PENDING: usize = 100;
/// Nor one that has so many bytes of them. One update may exceed it.
pub(super) const MAX_PENDING_BYTES: usize = 64 * 1024;

/// An upstream that is read to its end.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) topic: Rc<str>,
    /// What this relay appended is up to here.
    pub(super) position: Position,
    /// What was read, and is not in an append.
    pub(super) pending: VecDeque<Record>,
    bytes: usize,
    /// A read of the upstream is under way.
    pub(super) reading: bool,
    /// The upstream has ended. The last update is pending, or in an append.
    pub(super) over: bool,
    /// How many updates are in an append.
    pub(super) appending: usize,
    /// How many updates were appended.
    pub(super) appended: u64,
    /// When the log last said that this relay holds its topic.
    pub(super) held_at: Instant,
}

impl Relay {
    pub(super) fn new(topic: Rc<str>, position: Position, now: Instant) -> Relay {
        Relay {
            topic,
            position,
            pending: VecDeque::new(),
            bytes: 0,
            reading: false,
            over: false,
            appending: 0,
            appended: 0,
            held_at: now,
        }
    }

    /// Whether the upstream is to be read.
    pub(super) fn is_thirsty(&self) -> bool {
        !self.reading && !self.over && self.pending.len() < MAX_PENDING && self.bytes < MAX_PENDING_BYTES
    }

    /// Whether everything that it will ever append is appended.
    pub(super) fn is_done(&self) -> bool {
        self.over && self.pending.is_empty() && self.appending == 0
    }

    pub(super) fn push(&mut self, record: Record) {
        self.bytes = self.bytes.saturating_add(record.size());
        self.pending.push_back(record);
    }

    pub(super) fn pop(&mut self) -> Option<Record> {
        let record = self.pending.pop_front()?;
        self.bytes = self.bytes.saturating_sub(record.size());
        Some(record)
    }
}
