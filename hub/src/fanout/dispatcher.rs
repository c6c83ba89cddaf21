//! The dispatcher: follows the log, and decides what is written to which session, and when.
//!
//! It does no I/O and reads no clock. It is told what happened, and after each round says what to do. A round takes what
//! is new in the cache and gives it to every session that hears it and that no write is under way to. What is published
//! during a round is carried by the next one. A session whose write has not ended is not in the round at all: it costs its
//! position and one chunk, and nobody waits for it.

use std::mem::take;
use std::time::Duration;

use bytes::Bytes;
use slab::Slab;

use crate::fanout::cache::{Absorbed, LogCache, Read, Validity};
use crate::fanout::instant::{Instant, after};
use crate::fanout::parked::{Parked, SLACK};
use crate::fanout::polling::Polling;
use crate::fanout::resume::Resume;
use crate::fanout::session::{CHUNK, KEEP_ALIVE, NewSession, Session, State};
use crate::log::{Page, Position, Pushed, Unavailable};

/// How long a reader has to take a stream's last words.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long after that, or after its deadline, a reader may still stall in the middle of a chunk.
const STALLED: Duration = Duration::from_secs(10);
/// How often a log is polled that pushes.
const SELDOM: Duration = Duration::from_secs(3_600);

/// Names a session of a dispatcher: an index that is used again after the session has ended.
pub(crate) type SessionId = usize;

/// What the dispatcher wants done. The end of a write or of a read is told to the dispatcher, in any order.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Write `chunk` and then `large` to a session. Together they end at the end of an event. Told by
    /// [`write_ended`](Dispatcher::write_ended), or by [`session_ended`](Dispatcher::session_ended).
    Write {
        /// To whom.
        session: SessionId,
        /// The first bytes.
        chunk: Vec<u8>,
        /// An update that is larger than a chunk, to be written in slices; mostly empty.
        large: Bytes,
    },
    /// Write last words to a session and end its stream. Told by [`session_ended`](Dispatcher::session_ended).
    End {
        /// To whom.
        session: SessionId,
        /// The last words, possibly none.
        last_words: Vec<u8>,
    },
    /// Take the session's write back and end its stream, if the host has taken nothing of the write. Otherwise the write
    /// goes on to its end.
    Interrupt(SessionId),
    /// End the session's stream at once: its reader stalls in the middle of a write.
    Cut(SessionId),
    /// Send the response head of a session that joined without a position: the position is known now, or the log is away.
    Answer(SessionId),
    /// Read the log. Told by [`read_ended`](Dispatcher::read_ended). There is one read at a time.
    Read(Read),
    /// Wait until something follows this position, in place of any wait that is under way. Told by
    /// [`wait_ended`](Dispatcher::wait_ended).
    Wait(Position),
    /// Tell who runs the hub.
    Report(&'static str),
}

/// The dispatcher of one instance.
#[derive(Debug)]
pub struct Dispatcher {
    sessions: Slab<Session>,
    parked: Parked,
    /// When the first alarm of a session is, at the latest.
    next_alarm: Instant,
    /// `None` until the first position in the log is known.
    cache: Option<LogCache>,
    /// How often the head was read.
    head_reads: u64,
    /// The read that is under way, and what the head was when it began.
    reading: Option<(Read, Option<Position>)>,
    /// The wait that is under way: the head that it is at.
    waiting: Option<Position>,
    /// The last read served a session that catches up: the head's turn.
    head_next: bool,
    /// The head must be read: something was published, or may have been.
    resync: bool,
    /// A session waits for a read of the head, to know which of two logs is newer.
    unresolved: bool,
    polling: Polling,
    /// The log pushes what is appended; it need not be polled.
    pushes: bool,
}

