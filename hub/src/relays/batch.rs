//! What the relays of an instance append at once.

use std::time::Duration;

use crate::instant::Instant;
use crate::log::Record;
use crate::relays::action::RelayId;

/// How many updates are appended at once at most.
pub(super) const MAX_UPDATES: usize = 1_000;
/// How many bytes are appended at once at most. One update may exceed it.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// So long after an append has begun the next one begins: what comes meanwhile is one append.
const PAUSE: Duration = Duration::from_millis(10);
/// Or so many times what the append took, if that is longer. Where many instances append, each waits for the others:
/// more appends would make all of them wait longer.
const SHARE: u32 = 2;
/// No pause is longer.
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// How long after an append that took so long has begun the next one begins.
pub(super) fn pause(took: Duration) -> Duration {
    took.saturating_mul(SHARE).clamp(PAUSE, MAX_PAUSE)
}

/// Updates that go to the log as one, and what became of that.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) updates: Vec<(RelayId, Record)>,
    pub(super) state: BatchState,
    /// When the present append has begun.
    pub(super) began: Instant,
}

/// How far an append is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchState {
    /// The log has not answered, whether it was asked to append or to find.
    Asked,
    /// Nothing was appended. It is tried again.
    Refused,
    /// It is not known whether the updates were appended. The log is asked.
    Uncertain,
}

impl Batch {
    pub(super) fn records(&self) -> Vec<Record> {
        self.updates.iter().map(|(_, record)| record.clone()).collect()
    }
}
