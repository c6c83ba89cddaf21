//! What of the log is in memory, and which log it is.

use crate::hub::log::{End, Entry, Extent, Page, Position};
use crate::hub::ring::Run;

/// How many pages are kept for those who catch up: those who come back together read the same ones.
const PAGES: usize = 8;

/// The newest run of the log, and older ones for those who catch up.
#[derive(Debug)]
pub struct Window {
    /// What the log was when it was last read.
    log: Extent,
    /// What it was when it turned out not to have what it had before: one each time that happened.
    breaks: Vec<Extent>,
    ring: Run,
    /// The last used one comes last.
    pages: Vec<Run>,
}

/// What a place is worth in the log.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is one in this log.
    Known,
    /// The log does not have what follows it: it goes on from here.
    Lost(Position),
    /// Its epoch was never seen here.
    Strange,
}

/// What a read is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// What is new.
    Head,
    /// What someone who is at this sequence has missed.
    Catchup(u64),
}

/// What a page changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// There may be more to send.
    More,
    /// There is a hole in the log: whoever is at `from` or after it, but before `to`, has a gap and goes on from `to`.
    Gap {
        /// The first place before the hole.
        from: u64,
        /// The place after it.
        to: Position,
    },
    /// It is another log than before, or one that lost updates: who has seen those has a gap, and it must be read anew.
    Another,
}

impl Window {
    /// An empty window onto the log that `position` is in.
    pub fn new(position: &Position) -> Self {
        let (epoch, head) = (position.epoch.clone(), position.sequence);
        let log = Extent { epoch, oldest: head.saturating_add(1), head, ends: Vec::new() };
        Window { log, breaks: Vec::new(), ring: Run::new(head), pages: Vec::new() }
    }

    /// How often the log turned out to be another one.
    pub fn generation(&self) -> usize {
        self.breaks.len()
    }

    /// What `position` is worth that someone holds since `generation`.
    pub fn standing(&self, position: &Position, generation: usize) -> Standing {
        for extent in self.breaks.iter().skip(generation) {
            if !extent.knows(position) {
                return Standing::Lost(extent.find(position).unwrap_or_else(|place| place));
            }
        }
        // The log may have grown since, and what was pruned is found when it is read.
        if position.epoch == self.log.epoch || self.log.knows(position) {
            return Standing::Known;
        }
        match self.log.find(position) {
            Err(place) if self.log.common(position).is_some() => Standing::Lost(place),
            _ => Standing::Strange,
        }
    }

    /// The log's present epoch.
    pub fn epoch(&self) -> &str {
        &self.log.epoch
    }

    /// Before the oldest update.
    pub fn start(&self) -> Position {
        self.log.start()
    }

    /// The run that has what follows `cursor`, if it is in memory.
    pub fn run(&mut self, cursor: u64) -> Option<&Run> {
        if self.ring.covers(cursor) {
            return Some(&self.ring);
        }
        let at = self.pages.iter().position(|page| page.covers(cursor))?;
        let page = self.pages.remove(at);
        self.pages.push(page);
        self.pages.last()
    }

    /// Whether someone who is at `position` has missed something that was read before.
    pub fn is_ahead_of(&self, position: &Position) -> bool {
        position.epoch == self.log.epoch && position.sequence < self.ring.head()
    }

    /// The end of what was read.
    pub fn head(&self) -> Position {
        self.position(self.ring.head())
    }

    /// Takes in what follows the head without a hole.
    pub fn extend(&mut self, entries: Vec<Entry>) {
        self.ring.extend(entries);
        self.ring.trim();
    }

    /// After which sequence the log is to be read.
    pub fn cursor(&self, want: Want) -> u64 {
        match want {
            Want::Head => self.ring.head(),
            Want::Catchup(cursor) => cursor,
        }
    }

    /// Takes in what was read after [`cursor`](Window::cursor). `since` is what the head was when the read began: what has
    /// come by another way since then, the page need not know.
    pub fn take(&mut self, want: Want, since: &Position, mut page: Page) -> Taken {
        if !page.extent.knows(since) {
            self.explain(&mut page.extent);
            let head = page.extent.find(&self.head()).unwrap_or_else(|place| place);
            self.pages.clear();
            self.ring = Run::new(head.sequence);
            self.log.clone_from(&page.extent);
            self.breaks.push(page.extent);
            return Taken::Another;
        }
        self.log.clone_from(&page.extent);
        if want == Want::Head && self.ring.head() != since.sequence {
            return Taken::More;
        }
        let cursor = self.cursor(want);
        let gap = self.gap(cursor, &page);
        let to = gap.as_ref().map_or(cursor, |(_, to)| to.sequence);
        // Only as far as there is no hole: what follows one is read next, and found to be after a gap.
        let entries =
            page.entries.into_iter().zip(to.saturating_add(1)..).take_while(|(entry, at)| entry.sequence == *at);
        let entries = entries.map(|(entry, _)| entry);
        match want {
            Want::Head => {
                if let Some((_, to)) = &gap {
                    self.ring = Run::new(to.sequence);
                }
                self.ring.extend(entries);
                self.ring.trim();
            }
            Want::Catchup(_) if gap.is_some() => {}
            Want::Catchup(_) => {
                let mut run = Run::new(cursor);
                run.extend(entries);
                self.pages.push(run);
                let surplus = self.pages.len().saturating_sub(PAGES);
                self.pages.drain(..surplus);
            }
        }
        gap.map_or(Taken::More, |(from, to)| Taken::Gap { from, to })
    }