impl Dispatcher {
    /// A dispatcher without sessions.
    ///
    /// `poll` is how often the head is read of a log that does not push. `seed` is any random number.
    pub fn new(poll: Duration, pushes: bool, seed: u64, now: Instant) -> Self {
        Dispatcher {
            sessions: Slab::new(),
            parked: Parked::default(),
            next_alarm: Instant::MAX,
            cache: None,
            head_reads: 0,
            reading: None,
            waiting: None,
            head_next: true,
            resync: false,
            unresolved: false,
            polling: Polling::new(if pushes { SELDOM } else { poll }, seed, now),
            pushes,
        }
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// When there is something to do although nothing happens; `Instant::MAX` for never.
    pub fn due(&self) -> Instant {
        let poll = if self.reading.is_some() { Instant::MAX } else { self.polling.due() };
        self.parked.due().min(self.next_alarm.saturating_add(SLACK)).min(poll)
    }

    /// The newest position in the log that this instance knows: an update published later comes after it.
    pub fn known_head(&self) -> Option<Position> {
        let cache = self.cache.as_ref().filter(|_| self.head_reads > 0)?;
        let (head, log_end) = (cache.head(), cache.log_end());
        Some(if head.sequence < log_end.sequence { log_end } else { head })
    }

    /// A session joins. One with a position has its response head sent; one without waits for [`Action::Answer`].
    pub fn join(&mut self, new: NewSession, now: Instant) -> SessionId {
        // A read that is under way may have begun before the session knew its position.
        let reads = if matches!(self.reading, Some((Read::Extent | Read::Head(_), _))) { 2 } else { 1 };
        let mut session = Session::new(new, self.head_reads.saturating_add(reads), now);
        if let (Some(head), false) = (self.known_head(), session.has_begun()) {
            session.begin(Resume::at_end(head));
        }
        if session.has_begun() {
            let cache = self.cache.get_or_insert_with(|| LogCache::at(session.position()));
            let generation = cache.generation();
            let known = cache.validity(session.position(), generation) != Validity::UnknownEpoch;
            session.generation = known.then_some(generation);
            self.resync |= !known;
        }
        self.next_alarm = self.next_alarm.min(session.alarm);
        let id = self.sessions.insert(session);
        if let Some(session) = self.sessions.get(id) {
            self.parked.park(id, session);
        }
        id
    }

    /// This instance published something. A log that pushes tells of that by itself.
    pub fn published(&mut self) {
        self.resync |= !self.pushes;
    }

    /// The host took all of a write; `buffer` is given back for the next one.
    pub fn write_ended(&mut self, id: SessionId, buffer: Vec<u8>, now: Instant) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        // The room that a large update needed is given back.
        session.buffer = if buffer.capacity() > 2 * CHUNK { Vec::new() } else { buffer };
        session.last_write = now;
        session.state = State::Runnable;
        self.parked.park(id, session);
    }

    /// A session's stream has ended.
    pub fn session_ended(&mut self, id: SessionId) {
        self.sessions.try_remove(id);
    }

    /// The read that was asked for has ended.
    pub fn read_ended(&mut self, result: Result<Page, Unavailable>, now: Instant, actions: &mut Vec<Action>) {
        let Some((read, since)) = self.reading.take() else { return };
        match result {
            Ok(page) => self.absorb(read, since, page, now, actions),
            Err(_) => {
                self.polling.failed(now);
                // While the log is away nothing is published, so nothing is missed.
                for id in self.parked.awaiting_position() {
                    if let Some(session) = self.sessions.get_mut(*id).filter(|session| !session.answered) {
                        session.answered = true;
                        actions.push(Action::Answer(*id));
                    }
                }
            }
        }
    }

    /// The wait that was asked for has ended.
    pub fn wait_ended(&mut self, result: Result<Pushed, Unavailable>, now: Instant) {
        let Some(waited_at) = self.waiting.take() else { return };
        let pushed = match result {
            Ok(pushed) => pushed,
            Err(_) => return self.polling.failed(now),
        };
        let Some(cache) = &mut self.cache else { return };
        // What was read meanwhile in another way is not taken twice.
        if waited_at == cache.head() {
            self.polling.succeeded(!pushed.entries.is_empty(), now);
            if !pushed.entries.is_empty() {
                cache.extend(pushed.entries);
                self.parked.wake_all();
            }
            self.resync |= pushed.resync;
        }
    }

    /// Appends what is to be done now.
    pub fn round(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.sound_alarms(now, actions);
        self.parked.wake_due(&self.sessions, now);
        let runnable = self.parked.take_runnable();
        for id in &runnable {
            self.serve(*id, now, actions);
        }
        self.parked.reuse(runnable);
        self.start_read(now, actions);
        self.start_wait(now, actions);
    }

