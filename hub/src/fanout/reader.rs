//! What is read of the log, and when.

use std::mem::take;
use std::time::Duration;

use crate::fanout::action::SessionId;
use crate::fanout::cache::{Absorbed, LogCache, Read, Validity};
use crate::fanout::polling::Polling;
use crate::fanout::session::Session;
use crate::instant::Instant;
use crate::log::{AsOf, Ended, Extent, Page, Position, Unavailable};

/// Reads the log into the cache, one read at a time.
#[derive(Debug)]
pub(crate) struct Reader {
    /// `None` until the first position in the log is known.
    pub(crate) cache: Option<LogCache>,
    /// How many reads have begun, and how many have succeeded.
    begun: u64,
    succeeded: u64,
    /// The number of the last read that found no topic that has ended.
    none_ended: u64,
    /// The read that is under way.
    reading: Option<Reading>,
    /// The last read was for sessions that wait for a page: the turn of the others.
    page_was_last: bool,
    /// Where the log ends must be read: it may be another one.
    resync: bool,
    pub(crate) polling: Polling,
}

#[derive(Debug)]
struct Reading {
    read: Read,
    /// What was known of the log's end when the read began.
    since: Option<Position>,
    /// Who waits for the read.
    sessions: Vec<SessionId>,
}

/// What the log answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Read::AsOf`].
    AsOf(AsOf),
    /// To [`Read::After`] and [`Read::Extent`], which has no updates.
    Page(Page),
}

/// What a read has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What was asked.
    pub(crate) read: Read,
    /// Who waited for the read.
    pub(crate) sessions: Vec<SessionId>,
    /// The topics that have ended.
    pub(crate) ended: Ended,
    /// What it changed; `None` if it failed, or came too late.
    pub(crate) absorbed: Option<Absorbed>,
    /// Where sessions start that waited for their position.
    pub(crate) start: Option<Position>,
    /// It was made to see whether there is anything new.
    pub(crate) polled: bool,
}

impl Reader {
    /// The log is polled every `poll` at most. `seed` is any random number.
    pub(crate) fn new(poll: Duration, seed: u64, now: Instant) -> Self {
        Reader {
            cache: None,
            begun: 0,
            succeeded: 0,
            none_ended: 0,
            reading: None,
            page_was_last: false,
            resync: false,
            polling: Polling::new(poll, seed, now),
        }
    }

    /// When the log must be read although nobody waits for it.
    pub(crate) fn due(&self) -> Instant {
        if self.reading.is_some() { Instant::MAX } else { self.polling.due() }
    }

    /// How many reads have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun
    }

    /// How many reads have succeeded.
    pub(crate) fn succeeded(&self) -> u64 {
        self.succeeded
    }

    /// How many reads will have succeeded when one has that begins from now on.
    fn succeeded_from_now(&self) -> u64 {
        self.succeeded.saturating_add(if self.reading.is_some() { 2 } else { 1 })
    }

    /// Where the log began and ended when it was last read. What is published from now on comes after its end.
    pub(crate) fn known_extent(&self) -> Option<&Extent> {
        self.cache.as_ref().filter(|_| self.succeeded > 0).map(LogCache::log)
    }

    /// The number of the last read that found no topic that has ended.
    pub(crate) fn none_ended(&self) -> u64 {
        self.none_ended
    }

    /// A session begins at a position. If its epoch is not known, the log must be read; or if one of its topics may
    /// have ended before.
    pub(crate) fn place(&mut self, session: &mut Session) {
        let is_before_any_end = |extent: &Extent| !extent.has_ended_topics && extent.knows(session.position());
        if !self.known_extent().is_some_and(is_before_any_end) {
            session.ask_ended(self.begun);
        }
        session.known_after = self.succeeded_from_now();
        let cache = self.cache.get_or_insert_with(|| LogCache::at(session.position()));
        let generation = cache.generation();
        if cache.validity(session.position(), generation) == Validity::UnknownEpoch {
            self.resync = true;
        } else {
            session.generation = Some(generation);
        }
    }

    /// Where the log ends must be read.
    pub(crate) fn resync(&mut self) {
        self.resync = true;
    }

    /// Whether a read can begin.
    pub(crate) fn is_free(&self, now: Instant) -> bool {
        self.reading.is_none() && !self.polling.pauses(now)
    }

    /// Whether it is the turn of those who wait for a page. `others`: someone waits for a position.
    pub(crate) fn is_turn_of_pages(&self, others: bool, now: Instant) -> bool {
        !self.page_was_last || !(others || self.resync || now >= self.polling.due())
    }

    /// The read to make now for nobody in particular: `asked` is when the first of those asked who wait for a position.
    pub(crate) fn wanted(&mut self, asked: Option<Instant>, now: Instant) -> Option<Read> {
        let is_due = take(&mut self.resync) || now >= self.polling.due();
        match asked {
            Some(asked) => Some(Read::AsOf(asked)),
            None => is_due.then_some(Read::Extent),
        }
    }

    /// A read begins, for these sessions.
    pub(crate) fn begin(&mut self, read: Read, sessions: Vec<SessionId>) {
        self.begun = self.begun.saturating_add(1);
        self.page_was_last = matches!(read, Read::After(_));
        let since = self.cache.as_ref().map(|cache| cache.log().end());
        self.reading = Some(Reading { read, since, sessions });
    }

    /// Takes in what the read has brought. `None` if there was none.
    pub(crate) fn ended(&mut self, result: Result<Answer, Unavailable>, now: Instant) -> Option<Found> {
        let Reading { read, since, sessions } = self.reading.take()?;
        let polled = !matches!(read, Read::After(_));
        let mut found = Found { read, sessions, ended: Vec::new(), absorbed: None, start: None, polled };
        let Ok(answer) = result else {
            self.polling.failed(now);
            return Some(found);
        };
        self.succeeded = self.succeeded.saturating_add(1);
        // The end of the log was read, whatever for.
        self.polling.succeeded(now);
        let mut page = match answer {
            Answer::AsOf(AsOf { extent, sequence }) => {
                found.start = Some(Position { epoch: extent.epoch.clone(), sequence });
                Page::without_updates(extent)
            }
            Answer::Page(page) => page,
        };
        found.ended = take(&mut page.ended);
        if !page.extent.has_ended_topics {
            self.none_ended = self.begun;
        }
        found.absorbed = Some(match (&mut self.cache, &since, &found.read) {
            (Some(cache), Some(since), Read::After(interest)) => cache.absorb(interest, self.begun, since, page),
            (Some(cache), Some(since), _) => cache.absorb_extent(since, page.extent),
            // A session that knew its position joined meanwhile. It may know more than this read.
            (Some(_), None, _) => {
                self.resync = true;
                found.start = None;
                return Some(found);
            }
            (cache @ None, ..) => {
                *cache = Some(LogCache::new(page.extent));
                Absorbed::Extended
            }
        });
        Some(found)
    }
}

#[cfg(test)]
impl Reader {
    /// Whether the read that is under way is for a session.
    pub(super) fn serves(&self, session: SessionId) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.sessions.contains(&session))
    }
}
