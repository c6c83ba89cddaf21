//! The cache of the log: which segments of the log are in memory, and which log it is.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::fanout::parts::LargeUpdates;
use crate::fanout::segment::Segment;
use crate::instant::Instant;
use crate::log::{Entry, EpochEnd, Extent, Interest, Page, Position};

/// How many segments are kept at most. Sessions that come back together are served from the same segments.
const SEGMENTS: usize = 64;
/// How many bytes of updates are kept at most, one segment aside.
const BYTES: usize = 1024 * 1024;

/// Segments of the log, and what is known of the log.
#[derive(Debug)]
pub(crate) struct LogCache {
    /// What the log was when it was last read.
    log: Extent,
    /// What the log was each time it turned out to have lost updates, or to be another one.
    replacements: Vec<Extent>,
    /// The newest comes last.
    segments: VecDeque<Segment>,
    bytes: usize,
    large: LargeUpdates,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Where the log begins and ends, and where it ended at this moment.
    AsOf(Instant),
    /// Where the log begins and ends.
    Extent,
    /// Updates that sessions wait for.
    After(Interest),
}

/// What a read changed.
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
    /// The log lost updates, or is another one. A session that has seen those updates has a gap.
    Replaced,
}

impl LogCache {
    /// An empty cache of a log.
    pub(crate) fn new(log: Extent) -> Self {
        LogCache { log, replacements: Vec::new(), segments: VecDeque::new(), bytes: 0, large: LargeUpdates::default() }
    }

