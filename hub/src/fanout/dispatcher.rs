//! The dispatcher: follows the log, and decides what is written to which session, and when.
//!
//! It does no I/O and reads no clock. It is told what happened, and after each round says what to do. A round takes
//! what is new in the cache, and gives it to every session that hears it and that no write is under way to. What is
//! published during a round is carried by the next one. A session whose write has not ended is not in the round: the
//! session costs its position and one chunk, and nobody waits for it.

use std::mem::take;
use std::time::Duration;

use bytes::Bytes;
use slab::Slab;

use crate::fanout::action::{Action, SessionId};
use crate::fanout::cache::{Absorbed, Validity};
use crate::fanout::instant::{Instant, after};
use crate::fanout::parked::{Parked, SLACK};
use crate::fanout::reader::{Found, Reader};
use crate::fanout::resume::Resume;
use crate::fanout::session::{CHUNK, NewSession, Session};
use crate::fanout::state::State;
use crate::log::{Page, Position, Pushed, Unavailable};

/// How long a reader has to take a stream's last words.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long after that, or after its deadline, a reader may still stall in the middle of a chunk.
const STALLED: Duration = Duration::from_secs(10);
/// What who runs the hub is told of a log that was replaced.
const REPLACED: &str = "the log lost updates, or is another one: who had them is told of the gap";

/// The dispatcher of one instance.
#[derive(Debug)]
pub struct Dispatcher {
    sessions: Slab<Session>,
    parked: Parked,
    reader: Reader,
    /// When the first alarm of a session is, at the earliest.
    next_alarm: Instant,
    /// A session waits for a read of the head, to know which of two logs is newer.
    unresolved: bool,
}

impl Dispatcher {
    /// A dispatcher without sessions.
    ///
    /// `poll` is how often the head is read of a log that does not push. `seed` is any random number.
    pub fn new(poll: Duration, pushes: bool, seed: u64, now: Instant) -> Self {
        Dispatcher {
            sessions: Slab::new(),
            parked: Parked::default(),
            reader: Reader::new(poll, pushes, seed, now),
            next_alarm: Instant::MAX,
            unresolved: false,
        }
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// When there is something to do although nothing happens; `Instant::MAX` for never.
    pub fn due(&self) -> Instant {
        self.parked.due().min(self.next_alarm.saturating_add(SLACK)).min(self.reader.due())
    }

    /// The newest position in the log that this instance knows: an update that is published later comes after it.
    pub fn known_head(&self) -> Option<Position> {
        self.reader.known_head()
    }

    /// A session joins. One with a position has its response head sent. One without waits for [`Action::Answer`].
    pub fn join(&mut self, new: NewSession, now: Instant) -> SessionId {
        let mut session = Session::new(new, self.reader.head_reads_from_now(), now);
        self.reader.place(&mut session);
        self.next_alarm = self.next_alarm.min(session.alarm);
        let id = self.sessions.insert(session);
        if let Some(session) = self.sessions.get(id) {
            self.parked.park(id, session);
        }
        id
    }

    /// This instance published something.
    pub fn published(&mut self) {
        self.reader.published();
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

    /// The read has ended.
    pub fn read_ended(&mut self, result: Result<Page, Unavailable>, now: Instant, actions: &mut Vec<Action>) {
        match self.reader.read_ended(result, now) {
            Found::Failed => self.answer_all(actions),
            Found::Page => self.parked.wake_awaiting_page(),
            Found::Nothing if take(&mut self.unresolved) => self.parked.wake_all(),
            Found::Nothing => self.parked.wake_awaiting_position(),
            Found::News(absorbed) => {
                self.parked.wake_all();
                match absorbed {
                    Absorbed::Extended => {}
                    Absorbed::Hole { from, to } => self.announce_hole(from, &to),
                    Absorbed::Replaced => actions.push(Action::Report(REPLACED)),
                }
            }
        }
    }

    /// The wait has ended.
    pub fn wait_ended(&mut self, result: Result<Pushed, Unavailable>, now: Instant) {
        if self.reader.wait_ended(result, now) {
            self.parked.wake_all();
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
        if !self.sessions.is_empty() {
            let behind = self.parked.first_awaiting_page().and_then(|id| self.sessions.get(id));
            self.reader.start(behind.map(|session| session.position().sequence), now, actions);
        }
    }

    /// Lets the requests answer that wait for a position. While the log is away nothing is published, so nothing is
    /// missed.
    fn answer_all(&mut self, actions: &mut Vec<Action>) {
        for id in self.parked.awaiting_position() {
            if let Some(session) = self.sessions.get_mut(*id).filter(|session| !session.answered) {
                session.answered = true;
                actions.push(Action::Answer(*id));
            }
        }
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
        let head_reads = self.reader.head_reads();
        let Some(session) = self.sessions.get_mut(id) else { return };
        let mut large = Bytes::new();
        if !session.has_begun() {
            session.state = State::AwaitingPosition;
        } else if let Some(cache) = self.reader.cache.as_mut().filter(|_| now < session.deadline) {
            let served = session.serve(cache, head_reads);
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
        if !anything && session.wants_keep_alive(now) {
            session.keep_alive(&mut chunk);
        }
        if chunk.is_empty() && large.is_empty() {
            session.buffer = chunk;
            self.parked.park(id, session);
        } else {
            session.state = State::Writing;
            actions.push(Action::Write { session: id, chunk, large });
        }
    }

    /// Tells the sessions that are before a hole in the log, and moves them to its end.
    fn announce_hole(&mut self, from: u64, to: &Position) {
        let Some(cache) = &self.reader.cache else { return };
        for id in self.parked.runnable() {
            let Some(session) = self.sessions.get_mut(*id) else { continue };
            let is_before = session.has_begun() && (from..to.sequence).contains(&session.position().sequence);
            let generation = session.generation.unwrap_or(cache.generation());
            if is_before && cache.validity(session.position(), generation) == Validity::Valid {
                session.announce_gap(to.clone());
            }
        }
    }
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
            assert!(session.alarm >= self.next_alarm, "session {id}: {session:?}");
            assert!(session.buffer.capacity() <= 4 * CHUNK, "{}", session.buffer.capacity());
        }
        assert_eq!(parked.iter().filter(|id| !self.sessions.contains(**id)).count(), 0);
        assert!(self.reader.cache.as_ref().is_none_or(|cache| cache.is_bounded()));
    }
}