    /// The hole between `cursor` and a page that was read after it. Pruning makes one at the log's beginning; one in
    /// its middle is made by someone who deletes updates, and is announced all the same.
    fn gap(&self, cursor: u64, page: &Page) -> Option<(u64, Position)> {
        if page.gap(&self.position(cursor)) {
            return Some((0, page.extent.start()));
        }
        let before = page.entries.first()?.sequence.saturating_sub(1);
        (before != cursor).then(|| (cursor, self.position(before)))
    }

    /// Adds the epochs that were seen here and are lost to the log: each went on from one before it, and where that one
    /// ended is what they have in common with the log.
    fn explain(&self, extent: &mut Extent) {
        let mut common = None;
        for end in &self.log.ends {
            let place = Position { epoch: end.epoch.clone(), sequence: end.sequence };
            match (extent.common(&place), common) {
                (Some(sequence), _) => common = Some(sequence),
                (None, Some(sequence)) => extent.ends.push(End { epoch: place.epoch, sequence }),
                (None, None) => {}
            }
        }
    }

    fn position(&self, sequence: u64) -> Position {
        Position { epoch: self.log.epoch.clone(), sequence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::log::laws::now;
    use crate::hub::log::memory::MemoryLog;
    use crate::hub::log::{Log, PAGE_BYTES, Record, record};
    use crate::hub::publish::MAX_BODY;

    fn append(log: &MemoryLog, count: usize, size: usize) {
        let record = Record { id: None, meta: "-t\n".to_owned(), body: "x".repeat(size) };
        for _ in 0..count {
            now(log.append(std::slice::from_ref(&record))).unwrap();
        }
    }

    fn window(log: &MemoryLog) -> Window {
        Window::new(&now(log.extent()).unwrap().end())
    }

    fn read(window: &mut Window, log: &MemoryLog, want: Want) -> Taken {
        let page = now(log.after(window.cursor(want))).unwrap();
        let since = window.head();
        window.take(want, &since, page)
    }

    /// The sequences that someone at `cursor` is served until there is nothing more, as the tail does it.
    fn served(window: &mut Window, log: &MemoryLog, mut cursor: u64) -> Vec<u64> {
        let mut sequences = Vec::new();
        for _ in 0..1_000 {
            if let Some(run) = window.run(cursor) {
                sequences.extend(run.following(cursor).map(|entry| entry.sequence));
                cursor = *sequences.last().unwrap();
            } else if window.is_ahead_of(&window.position(cursor)) {
                assert_eq!(read(window, log, Want::Catchup(cursor)), Taken::More);
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
        let mut window = window(&log);
        append(&log, 3_000, 10);
        for _ in 0..4 {
            assert_eq!(read(&mut window, &log, Want::Head), Taken::More);
        }
        for cursor in [0, 1, 999, 1_000, 2_500, 3_000, 5_999, 6_000] {
            assert_eq!(served(&mut window, &log, cursor), (cursor + 1..=6_000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn updates_as_large_as_they_may_be_are_served_too() {
        let log = MemoryLog::new("e", 100);
        let mut window = window(&log);
        append(&log, 1, PAGE_BYTES - 100);
        append(&log, 3, MAX_BODY);
        append(&log, 2, PAGE_BYTES);
        for _ in 0..6 {
            assert_eq!(read(&mut window, &log, Want::Head), Taken::More);
        }
        assert_eq!(served(&mut window, &log, 0), [1, 2, 3, 4, 5, 6]);
        assert_eq!(served(&mut window, &log, 1), [2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_head_that_was_pruned_past_is_a_gap() {
        let log = MemoryLog::new("e", 10);
        let mut window = window(&log);
        append(&log, 50, 10);
        let start = now(log.extent()).unwrap().start();
        assert_eq!(start.sequence, 40);
        assert_eq!(read(&mut window, &log, Want::Head), Taken::Gap { from: 0, to: start });
        assert_eq!(served(&mut window, &log, 40), (41..=50).collect::<Vec<_>>());
        assert!(window.is_ahead_of(&window.position(3)), "who was away learns of it when it catches up");
        assert!(matches!(read(&mut window, &log, Want::Catchup(3)), Taken::Gap { from: 0, .. }));
    }

    #[test]
    fn a_hole_in_the_middle_is_a_gap_for_those_who_are_before_it() {
        let log = MemoryLog::new("e", 100);
        let mut window = window(&log);
        append(&log, 10, 10);
        log.remove(4);
        assert_eq!(read(&mut window, &log, Want::Head), Taken::More);
        assert_eq!(served(&mut window, &log, 0), [1, 2, 3]);
        let to = window.position(4);
        assert_eq!(read(&mut window, &log, Want::Head), Taken::Gap { from: 3, to });
        assert_eq!(served(&mut window, &log, 4), [5, 6, 7, 8, 9, 10]);
        assert_eq!(served(&mut window, &log, 7), [8, 9, 10]);
        let mut late = Window::new(&window.position(10));
        assert_eq!(read(&mut late, &log, Want::Catchup(1)), Taken::More);
        assert_eq!(late.run(1).unwrap().head(), 3);
        assert!(matches!(read(&mut late, &log, Want::Catchup(3)), Taken::Gap { from: 3, .. }));
    }

    #[test]
    fn another_log_is_noticed_by_its_name_and_by_its_head() {
        let log = MemoryLog::new("e", 100);
        append(&log, 5, 10);
        let mut window = window(&log);
        for (epoch, count) in [("f", 7), ("f", 3)] {
            let other = MemoryLog::new(epoch, 100);
            append(&other, count, 10);
            let (before, generation) = (window.head(), window.generation());
            assert_eq!(read(&mut window, &other, Want::Head), Taken::Another);
            assert_ne!(window.generation(), generation);
            let start = Position { epoch: epoch.to_owned(), sequence: 0 };
            assert_eq!(window.standing(&before, generation), Standing::Lost(start));
            assert_eq!(read(&mut window, &other, Want::Head), Taken::More);
            assert_eq!(served(&mut window, &other, 0), (1..=count as u64).collect::<Vec<_>>());
        }
        let stranger = Position { epoch: "g".to_owned(), sequence: 1 };
        assert_eq!(window.standing(&stranger, window.generation()), Standing::Strange);
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
        let ends = [("a", a), ("b", head)].map(|(epoch, sequence)| End { epoch: epoch.to_owned(), sequence });
        let extent = Extent { epoch: "b".to_owned(), oldest: 1, head, ends: ends.to_vec() };
        Page { extent, entries: record::parse(records.into()).unwrap() }
    }

    #[test]
    fn a_new_epoch_that_lost_nothing_is_the_same_log() {
        let mut window = Window::new(&at("a", 10));
        assert_eq!(window.take(Want::Head, &at("a", 10), page_of_b(10, 12, 10)), Taken::More);
        assert_eq!(window.head(), at("b", 12));
        assert_eq!(window.standing(&at("a", 10), 0), Standing::Known);
        assert_eq!(window.standing(&at("a", 11), 0), Standing::Lost(at("b", 10)));
        assert_eq!(window.generation(), 0);
    }

    #[test]
    fn a_log_that_lost_its_last_updates_goes_on_where_it_lost_them() {
        let mut window = Window::new(&at("a", 10));
        assert_eq!(window.take(Want::Head, &at("a", 10), page_of_b(7, 12, 10)), Taken::Another);
        assert_eq!(window.head(), at("b", 7));
        assert_eq!(window.standing(&at("a", 10), 0), Standing::Lost(at("b", 7)));
        assert_eq!(window.standing(&at("a", 7), 0), Standing::Known);
        assert_eq!(window.standing(&at("b", 7), 1), Standing::Known);
        assert_eq!(window.take(Want::Head, &at("b", 7), page_of_b(7, 12, 7)), Taken::More);
        assert_eq!(window.run(7).unwrap().head(), 12);
    }

    #[test]
    fn an_epoch_that_is_lost_altogether_goes_on_where_it_began() {
        let mut window = Window::new(&at("a", 10));
        assert_eq!(window.take(Want::Head, &at("a", 10), page_of_b(10, 12, 10)), Taken::More);
        let extent = Extent {
            epoch: "a".to_owned(),
            oldest: 1,
            head: 10,
            ends: vec![End { epoch: "a".to_owned(), sequence: 10 }],
        };
        let page = Page { extent, entries: vec![] };
        assert_eq!(window.take(Want::Head, &at("b", 12), page), Taken::Another);
        assert_eq!(window.standing(&at("b", 12), 0), Standing::Lost(at("a", 10)));
        assert_eq!(window.standing(&at("b", 9), 0), Standing::Known);
        assert_eq!(window.head(), at("a", 10));
    }

    #[test]
    fn a_page_that_was_overtaken_is_no_other_log() {
        let log = MemoryLog::new("e", 100);
        let mut window = window(&log);
        append(&log, 3, 10);
        let (since, page) = (window.head(), now(log.after(0)).unwrap());
        append(&log, 2, 10);
        window.extend(now(log.after(0)).unwrap().entries);
        assert_eq!(window.take(Want::Head, &since, page), Taken::More);
        assert_eq!(served(&mut window, &log, 0), [1, 2, 3, 4, 5]);
    }
}