    /// An empty cache of a log of which only this position is known.
    pub(crate) fn at(position: &Position) -> Self {
        let (epoch, head) = (position.epoch.clone(), position.sequence);
        LogCache::new(Extent { epoch, oldest: head.saturating_add(1), head, ends: Vec::new(), has_ended_topics: false })
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

    /// Where the log began and ended when it was last read.
    pub(crate) fn log(&self) -> &Extent {
        &self.log
    }

    /// The newest segment that has what follows `position` on these topics.
    pub(crate) fn segment(&self, topics: &[Rc<str>], position: u64) -> Option<&Segment> {
        self.segments.iter().rev().find(|segment| segment.covers(topics, position))
    }

    /// An update that is sent in parts, if it was read a moment ago.
    pub(crate) fn large(&self, sequence: u64) -> Option<&Entry> {
        self.large.get(sequence)
    }

    /// What was read last.
    pub(crate) fn newest(&self) -> Option<&Segment> {
        self.segments.back()
    }

    /// Takes in where the log begins and ends. `since` is what was known of the end when that read began.
    pub(crate) fn absorb_extent(&mut self, since: &Position, mut extent: Extent) -> Absorbed {
        if !extent.knows(since) {
            self.explain(&mut extent);
            self.segments.clear();
            self.bytes = 0;
            self.large.cut(0);
            self.log.clone_from(&extent);
            self.replacements.push(extent);
            return Absorbed::Replaced;
        }
        // A segment may have updates that the log lost since.
        let (same_epoch, head) = (extent.epoch == self.log.epoch, extent.head);
        self.segments.retain(|segment| same_epoch && segment.through() <= head);
        self.bytes = self.segments.iter().map(Segment::bytes).fold(0, usize::saturating_add);
        self.large.cut(if same_epoch { head } else { 0 });
        self.log = extent;
        Absorbed::Extended
    }

    /// Takes in what a read of `interest` returned, whose number is `read`.
    pub(crate) fn absorb(&mut self, interest: &Interest, read: u64, since: &Position, mut page: Page) -> Absorbed {
        if let Absorbed::Replaced = self.absorb_extent(since, page.extent.clone()) {
            return Absorbed::Replaced;
        }
        let hole = self.hole(interest, &page);
        let mut interest = interest.clone();
        // It covers nothing of what is before the hole.
        let start = hole.as_ref().map_or(0, |(_, to)| to.sequence);
        match &mut interest {
            Interest::All(after) => {
                *after = start.max(*after);
                stop_at_hole(&mut page, *after);
            }
            Interest::Topics(topics) => topics.iter_mut().for_each(|(_, after)| *after = start.max(*after)),
        }
        self.large.keep(&page.entries);
        self.insert(&interest, read, page);
        hole.map_or(Absorbed::Extended, |(from, to)| Absorbed::Hole { from, to })
    }

    fn insert(&mut self, interest: &Interest, read: u64, page: Page) {
        let before = match self.segments.back_mut().filter(|newest| newest.goes_on(interest)) {
            Some(newest) => {
                let before = newest.bytes();
                newest.extend(read, page);
                before
            }
            None => {
                self.segments.push_back(Segment::new(interest, read, page));
                0
            }
        };
        let after = self.segments.back().map_or(0, Segment::bytes);
        self.bytes = self.bytes.saturating_add(after.saturating_sub(before));
        while self.segments.len() > SEGMENTS || (self.bytes > BYTES && self.segments.len() > 1) {
            let Some(oldest) = self.segments.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
        }
    }

    /// The hole that a page shows. Pruning makes a hole at the log's beginning. A hole in the middle is made by someone
    /// who deletes updates: a read of everything shows it.
    fn hole(&self, interest: &Interest, page: &Page) -> Option<(u64, Position)> {
        let start = page.extent.start();
        if interest.floor() < start.sequence {
            return Some((0, start));
        }
        let Interest::All(after) = interest else { return None };
        let before = page.entries.first().map_or(page.through, |entry| entry.sequence.saturating_sub(1));
        let to = Position { sequence: before, ..start };
        (before > *after).then_some((*after, to))
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
}

/// Drops what follows a hole: it is read next, and found to be after a hole.
fn stop_at_hole(page: &mut Page, after: u64) {
    let whole = page.entries.iter().zip(after.saturating_add(1)..).take_while(|(entry, at)| entry.sequence == *at);
    let whole = whole.count();
    if whole < page.entries.len() {
        page.entries.truncate(whole);
        page.through = page.entries.last().map_or(after, |entry| entry.sequence);
    }
}

#[cfg(test)]
impl LogCache {
    /// Whether it holds no more than it may.
    pub(super) fn is_bounded(&self) -> bool {
        let bytes = self.segments.iter().map(Segment::bytes).sum::<usize>();
        self.large.is_bounded()
            && self.segments.len() <= SEGMENTS
            && bytes == self.bytes
            && (bytes <= BYTES || self.segments.len() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::laws::now;
    use crate::log::memory::MemoryLog;
    use crate::log::{Log, PAGE_BYTES, Record, record};
    use crate::request::publish::MAX_BODY;

    fn append(log: &MemoryLog, topic: &str, count: usize, size: usize) {
        let record = Record { id: None, last: false, meta: format!("-{topic}\n"), body: "x".repeat(size) };
        for _ in 0..count {
            now(log.append(std::slice::from_ref(&record))).unwrap();
        }
    }

    fn cache(log: &MemoryLog) -> LogCache {
        LogCache::new(now(log.extent()).unwrap())
    }

    fn topics(topics: &[&str]) -> Vec<Rc<str>> {
        topics.iter().map(|topic| Rc::from(*topic)).collect()
    }

    fn read(cache: &mut LogCache, log: &MemoryLog, interest: &Interest) -> Absorbed {
        let page = now(log.after(interest)).unwrap();
        let since = cache.log().end();
        cache.absorb(interest, 1, &since, page)
    }

    fn interest(names: &[&str], after: u64) -> Interest {
        match names {
            ["*"] => Interest::All(after),
            names => Interest::Topics(topics(names).into_iter().map(|topic| (topic, after)).collect()),
        }
    }

    /// The sequences that someone at `cursor` is served until there is nothing more, and how many reads it took.
    fn served(cache: &mut LogCache, log: &MemoryLog, names: &[&str], mut cursor: u64) -> (Vec<u64>, usize) {
        let (mut sequences, mut reads) = (Vec::new(), 0);
        let names_as_topics = topics(names);
        for _ in 0..1_000 {
            if let Some(segment) = cache.segment(&names_as_topics, cursor) {
                let places = segment.following(&names_as_topics, cursor);
                sequences.extend(places.into_iter().map(|place| segment.entries()[place].sequence));
                cursor = segment.through();
            } else if cursor < now(log.extent()).unwrap().head {
                assert_eq!(read(cache, log, &interest(names, cursor)), Absorbed::Extended);
                reads += 1;
            } else {
                return (sequences, reads);
            }
        }
        panic!("a subscriber at {cursor} is never served: {sequences:?}");
    }

    #[test]
    fn whoever_is_behind_is_served_everything_once() {
        let log = MemoryLog::new("e", 100_000);
        append(&log, "t", 6_000, 10);
        let mut cache = cache(&log);
        for names in [&["*"][..], &["t"], &["t", "u"]] {
            for cursor in [0, 1, 999, 1_000, 2_500, 3_000, 5_999, 6_000] {
                assert_eq!(served(&mut cache, &log, names, cursor).0, (cursor + 1..=6_000).collect::<Vec<_>>());
                assert!(cache.is_bounded());
            }
        }
    }

    #[test]
    fn what_was_read_for_one_serves_others() {
        let log = MemoryLog::new("e", 100_000);
        append(&log, "t", 2_500, 10);
        let mut cache = cache(&log);
        assert_eq!(served(&mut cache, &log, &["t"], 0).1, 3);
        assert_eq!(served(&mut cache, &log, &["t"], 700), ((701..=2_500).collect(), 0));
        assert_eq!(served(&mut cache, &log, &["u"], 0), (vec![], 1));
        assert_eq!(served(&mut cache, &log, &["*"], 2_000).1, 1);
        assert_eq!(served(&mut cache, &log, &["v"], 2_000), (vec![], 0), "a segment of everything serves all");
    }

    #[test]
    fn updates_as_large_as_they_may_be_are_served_too() {
        let log = MemoryLog::new("e", 100);
        let mut cache = cache(&log);
        append(&log, "t", 1, PAGE_BYTES - 100);
        append(&log, "t", 3, MAX_BODY);
        append(&log, "t", 2, PAGE_BYTES);
        for names in [["*"], ["t"]] {
            assert_eq!(served(&mut cache, &log, &names, 0).0, [1, 2, 3, 4, 5, 6]);
            assert_eq!(served(&mut cache, &log, &names, 1).0, [2, 3, 4, 5, 6]);
            assert!(cache.is_bounded());
        }
    }

    #[test]
    fn a_place_that_was_pruned_is_a_gap() {
        let log = MemoryLog::new("e", 10);
        let mut cache = cache(&log);
        append(&log, "t", 50, 10);
        let start = now(log.extent()).unwrap().start();
        assert_eq!(start.sequence, 40);
        for names in [&["*"][..], &["t"], &["u"]] {
            let hole = Absorbed::Hole { from: 0, to: start.clone() };
            assert_eq!(read(&mut cache, &log, &interest(names, 3)), hole, "{names:?}");
        }
        assert_eq!(served(&mut cache, &log, &["t"], 40).0, (41..=50).collect::<Vec<_>>());
    }

    #[test]
    fn a_hole_in_the_middle_is_a_gap_for_those_who_are_before_it() {
        let log = MemoryLog::new("e", 100);
        let mut cache = cache(&log);
        append(&log, "t", 10, 10);
        log.remove(4);
        log.remove(10);
        let all = |after| Interest::All(after);
        assert_eq!(read(&mut cache, &log, &all(0)), Absorbed::Extended);
        assert_eq!(cache.segment(&topics(&["*"]), 0).unwrap().through(), 3);
        let to = |sequence| Position { epoch: "e".to_owned(), sequence };
        assert_eq!(read(&mut cache, &log, &all(3)), Absorbed::Hole { from: 3, to: to(4) });
        assert_eq!(read(&mut cache, &log, &all(7)), Absorbed::Extended);
        assert_eq!(cache.segment(&topics(&["*"]), 4).unwrap().through(), 10, "no update shows the hole at the end");
        assert_eq!(read(&mut cache, &log, &all(9)), Absorbed::Hole { from: 9, to: to(10) });
    }

    #[test]
    fn another_log_is_noticed_by_its_name_and_by_its_head() {
        let log = MemoryLog::new("e", 100);
        append(&log, "t", 5, 10);
        let mut cache = cache(&log);
        for (epoch, count) in [("f", 7), ("f", 3)] {
            let other = MemoryLog::new(epoch, 100);
            append(&other, "t", count, 10);
            let (before, generation) = (cache.log().end(), cache.generation());
            assert_eq!(read(&mut cache, &other, &Interest::All(0)), Absorbed::Replaced);
            assert_ne!(cache.generation(), generation);
            let start = Position { epoch: epoch.to_owned(), sequence: 0 };
            assert_eq!(cache.validity(&before, generation), Validity::Truncated(start));
            assert_eq!(served(&mut cache, &other, &["t"], 0).0, (1..=count as u64).collect::<Vec<_>>());
        }
        let stranger = Position { epoch: "g".to_owned(), sequence: 1 };
        assert_eq!(cache.validity(&stranger, cache.generation()), Validity::UnknownEpoch);
    }

    fn at(epoch: &str, sequence: u64) -> Position {
        Position { epoch: epoch.to_owned(), sequence }
    }

    /// What a cache at `since` makes of a page of the log `b`, which goes on where `a` ended.
    fn reads_b(cache: &mut LogCache, since: &Position, a: u64, head: u64, after: u64) -> Absorbed {
        let mut records = Vec::new();
        for sequence in after + 1..=head {
            let record = Record { id: None, last: false, meta: "-t\n".to_owned(), body: String::new() };
            record::write(&mut records, "b", sequence, &record);
        }
        let ends = [("a", a), ("b", head)].map(|(epoch, sequence)| EpochEnd { epoch: epoch.to_owned(), sequence });
        let extent = Extent { epoch: "b".to_owned(), oldest: 1, head, ends: ends.to_vec(), has_ended_topics: false };
        let page = Page { extent, entries: record::parse(records.into()).unwrap(), through: head, ended: vec![] };
        cache.absorb(&Interest::All(after), 1, since, page)
    }

    #[test]
    fn a_new_epoch_that_lost_nothing_is_the_same_log() {
        let mut cache = LogCache::at(&at("a", 10));
        assert_eq!(reads_b(&mut cache, &at("a", 10), 10, 12, 10), Absorbed::Extended);
        assert_eq!(cache.log().end(), at("b", 12));
        assert_eq!(cache.validity(&at("a", 10), 0), Validity::Valid);
        assert_eq!(cache.validity(&at("a", 11), 0), Validity::Truncated(at("b", 10)));
        assert_eq!(cache.generation(), 0);
    }

    #[test]
    fn a_log_that_lost_its_last_updates_goes_on_where_it_lost_them() {
        let mut cache = LogCache::at(&at("a", 10));
        assert_eq!(reads_b(&mut cache, &at("a", 10), 7, 12, 10), Absorbed::Replaced);
        assert_eq!(cache.validity(&at("a", 10), 0), Validity::Truncated(at("b", 7)));
        assert_eq!(cache.validity(&at("a", 7), 0), Validity::Valid);
        assert_eq!(cache.validity(&at("b", 7), 1), Validity::Valid);
        assert_eq!(reads_b(&mut cache, &at("b", 12), 7, 12, 7), Absorbed::Extended);
        assert_eq!(cache.segment(&topics(&["*"]), 7).unwrap().through(), 12);
    }

    #[test]
    fn an_epoch_that_is_lost_altogether_goes_on_where_it_began() {
        let mut cache = LogCache::at(&at("a", 10));
        assert_eq!(reads_b(&mut cache, &at("a", 10), 10, 12, 10), Absorbed::Extended);
        let ends = vec![EpochEnd { epoch: "a".to_owned(), sequence: 10 }];
        let extent = Extent { epoch: "a".to_owned(), oldest: 1, head: 10, ends, has_ended_topics: false };
        assert_eq!(cache.absorb_extent(&at("b", 12), extent), Absorbed::Replaced);
        assert_eq!(cache.validity(&at("b", 12), 0), Validity::Truncated(at("a", 10)));
        assert_eq!(cache.validity(&at("b", 9), 0), Validity::Valid);
        assert_eq!(cache.log().end(), at("a", 10));
    }

    #[test]
    fn a_segment_with_updates_that_the_log_lost_serves_nobody() {
        for names in [["*"], ["t"]] {
            for lost in [1, 0] {
                let log = MemoryLog::new("a", 100);
                append(&log, "t", 6, 10);
                // As of before the last five.
                let mut cache = LogCache::at(&at("a", 1));
                let interest = interest(&names, 0);
                let page = now(log.after(&interest)).unwrap();
                log.lose_end(lost, "b");
                let extent = now(log.extent()).unwrap();
                assert_eq!(cache.absorb(&interest, 1, &at("a", 1), page), Absorbed::Extended);
                assert_eq!(cache.segment(&topics(&names), 0).unwrap().through(), 6);
                assert_eq!(cache.absorb_extent(&at("a", 1), extent), Absorbed::Extended);
                assert!(cache.segment(&topics(&names), 0).is_none());
            }
        }
    }
}
