//! Segments of the log in memory: many sessions are served from one read.

use std::collections::VecDeque;

use crate::log::Entry;

/// How many bytes of the newest updates are kept. A session that is further behind is served from the log.
pub(crate) const NEWEST_BYTES: usize = 1024 * 1024;
/// How many of the newest updates are kept.
pub(crate) const NEWEST_UPDATES: usize = 4_096;

/// A segment of the log without holes: all updates from one sequence to another.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The sequence before the first update.
    after: u64,
    bytes: usize,
    entries: VecDeque<Entry>,
}

impl Segment {
    /// An empty segment that begins after a sequence.
    pub(crate) fn new(after: u64) -> Self {
        Segment { after, bytes: 0, entries: VecDeque::new() }
    }

    /// The sequence of the last update, or the one before the first where there is none.
    pub(crate) fn head(&self) -> u64 {
        self.entries.back().map_or(self.after, |entry| entry.sequence)
    }

    /// Adds updates that follow the head.
    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.bytes = self.bytes.saturating_add(entry.size());
            self.entries.push_back(entry);
        }
    }

    /// Drops the oldest updates when there are more than a cache may keep of the newest. A page is never trimmed: a
    /// session that reads it would miss the dropped updates for ever.
    pub(crate) fn trim(&mut self) {
        while self.entries.len() > NEWEST_UPDATES || (self.bytes > NEWEST_BYTES && self.entries.len() > 1) {
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(entry.size());
            self.after = entry.sequence;
        }
    }

    /// Whether there is an update after `cursor` here, and none between.
    pub(crate) fn covers(&self, cursor: u64) -> bool {
        cursor >= self.after && cursor < self.head()
    }

    /// The updates after `cursor`, which must be covered.
    pub(crate) fn following(&self, cursor: u64) -> impl Iterator<Item = &Entry> {
        self.entries.range(self.entries.partition_point(|entry| entry.sequence <= cursor)..)
    }
}

#[cfg(test)]
impl Segment {
    /// Whether it holds no more than a cache may keep of the newest.
    pub(super) fn is_bounded(&self) -> bool {
        self.entries.len() <= NEWEST_UPDATES && (self.bytes <= NEWEST_BYTES || self.entries.len() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Record;
    use crate::log::record;

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
    fn a_segment_serves_every_cursor_inside_it() {
        let mut segment = Segment::new(10);
        assert!(!segment.covers(10));
        segment.extend(entries(11..=13, 1));
        assert!(
            !segment.covers(9)
                && segment.covers(10)
                && segment.covers(12)
                && !segment.covers(13)
                && !segment.covers(99)
        );
        assert_eq!(sequences(segment.following(10)), [11, 12, 13]);
        assert_eq!(sequences(segment.following(12)), [13]);
    }

    #[test]
    fn a_segment_drops_the_oldest_when_there_are_too_many() {
        let mut segment = Segment::new(0);
        segment.extend(entries(1..=NEWEST_UPDATES as u64 + 5, 1));
        segment.trim();
        assert!(!segment.covers(4) && segment.covers(5));
        assert_eq!(segment.following(5).next().unwrap().sequence, 6);
    }

    #[test]
    fn a_segment_drops_the_oldest_when_they_are_too_large_but_keeps_one() {
        let mut segment = Segment::new(0);
        segment.extend(entries(1..=3, NEWEST_BYTES / 2));
        segment.trim();
        assert_eq!(sequences(segment.following(2)), [3]);
        assert!(!segment.covers(1));
        segment.extend(entries(4..=4, NEWEST_BYTES * 2));
        segment.trim();
        assert_eq!(sequences(segment.following(3)), [4]);
    }
}