    /// Looks after the writes of sessions whose time is over.
    fn sound_alarms(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if now < self.next_alarm {
            return;
        }
        self.next_alarm = Instant::MAX;
        for (id, session) in &mut self.sessions {
            if session.alarm <= now {
                session.alarm = after(now, STALLED);
                match session.state {
                    State::Writing | State::Ending => {
                        session.state = State::Interrupted;
                        actions.push(Action::Interrupt(id));
                    }
                    State::Interrupted => actions.push(Action::Cut(id)),
                    // It is looked at in this round, and ends.
                    State::AwaitingPosition | State::Runnable | State::AwaitingPage | State::CaughtUp => {
                        self.parked.set_due(now);
                    }
                }
            }
            self.next_alarm = self.next_alarm.min(session.alarm);
        }
    }

    /// Lets a session begin that waited for its position, once that is known.
    fn begin(&mut self, id: SessionId, now: Instant, actions: &mut Vec<Action>) {
        let waits = self.sessions.get(id).is_some_and(|session| !session.has_begun());
        let head = if waits { self.known_head() } else { None };
        let Some(session) = self.sessions.get_mut(id) else { return };
        if let Some(head) = head {
            session.begin(Resume::at_end(head));
        }
        if !session.answered && (session.has_begun() || now >= session.deadline) {
            session.answered = true;
            actions.push(Action::Answer(id));
        }
    }

    /// Gives a session what there is for it, or parks it.
    fn serve(&mut self, id: SessionId, now: Instant, actions: &mut Vec<Action>) {
        self.begin(id, now, actions);
        let Some(session) = self.sessions.get_mut(id) else { return };
        let mut large = Bytes::new();
        if !session.has_begun() {
            session.state = State::AwaitingPosition;
        } else if let Some(cache) = self.cache.as_mut().filter(|_| now < session.deadline) {
            let known = self.head_reads >= session.known_after;
            let served = serve_from(session, cache, known);
            self.unresolved |= served.unresolved;
            large = served.large;
        }
        let mut chunk = take(&mut session.buffer);
        let anything = !chunk.is_empty() || !large.is_empty();
        if now >= session.deadline || (session.budget_used && !anything) {
            session.last_words(&mut chunk);
            session.state = State::Ending;
            session.alarm = after(now, LAST_WORDS);
            self.next_alarm = self.next_alarm.min(session.alarm);
            actions.push(Action::End { session: id, last_words: chunk });
            return;
        }
        if !anything && now >= after(session.last_write, KEEP_ALIVE) {
            session.keep_alive(&mut chunk);
        }
        if !chunk.is_empty() || !large.is_empty() {
            session.state = State::Writing;
            actions.push(Action::Write { session: id, chunk, large });
            return;
        }
        session.buffer = chunk;
        self.parked.park(id, session);
    }

    /// Starts a read if one is wanted and none is under way.
    fn start_read(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.reading.is_some() || self.sessions.is_empty() || self.polling.pauses(now) {
            return;
        }
        let Some(cache) = &self.cache else {
            self.polling.begins(!take(&mut self.resync), now);
            self.reading = Some((Read::Extent, None));
            return actions.push(Action::Read(Read::Extent));
        };
        let since = cache.head();
        let wanted = self.resync || now >= self.polling.due();
        let head = wanted.then_some(Read::Head(since.sequence));
        let behind = self.parked.first_awaiting_page().and_then(|id| self.sessions.get(id));
        let behind = behind.map(|session| Read::Backfill(session.position().sequence));
        let read = if self.head_next { head.or(behind) } else { behind.or(head) };
        if let Some(read) = read {
            let is_head = matches!(read, Read::Head(_));
            self.head_next = !is_head;
            if is_head {
                self.polling.begins(!take(&mut self.resync), now);
            }
            self.reading = Some((read, Some(since)));
            actions.push(Action::Read(read));
        }
    }

    /// Waits for what is pushed, once the head is known and while the log does not fail.
    fn start_wait(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let Some(cache) = &self.cache else { return };
        let at_work = self.waiting.is_some() || matches!(self.reading, Some((Read::Head(_) | Read::Extent, _)));
        if !self.pushes || self.sessions.is_empty() || at_work || self.resync || self.head_reads == 0 {
            return;
        }
        if !self.polling.pauses(now) {
            let head = cache.head();
            self.waiting = Some(head.clone());
            actions.push(Action::Wait(head));
        }
    }

