//! The cache of the log: which segments of the log are in memory, and which log it is.

use crate::fanout::segment::Segment;
use crate::log::{Entry, EpochEnd, Extent, Page, Position};

/// How many pages are kept for sessions that catch up. Sessions that come back together read the same pages.
const PAGES: usize = 8;

/// The newest segment of the log, and older segments for sessions that catch up.
#[derive(Debug)]
pub(crate) struct LogCache {
    /// What the log was when it was last read.
    log: Extent,
    /// What the log was each time it turned out to have lost updates, or to be another one.
    replacements: Vec<Extent>,
    newest: Segment,
    /// The page that was used last comes last.
    pages: Vec<Segment>,
}

/// Whether a session can go on from its position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// The position is in this log.
    Valid,
    /// The log lost what follows the position, and goes on from here.
    Truncated(Position),
    /// This instance never saw the position's epoch.
    UnknownEpoch,
}

/// A read of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Where the log begins and ends: the first read of an instance.
    Extent,
    /// What follows this sequence, the end of the cache.
    Head(u64),
    /// What a session missed that is at this sequence.
    Backfill(u64),
}

/// What a page changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Absorbed {
    /// The cache may have more for the sessions.
    Extended,
    /// The log has a hole: a session at `from` or after it, but before `to`, has a gap and goes on from `to`.
    Hole {
        /// The first position before the hole.
        from: u64,
        /// The position after the hole.
        to: Position,
    },
    /// The log lost updates, or is another one. A session that has seen those updates has a gap. The head must be read
    /// again.
    Replaced,
}

impl LogCache {
    /// An empty cache of a log, which begins at the end of the log.
    pub(crate) fn new(log: Extent) -> Self {
        LogCache { newest: Segment::new(log.head), log, replacements: Vec::new(), pages: Vec::new() }
    }

    /// An empty cache that begins at `position`, for a log of which nothing else is known.
    pub(crate) fn at(position: &Position) -> Self {
        let (epoch, head) = (position.epoch.clone(), position.sequence);
        LogCache::new(Extent { epoch, oldest: head.saturating_add(1), head, ends: Vec::new() })
    }

    /// How often the log was replaced. A session keeps the generation in which its position was valid.
    pub(crate) fn generation(&self) -> usize {
        self.replacements.len()
    }

    /// Whether a session can go on from `position`, which was valid in `generation`.
    pub(crate) fn validity(&self, position: &Position, generation: usize) -> Validity {
        for extent in self.replacements.iter().skip(generation) {
            if !extent.knows(position) {
                return Validity::Truncated(extent.find(position).unwrap_or_else(|place| place));
            }
        }
        // The log may have grown since. What was pruned is found when it is read.
        if position.epoch == self.log.epoch || self.log.knows(position) {
            return Validity::Valid;
        }
        match self.log.find(position) {
            Err(place) if self.log.common(position).is_some() => Validity::Truncated(place),
            _ => Validity::UnknownEpoch,
        }
    }

    /// The log's present epoch.
    pub(crate) fn epoch(&self) -> &str {
        &self.log.epoch
    }

    /// Before the oldest update of the log.
    pub(crate) fn log_start(&self) -> Position {
        self.log.start()
    }

    /// After the newest update of the log, as of the last read.
    pub(crate) fn log_end(&self) -> Position {
        self.log.end()
    }

    /// The segment that has what follows `sequence`, if it is in memory.
    pub(crate) fn segment(&mut self, sequence: u64) -> Option<&Segment> {
        if self.newest.covers(sequence) {
            return Some(&self.newest);
        }
        let at = self.pages.iter().position(|page| page.covers(sequence))?;
        let page = self.pages.remove(at);
        self.pages.push(page);
        self.pages.last()
    }

    /// Whether a session at `position` has missed something that was read before.
    pub(crate) fn is_ahead_of(&self, position: &Position) -> bool {
        position.epoch == self.log.epoch && position.sequence < self.newest.head()
    }

    /// The end of what was read.
    pub(crate) fn head(&self) -> Position {
        self.position(self.newest.head())
    }

    /// Takes in entries that follow the head without a hole.
    pub(crate) fn extend(&mut self, entries: Vec<Entry>) {
        self.newest.extend(entries);
        self.newest.trim();
    }

