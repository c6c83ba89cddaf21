//! What of the log is in memory, and which log it is.

use crate::hub::log::{Page, Position};
use crate::hub::ring::Run;

/// How many pages are kept for those who catch up: those who come back together read the same ones.
const PAGES: usize = 8;

/// The newest run of the log, and older ones for those who catch up.
#[derive(Debug)]
pub struct Window {
    epoch: String,
    /// Grows when the log turns out to be another one than before.
    generation: u64,
    /// Where those begin who come from another log.
    start: u64,
    ring: Run,
    /// The last used one comes last.
    pages: Vec<Run>,
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
    /// It is another log than before: everyone has a gap, and it must be read anew.
    Another,
}

impl Window {
    /// An empty window onto the log that `position` is in.
    pub fn new(position: &Position) -> Self {
        let (epoch, start) = (position.epoch.clone(), position.sequence);
        Window { epoch, generation: 0, start, ring: Run::new(start), pages: Vec::new() }
    }

    /// Which log it is, in the count of those seen.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether `position` is one in this log, as far as its name tells.
    pub fn is_of(&self, position: &Position) -> bool {
        position.epoch == self.epoch
    }

    /// Where those begin who come from another log.
    pub fn start(&self) -> Position {
        self.position(self.start)
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
        self.is_of(position) && position.sequence < self.ring.head()
    }

    /// After which sequence the log is to be read.
    pub fn cursor(&self, want: Want) -> u64 {
        match want {
            Want::Head => self.ring.head(),
            Want::Catchup(cursor) => cursor,
        }
    }

    /// Takes in what was read after [`cursor`](Window::cursor).
    pub fn take(&mut self, want: Want, page: Page) -> Taken {
        let start = page.extent.start();
        if !self.is_of(&start) || page.extent.head < self.ring.head() {
            self.generation = self.generation.wrapping_add(1);
            self.pages.clear();
            self.begin(start);
            return Taken::Another;
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
                    self.begin(to.clone());
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

    fn begin(&mut self, start: Position) {
        self.epoch = start.epoch;
        self.start = start.sequence;
        self.ring = Run::new(start.sequence);
    }

    fn position(&self, sequence: u64) -> Position {
        Position { epoch: self.epoch.clone(), sequence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::log::laws::now;
    use crate::hub::log::memory::MemoryLog;
    use crate::hub::log::{Log, PAGE_BYTES, Record};
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
        window.take(want, page)
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
            let generation = window.generation();
            assert_eq!(read(&mut window, &other, Want::Head), Taken::Another);
            assert_ne!(window.generation(), generation);
            assert_eq!(window.start(), Position { epoch: epoch.to_owned(), sequence: 0 });
            assert_eq!(read(&mut window, &other, Want::Head), Taken::More);
            assert_eq!(served(&mut window, &other, 0), (1..=count as u64).collect::<Vec<_>>());
        }
    }
}