    /// Takes in what was read.
    fn absorb(&mut self, read: Read, since: Option<Position>, page: Page, now: Instant, actions: &mut Vec<Action>) {
        let (found, head) = (!page.entries.is_empty(), page.extent.head);
        let absorbed = match (&mut self.cache, &since) {
            (Some(cache), Some(since)) => cache.absorb(read, since, page),
            // A session that knew its position joined meanwhile. It may know more than this read.
            (Some(_), None) => {
                self.resync = true;
                return;
            }
            (cache @ None, _) => {
                *cache = Some(LogCache::new(page.extent));
                Absorbed::Extended
            }
        };
        let is_backfill = matches!(read, Read::Backfill(_));
        if is_backfill && absorbed == Absorbed::Extended {
            self.parked.wake_awaiting_page();
        } else if found || absorbed != Absorbed::Extended || take(&mut self.unresolved) {
            self.parked.wake_all();
        }
        if !is_backfill {
            self.head_reads = self.head_reads.saturating_add(1);
            self.parked.wake_awaiting_position();
            self.polling.succeeded(found, now);
            let read_up_to = self.cache.as_ref().map_or(head, |cache| cache.head().sequence);
            // A page that does not reach the head is followed by the next one at once.
            self.resync |= found && read_up_to < head;
        }
        match absorbed {
            Absorbed::Extended => {}
            Absorbed::Hole { from, to } => self.announce_hole(from, &to),
            Absorbed::Replaced => {
                actions
                    .push(Action::Report("the log lost updates, or is another one: who had them is told of the gap"));
                self.resync = true;
                self.waiting = None;
            }
        }
    }

    /// Tells the sessions that are before a hole in the log, and moves them to its end.
    fn announce_hole(&mut self, from: u64, to: &Position) {
        let Some(cache) = &self.cache else { return };
        for id in self.parked.runnable() {
            let Some(session) = self.sessions.get_mut(*id) else { continue };
            let here = session.has_begun() && (from..to.sequence).contains(&session.position().sequence);
            let generation = session.generation.unwrap_or(cache.generation());
            if here && cache.validity(session.position(), generation) == Validity::Valid {
                let mut out = take(&mut session.buffer);
                session.announce_gap(to.clone(), &mut out);
                session.buffer = out;
            }
        }
    }
}

/// What [`serve_from`] could not settle.
struct Served {
    /// An update that is sent beside the chunk.
    large: Bytes,
    /// The head must be read before it is known which log is newer.
    unresolved: bool,
}

/// Puts what the cache has for a session into the session's buffer, and sets the state that the session has without it.
/// `known`: whether the head was read since the session joined.
fn serve_from(session: &mut Session, cache: &mut LogCache, known: bool) -> Served {
    let mut served = Served { large: Bytes::new(), unresolved: false };
    let mut out = take(&mut session.buffer);
    let validity = cache.validity(session.position(), session.generation.unwrap_or(cache.generation()));
    match validity {
        Validity::UnknownEpoch if !known => served.unresolved = true,
        Validity::UnknownEpoch | Validity::Truncated(_) => {
            let start = if let Validity::Truncated(start) = validity { start } else { cache.log_start() };
            session.announce_gap(start, &mut out);
            session.generation = Some(cache.generation());
        }
        Validity::Valid => {
            session.generation = Some(cache.generation());
            session.adopt(cache.epoch());
            // A segment of which the session hears nothing takes it to the next one.
            while out.is_empty() && served.large.is_empty() && !session.budget_used {
                let sequence = session.position().sequence;
                let Some(segment) = cache.segment(sequence) else { break };
                served.large = session.fill(segment.following(sequence), &mut out);
            }
        }
    }
    session.buffer = out;
    session.state = if cache.is_ahead_of(session.position()) { State::AwaitingPage } else { State::CaughtUp };
    served
}

#[cfg(test)]
impl Dispatcher {
    /// How far the sessions are.
    pub(super) fn positions(&self) -> impl Iterator<Item = &Position> {
        self.sessions.iter().map(|(_, session)| session.position())
    }

    /// Checks that each session is where its state says, and that what is held is bounded.
    #[track_caller]
    pub(super) fn check(&self) {
        let parked = self.parked.all();
        for (id, session) in &self.sessions {
            let times = parked.iter().filter(|parked| **parked == id).count();
            let in_flight = matches!(session.state, State::Writing | State::Interrupted | State::Ending);
            assert_eq!(times, usize::from(!in_flight), "session {id}: {session:?}");
            assert!(session.buffer.capacity() <= 4 * CHUNK, "{}", session.buffer.capacity());
        }
        assert_eq!(parked.iter().filter(|id| !self.sessions.contains(**id)).count(), 0);
        assert!(self.cache.as_ref().is_none_or(LogCache::is_bounded));
    }
}
