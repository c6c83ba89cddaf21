//! Runs of updates in memory, to serve many subscribers from one read.

use std::collections::VecDeque;

use crate::hub::log::Entry;

/// How much the tail keeps of what came last: a subscriber that falls behind further is served from the log.
pub const RING_BYTES: usize = 1024 * 1024;
/// And how many updates of it.
pub const RING_UPDATES: usize = 4_096;

/// A run of the log without holes: all updates from one sequence to another.
#[derive(Debug)]
pub struct Run {
    /// The sequence before the first update.
    after: u64,
    bytes: usize,
    entries: VecDeque<Entry>,
}

impl Run {
    /// An empty run that begins after a sequence.
    pub fn new(after: u64) -> Self {
        Run { after, bytes: 0, entries: VecDeque::new() }
    }

    /// The sequence of the last update, or the one before the first where there is none.
    pub fn head(&self) -> u64 {
        self.entries.back().map_or(self.after, |entry| entry.sequence)
    }

    /// Adds updates that follow the head.
    pub fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.bytes = self.bytes.saturating_add(entry.size());
            self.entries.push_back(entry);
        }
    }

    /// Lets go of the oldest when the run is longer than a ring may be; of a page nothing may go, or who reads it there
    /// would find it missing for ever.
    pub fn trim(&mut self) {
        while self.entries.len() > RING_UPDATES || (self.bytes > RING_BYTES && self.entries.len() > 1) {
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(entry.size());
            self.after = entry.sequence;
        }
    }

    /// Whether there is an update after `cursor` here, and none between.
    pub fn covers(&self, cursor: u64) -> bool {
        cursor >= self.after && cursor < self.head()
    }

    /// The updates after `cursor`, which must be covered.
    pub fn following(&self, cursor: u64) -> impl Iterator<Item = &Entry> {
        self.entries.range(self.entries.partition_point(|entry| entry.sequence <= cursor)..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::log::{Record, record};

    fn entries(sequences: impl Iterator<Item = u64>, size: usize) -> Vec<Entry> {
        let mut page = Vec::new();
        for sequence in sequences {
            let record = Record { id: None, meta: "-t\n".to_owned(), body: "x".repeat(size) };
            record::write(&mut page, "e", sequence, &record);
        }
        record::parse(page.into()).unwrap()
    }

    fn sequences<'r>(entries: impl Iterator<Item = &'r Entry>) -> Vec<u64> {
        entries.map(|entry| entry.sequence).collect()
    }

    #[test]
    fn a_run_serves_every_cursor_inside_it() {
        let mut run = Run::new(10);
        assert!(!run.covers(10));
        run.extend(entries(11..=13, 1));
        assert!(!run.covers(9) && run.covers(10) && run.covers(12) && !run.covers(13) && !run.covers(99));
        assert_eq!(sequences(run.following(10)), [11, 12, 13]);
        assert_eq!(sequences(run.following(12)), [13]);
    }

    #[test]
    fn a_run_lets_go_of_the_oldest_when_there_are_too_many() {
        let mut run = Run::new(0);
        run.extend(entries(1..=RING_UPDATES as u64 + 5, 1));
        run.trim();
        assert!(!run.covers(4) && run.covers(5));
        assert_eq!(run.following(5).next().unwrap().sequence, 6);
    }

    #[test]
    fn a_run_lets_go_of_the_oldest_when_they_are_too_large_but_keeps_one() {
        let mut run = Run::new(0);
        run.extend(entries(1..=3, RING_BYTES / 2));
        run.trim();
        assert_eq!(sequences(run.following(2)), [3]);
        assert!(!run.covers(1));
        run.extend(entries(4..=4, RING_BYTES * 2));
        run.trim();
        assert_eq!(sequences(run.following(3)), [4]);
    }
}