    /// Takes in what a read returned. `since` was the head when the read began: the page need not know what was pushed
    /// since then.
    pub(crate) fn absorb(&mut self, read: Read, since: &Position, mut page: Page) -> Absorbed {
        if !page.extent.knows(since) {
            self.explain(&mut page.extent);
            self.replace(page.extent);
            return Absorbed::Replaced;
        }
        // A page may have updates that the log lost since.
        let (same_epoch, log_head) = (page.extent.epoch == self.log.epoch, page.extent.head);
        self.pages.retain(|page| same_epoch && page.head() <= log_head);
        self.log.clone_from(&page.extent);
        let cursor = match read {
            Read::Extent => return Absorbed::Extended,
            Read::Head(_) if self.newest.head() != since.sequence => return Absorbed::Extended,
            Read::Head(sequence) | Read::Backfill(sequence) => sequence,
        };
        let hole = self.hole(cursor, &page);
        let start = hole.as_ref().map_or(cursor, |(_, to)| to.sequence);
        // Only up to the next hole: what follows that hole is read next, and found to be after it.
        let entries = page.entries.into_iter().zip(start.saturating_add(1)..);
        let entries = entries.take_while(|(entry, at)| entry.sequence == *at).map(|(entry, _)| entry);
        if let Read::Head(_) = read {
            if hole.is_some() {
                self.newest = Segment::new(start);
            }
            self.newest.extend(entries);
            self.newest.trim();
        } else if hole.is_none() {
            let mut segment = Segment::new(cursor);
            segment.extend(entries);
            self.pages.push(segment);
            let surplus = self.pages.len().saturating_sub(PAGES);
            self.pages.drain(..surplus);
        }
        hole.map_or(Absorbed::Extended, |(from, to)| Absorbed::Hole { from, to })
    }

    /// Goes on with another log, from the end of what the two have in common.
    fn replace(&mut self, extent: Extent) {
        let head = extent.find(&self.head()).unwrap_or_else(|place| place);
        self.pages.clear();
        self.newest = Segment::new(head.sequence);
        self.log.clone_from(&extent);
        self.replacements.push(extent);
    }

    /// The hole between `cursor` and a page that was read after it. Pruning makes a hole at the log's beginning. A
    /// hole in the middle is made by someone who deletes updates; it is announced all the same.
    fn hole(&self, cursor: u64, page: &Page) -> Option<(u64, Position)> {
        if page.gap(&self.position(cursor)) {
            return Some((0, page.extent.start()));
        }
        let before = page.entries.first()?.sequence.saturating_sub(1);
        (before != cursor).then(|| (cursor, self.position(before)))
    }

    /// Adds to `extent` the epochs that were seen here and that the log lost. Each epoch went on from one before it:
    /// the end of that one is what the two have in common.
    fn explain(&self, extent: &mut Extent) {
        let mut common = None;
        for end in &self.log.ends {
            let place = Position { epoch: end.epoch.clone(), sequence: end.sequence };
            match (extent.common(&place), common) {
                (Some(sequence), _) => common = Some(sequence),
                (None, Some(sequence)) => extent.ends.push(EpochEnd { epoch: place.epoch, sequence }),
                (None, None) => {}
            }
        }
    }

    fn position(&self, sequence: u64) -> Position {
        Position { epoch: self.log.epoch.clone(), sequence }
    }
}

