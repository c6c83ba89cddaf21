//! What is read of the log, and when.

use std::mem::take;
use std::time::Duration;

use crate::fanout::action::Action;
use crate::fanout::cache::{Absorbed, LogCache, Read, Validity};
use crate::fanout::instant::Instant;
use crate::fanout::polling::Polling;
use crate::fanout::resume::Resume;
use crate::fanout::session::Session;
use crate::log::{Page, Position, Pushed, Unavailable};

/// How often a log is polled that pushes.
const SELDOM: Duration = Duration::from_secs(3_600);

/// Reads the log into the cache, one read at a time.
#[derive(Debug)]
pub(crate) struct Reader {
    /// `None` until the first position in the log is known.
    pub(crate) cache: Option<LogCache>,
    /// How often the head was read.
    head_reads: u64,
    /// The read that is under way, and what the head was when it began.
    reading: Option<(Read, Option<Position>)>,
    /// The wait that is under way: the head that it is at.
    waiting: Option<Position>,
    /// The last read was a backfill: the head's turn.
    head_next: bool,
    /// The head must be read: something was published, or may have been.
    resync: bool,
    polling: Polling,
    /// The log pushes what is appended; it need not be polled.
    pushes: bool,
}

/// What a read has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing: the log is away, or the read came too late.
    Failed,
    /// Nothing new.
    Nothing,
    /// What a session that catches up has missed.
    Page,
    /// What concerns all sessions: new updates, or what [`Absorbed`] says.
    News(Absorbed),
}

impl Reader {
    /// `poll` is how often the head is read of a log that does not push. `seed` is any random number.
    pub(crate) fn new(poll: Duration, pushes: bool, seed: u64, now: Instant) -> Self {
        Reader {
            cache: None,
            head_reads: 0,
            reading: None,
            waiting: None,
            head_next: true,
            resync: false,
            polling: Polling::new(if pushes { SELDOM } else { poll }, seed, now),
            pushes,
        }
    }

    /// When the head must be read.
    pub(crate) fn due(&self) -> Instant {
        if self.reading.is_some() { Instant::MAX } else { self.polling.due() }
    }

    /// How often the head was read.
    pub(crate) fn head_reads(&self) -> u64 {
        self.head_reads
    }

    /// How often the head will have been read when a read has ended that begins from now on.
    pub(crate) fn head_reads_from_now(&self) -> u64 {
        let reads = if self.is_reading_head() { 2 } else { 1 };
        self.head_reads.saturating_add(reads)
    }

    fn is_reading_head(&self) -> bool {
        matches!(self.reading, Some((Read::Extent | Read::Head(_), _)))
    }

    /// The newest position in the log that this instance knows: an update that is published later comes after it.
    pub(crate) fn known_head(&self) -> Option<Position> {
        let cache = self.cache.as_ref().filter(|_| self.head_reads > 0)?;
        let (head, log_end) = (cache.head(), cache.log_end());
        Some(if head.sequence < log_end.sequence { log_end } else { head })
    }

    /// Lets a session that joins begin, if its position is known. If its epoch is not known, the head must be read.
    pub(crate) fn place(&mut self, session: &mut Session) {
        if let (Some(head), false) = (self.known_head(), session.has_begun()) {
            session.begin(Resume::at_end(head));
        }
        if session.has_begun() {
            let cache = self.cache.get_or_insert_with(|| LogCache::at(session.position()));
            let generation = cache.generation();
            if cache.validity(session.position(), generation) == Validity::UnknownEpoch {
                self.resync = true;
            } else {
                session.generation = Some(generation);
            }
        }
    }

    /// Something was published. A log that pushes tells of that by itself.
    pub(crate) fn published(&mut self) {
        self.resync |= !self.pushes;
    }

    /// Starts a read and a wait, if they are wanted and none is under way. `behind` is the sequence of a session that
    /// waits for a page.
    pub(crate) fn start(&mut self, behind: Option<u64>, now: Instant, actions: &mut Vec<Action>) {
        if self.polling.pauses(now) {
            return;
        }
        if self.reading.is_none()
            && let Some((read, since)) = self.wanted(behind, now)
        {
            if matches!(read, Read::Head(_) | Read::Extent) {
                self.polling.begins(!take(&mut self.resync), now);
            }
            self.head_next = matches!(read, Read::Backfill(_));
            self.reading = Some((read, since));
            actions.push(Action::Read(read));
        }
        if self.pushes && self.waiting.is_none() && !self.is_reading_head() && !self.resync && self.head_reads > 0 {
            self.waiting = self.cache.as_ref().map(LogCache::head);
            actions.extend(self.waiting.clone().map(Action::Wait));
        }
    }

    fn wanted(&self, behind: Option<u64>, now: Instant) -> Option<(Read, Option<Position>)> {
        let Some(cache) = &self.cache else { return Some((Read::Extent, None)) };
        let since = cache.head();
        let head = (self.resync || now >= self.polling.due()).then_some(Read::Head(since.sequence));
        let behind = behind.map(Read::Backfill);
        let read = if self.head_next { head.or(behind) } else { behind.or(head) };
        read.map(|read| (read, Some(since)))
    }

    /// Takes in what the read has brought.
    pub(crate) fn read_ended(&mut self, result: Result<Page, Unavailable>, now: Instant) -> Found {
        let Some((read, since)) = self.reading.take() else { return Found::Nothing };
        let Ok(page) = result else {
            self.polling.failed(now);
            return Found::Failed;
        };
        let (updates, log_head) = (!page.entries.is_empty(), page.extent.head);
        let absorbed = match (&mut self.cache, &since) {
            (Some(cache), Some(since)) => cache.absorb(read, since, page),
            // A session that knew its position joined meanwhile. It may know more than this read.
            (Some(_), None) => {
                self.resync = true;
                return Found::Nothing;
            }
            (cache @ None, _) => {
                *cache = Some(LogCache::new(page.extent));
                Absorbed::Extended
            }
        };
        let is_backfill = matches!(read, Read::Backfill(_));
        if !is_backfill {
            self.head_reads = self.head_reads.saturating_add(1);
            self.polling.succeeded(updates, now);
            let cached = self.cache.as_ref().map_or(log_head, |cache| cache.head().sequence);
            // A page that does not reach the head is followed by the next one at once.
            self.resync |= updates && cached < log_head;
        }
        if absorbed == Absorbed::Replaced {
            self.resync = true;
            self.waiting = None;
        }
        match absorbed {
            Absorbed::Extended if is_backfill => Found::Page,
            Absorbed::Extended if !updates => Found::Nothing,
            absorbed => Found::News(absorbed),
        }
    }

    /// Takes in what the wait has brought. Whether there is something new.
    pub(crate) fn wait_ended(&mut self, result: Result<Pushed, Unavailable>, now: Instant) -> bool {
        let Some(waited_at) = self.waiting.take() else { return false };
        let Ok(pushed) = result else {
            self.polling.failed(now);
            return false;
        };
        let Some(cache) = self.cache.as_mut().filter(|cache| cache.head() == waited_at) else {
            // What was read meanwhile is not taken twice.
            return false;
        };
        let updates = !pushed.entries.is_empty();
        self.polling.succeeded(updates, now);
        self.resync |= pushed.resync;
        cache.extend(pushed.entries);
        updates
    }
}