#[cfg(test)]
impl LogCache {
    /// Whether it holds no more than it may.
    pub(super) fn is_bounded(&self) -> bool {
        self.newest.is_bounded() && self.pages.len() <= PAGES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::laws::now;
    use crate::log::log::{Log, PAGE_BYTES};
    use crate::log::memory::MemoryLog;
    use crate::log::{Record, record};
    use crate::request::publish::MAX_BODY;

    fn append(log: &MemoryLog, count: usize, size: usize) {
        let record = Record { id: None, meta: "-t\n".to_owned(), body: "x".repeat(size) };
        for _ in 0..count {
            now(log.append(std::slice::from_ref(&record))).unwrap();
        }
    }

    fn cache(log: &MemoryLog) -> LogCache {
        LogCache::new(now(log.extent()).unwrap())
    }

    fn read_head(cache: &mut LogCache, log: &MemoryLog) -> Absorbed {
        let since = cache.head();
        let page = now(log.after(since.sequence)).unwrap();
        cache.absorb(Read::Head(since.sequence), &since, page)
    }

    fn backfill(cache: &mut LogCache, log: &MemoryLog, cursor: u64) -> Absorbed {
        let page = now(log.after(cursor)).unwrap();
        cache.absorb(Read::Backfill(cursor), &cache.head(), page)
    }

    /// The sequences that someone at `cursor` is served until there is nothing more, as the dispatcher does it.
    fn served(cache: &mut LogCache, log: &MemoryLog, mut cursor: u64) -> Vec<u64> {
        let mut sequences = Vec::new();
        for _ in 0..1_000 {
            if let Some(segment) = cache.segment(cursor) {
                sequences.extend(segment.following(cursor).map(|entry| entry.sequence));
                cursor = *sequences.last().unwrap();
            } else if cache.is_ahead_of(&cache.position(cursor)) {
                assert_eq!(backfill(cache, log, cursor), Absorbed::Extended);
            } else {
                return sequences;
            }
        }
        panic!("a subscriber at {cursor} is never served: {sequences:?}");
    }

    #[test]
    fn whoever_is_behind_is_served_everything_once() {
        let log = MemoryLog::new("e", 100_000);
        append(&log, 3_000, 10);
        let mut cache = cache(&log);
        append(&log, 3_000, 10);
        for _ in 0..4 {
            assert_eq!(read_head(&mut cache, &log), Absorbed::Extended);
        }
        for cursor in [0, 1, 999, 1_000, 2_500, 3_000, 5_999, 6_000] {
            assert_eq!(served(&mut cache, &log, cursor), (cursor + 1..=6_000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn updates_as_large_as_they_may_be_are_served_too() {
        let log = MemoryLog::new("e", 100);
        let mut cache = cache(&log);
        append(&log, 1, PAGE_BYTES - 100);
        append(&log, 3, MAX_BODY);
        append(&log, 2, PAGE_BYTES);
        for _ in 0..6 {
            assert_eq!(read_head(&mut cache, &log), Absorbed::Extended);
        }
        assert_eq!(served(&mut cache, &log, 0), [1, 2, 3, 4, 5, 6]);
        assert_eq!(served(&mut cache, &log, 1), [2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_head_that_was_pruned_past_is_a_gap() {
        let log = MemoryLog::new("e", 10);
        let mut cache = cache(&log);
        append(&log, 50, 10);
        let start = now(log.extent()).unwrap().start();
        assert_eq!(start.sequence, 40);
        assert_eq!(read_head(&mut cache, &log), Absorbed::Hole { from: 0, to: start });
        assert_eq!(served(&mut cache, &log, 40), (41..=50).collect::<Vec<_>>());
        assert!(cache.is_ahead_of(&cache.position(3)), "who was away learns of it when it catches up");
        assert!(matches!(backfill(&mut cache, &log, 3), Absorbed::Hole { from: 0, .. }));
    }

    #[test]
    fn a_hole_in_the_middle_is_a_gap_for_those_who_are_before_it() {
        let log = MemoryLog::new("e", 100);
        let mut cache = cache(&log);
        append(&log, 10, 10);
        log.remove(4);
        assert_eq!(read_head(&mut cache, &log), Absorbed::Extended);
        assert_eq!(served(&mut cache, &log, 0), [1, 2, 3]);
        let to = cache.position(4);
        assert_eq!(read_head(&mut cache, &log), Absorbed::Hole { from: 3, to });
        assert_eq!(served(&mut cache, &log, 4), [5, 6, 7, 8, 9, 10]);
        assert_eq!(served(&mut cache, &log, 7), [8, 9, 10]);
        let mut late = LogCache::at(&cache.position(10));
        assert_eq!(backfill(&mut late, &log, 1), Absorbed::Extended);
        assert_eq!(late.segment(1).unwrap().head(), 3);
        assert!(matches!(backfill(&mut late, &log, 3), Absorbed::Hole { from: 3, .. }));
    }

    #[test]
    fn another_log_is_noticed_by_its_name_and_by_its_head() {
        let log = MemoryLog::new("e", 100);
        append(&log, 5, 10);
        let mut cache = cache(&log);
        for (epoch, count) in [("f", 7), ("f", 3)] {
            let other = MemoryLog::new(epoch, 100);
            append(&other, count, 10);
            let (before, generation) = (cache.head(), cache.generation());
            assert_eq!(read_head(&mut cache, &other), Absorbed::Replaced);
            assert_ne!(cache.generation(), generation);
            let start = Position { epoch: epoch.to_owned(), sequence: 0 };
            assert_eq!(cache.validity(&before, generation), Validity::Truncated(start));
            assert_eq!(read_head(&mut cache, &other), Absorbed::Extended);
            assert_eq!(served(&mut cache, &other, 0), (1..=count as u64).collect::<Vec<_>>());
        }
        let stranger = Position { epoch: "g".to_owned(), sequence: 1 };
        assert_eq!(cache.validity(&stranger, cache.generation()), Validity::UnknownEpoch);
    }

    fn at(epoch: &str, sequence: u64) -> Position {
        Position { epoch: epoch.to_owned(), sequence }
    }

    /// A page of the log `b`, which goes on where `a` ended.
    fn page_of_b(a: u64, head: u64, after: u64) -> Page {
        let mut records = Vec::new();
        for sequence in after + 1..=head {
            let record = Record { id: None, meta: "-t\n".to_owned(), body: String::new() };
            record::write(&mut records, "b", sequence, &record);
        }
        let ends = [("a", a), ("b", head)].map(|(epoch, sequence)| EpochEnd { epoch: epoch.to_owned(), sequence });
        let extent = Extent { epoch: "b".to_owned(), oldest: 1, head, ends: ends.to_vec() };
        Page { extent, entries: record::parse(records.into()).unwrap() }
    }

    #[test]
    fn a_new_epoch_that_lost_nothing_is_the_same_log() {
        let mut cache = LogCache::at(&at("a", 10));
        assert_eq!(cache.absorb(Read::Head(10), &at("a", 10), page_of_b(10, 12, 10)), Absorbed::Extended);
        assert_eq!(cache.head(), at("b", 12));
        assert_eq!(cache.validity(&at("a", 10), 0), Validity::Valid);
        assert_eq!(cache.validity(&at("a", 11), 0), Validity::Truncated(at("b", 10)));
        assert_eq!(cache.generation(), 0);
    }

    #[test]
    fn a_log_that_lost_its_last_updates_goes_on_where_it_lost_them() {
        let mut cache = LogCache::at(&at("a", 10));
        assert_eq!(cache.absorb(Read::Head(10), &at("a", 10), page_of_b(7, 12, 10)), Absorbed::Replaced);
        assert_eq!(cache.head(), at("b", 7));
        assert_eq!(cache.validity(&at("a", 10), 0), Validity::Truncated(at("b", 7)));
        assert_eq!(cache.validity(&at("a", 7), 0), Validity::Valid);
        assert_eq!(cache.validity(&at("b", 7), 1), Validity::Valid);
        assert_eq!(cache.absorb(Read::Head(7), &at("b", 7), page_of_b(7, 12, 7)), Absorbed::Extended);
        assert_eq!(cache.segment(7).unwrap().head(), 12);
    }

    #[test]
    fn an_epoch_that_is_lost_altogether_goes_on_where_it_began() {
        let mut cache = LogCache::at(&at("a", 10));
        assert_eq!(cache.absorb(Read::Head(10), &at("a", 10), page_of_b(10, 12, 10)), Absorbed::Extended);
        let extent = Extent {
            epoch: "a".to_owned(),
            oldest: 1,
            head: 10,
            ends: vec![EpochEnd { epoch: "a".to_owned(), sequence: 10 }],
        };
        let page = Page { extent, entries: vec![] };
        assert_eq!(cache.absorb(Read::Head(12), &at("b", 12), page), Absorbed::Replaced);
        assert_eq!(cache.validity(&at("b", 12), 0), Validity::Truncated(at("a", 10)));
        assert_eq!(cache.validity(&at("b", 9), 0), Validity::Valid);
        assert_eq!(cache.head(), at("a", 10));
    }

    #[test]
    fn a_page_with_updates_that_the_log_lost_serves_nobody() {
        for (lost, epoch) in [(1, "b"), (0, "b")] {
            let log = MemoryLog::new("a", 100);
            append(&log, 1, 10);
            let mut cache = cache(&log);
            append(&log, 5, 10);
            assert_eq!(backfill(&mut cache, &log, 0), Absorbed::Extended);
            assert_eq!(cache.segment(0).unwrap().head(), 6);
            log.lose_end(lost, epoch);
            assert_eq!(read_head(&mut cache, &log), Absorbed::Extended);
            assert_eq!(served(&mut cache, &log, 1).last(), Some(&(6 - lost)));
            append(&log, 1, 10);
            assert_eq!(read_head(&mut cache, &log), Absorbed::Extended);
            assert_eq!(served(&mut cache, &log, 6 - lost), [7 - lost]);
        }
    }

    #[test]
    fn a_page_that_was_overtaken_is_no_other_log() {
        let log = MemoryLog::new("e", 100);
        let mut cache = cache(&log);
        append(&log, 3, 10);
        let (since, page) = (cache.head(), now(log.after(0)).unwrap());
        append(&log, 2, 10);
        cache.extend(now(log.after(0)).unwrap().entries);
        assert_eq!(cache.absorb(Read::Head(0), &since, page), Absorbed::Extended);
        assert_eq!(served(&mut cache, &log, 0), [1, 2, 3, 4, 5]);
    }
}
