//! A round of the dispatcher: what is to be done now.

use std::mem::take;
use std::time::Duration;

use crate::fanout::action::{Action, Cause, SessionId};
use crate::fanout::cache::{Read, Validity};
use crate::fanout::dispatcher::Dispatcher;
use crate::fanout::resume::Resume;
use crate::fanout::settings::Wakeups;
use crate::fanout::state::{State, Target};
use crate::instant::{Instant, after};
use crate::log::Position;

/// How long a reader has to take a stream's last words.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long after that, or after its deadline, a reader may still stall in the middle of a chunk.
const STALLED: Duration = Duration::from_secs(10);

impl Dispatcher {
    /// Appends what is to be done now.
    pub fn round(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.sound_alarms(now, actions);
        self.parked.wake_due(&mut self.sessions, now);
        let runnable = self.parked.take_runnable();
        for id in &runnable {
            self.serve(*id, now, actions);
        }
        self.parked.reuse(runnable);
        actions.extend(self.gathering.turns_door(now));
        if self.sessions.is_empty() {
            return;
        }
        if self.readiness.begins(now) {
            actions.push(Action::Prepare);
        }
        self.start_read(now, actions);
        let registration = self.listening.start(&mut self.interests, self.sessions.len(), now);
        actions.extend(registration.map(Action::Register));
        if self.must_wait() && self.waiting.is_err_and(|not_before| now >= not_before) {
            self.waiting = Ok(());
            actions.push(Action::Wait(self.listening.listener()));
        }
    }

    /// Whether the log is to be waited for.
    pub(super) fn must_wait(&self) -> bool {
        self.wakeups == Wakeups::Awaited && self.listening.is_known()
    }

    /// Whether this instance is woken for all that it hears.
    pub(super) fn is_told(&self) -> bool {
        self.listening.is_told() && !self.wait_fails
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
                        if !session.parts.goes_on {
                            actions.push(Action::Interrupt(id));
                        }
                    }
                    State::Interrupted => actions.push(Action::Cut(id)),
                    // It is looked at in this round, and ends.
                    State::AwaitingPosition | State::Runnable | State::AwaitingPage | State::CaughtUp => {
                        self.parked.due_by(now);
                    }
                }
            }
            self.next_alarm = self.next_alarm.min(session.alarm);
        }
    }

    /// Gives a session what there is for it, or parks it.
    fn serve(&mut self, id: SessionId, now: Instant, actions: &mut Vec<Action>) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let mut is_over = false;
        session.take_last_look(self.reader.begun(), now);
        if !session.has_begun() {
            session.state = State::AwaitingPosition;
        } else if let Some(cache) =
            self.reader.cache.as_ref().filter(|_| now < session.deadline || session.parts.is_inside())
        {
            self.unresolved |= session.serve(cache, &mut self.patterns, self.reader.succeeded());
            is_over = session.generation == Some(cache.generation())
                && self.interests.have_ended(&session.topics, session.position().sequence);
            if !is_over {
                session.knows_ended(self.reader.none_ended());
                session.want_ended();
            }
        }
        let mut chunk = take(&mut session.buffer);
        let cause = if is_over { Cause::TopicsEnded } else { Cause::Budget };
        let is_late = now >= session.deadline;
        // The rest of an update that was begun is sent all the same, if it is there.
        let goes_on = session.parts.goes_on && !chunk.is_empty();
        let has_no_more = (session.budget_used || is_over) && chunk.is_empty();
        if session.parts.is_broken || (is_late && !goes_on) || has_no_more {
            if !session.parts.is_inside() {
                session.last_words(self.reader.known_extent(), &mut chunk, cause);
            }
            session.state = State::Ending;
            session.alarm = after(now, LAST_WORDS);
            self.next_alarm = self.next_alarm.min(session.alarm);
            actions.push(Action::End { session: id, last_words: chunk, cause });
            return;
        }
        if chunk.is_empty() && session.wants_keep_alive(now) {
            session.keep_alive(self.reader.known_extent(), &mut chunk);
        }
        if chunk.is_empty() {
            session.buffer = chunk;
            self.parked.park(id, session);
        } else {
            session.state = if is_late { State::Interrupted } else { State::Writing };
            actions.push(Action::Write { session: id, chunk });
        }
    }

    /// Starts a read, if one is wanted and none is under way.
    fn start_read(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if !self.reader.is_free(now) {
            return;
        }
        let waiting = self.parked.awaiting_position().iter().filter_map(|id| self.sessions.get(*id));
        let asked = waiting.map(|session| session.asked).min();
        let pages_first = self.parked.has_awaiting_page() && self.reader.is_turn_of_pages(asked.is_some(), now);
        let read = if pages_first { None } else { self.reader.wanted(asked, now) };
        let (read, sessions) = match read {
            Some(read) => (read, Vec::new()),
            None => match self.take_group() {
                Some((interest, sessions)) => (Read::After(interest), sessions),
                None => return,
            },
        };
        self.reader.begin(read.clone(), sessions);
        actions.push(Action::Read(read));
    }

    /// Lets the sessions begin that waited for their position, at where the log ended when the first of them `asked`.
    /// One that was sent a keep-alive when that was read may have asked before: it waits for the next read.
    pub(super) fn begin_all(&mut self, start: &Position, asked: Instant) {
        let target = Target { sequence: self.extent().map_or(0, |extent| extent.head), reads: self.reader.begun() };
        for id in self.parked.awaiting_position() {
            if let Some(session) = self.sessions.get_mut(*id).filter(|session| session.asked >= asked) {
                session.begin(Resume::at_end(start.clone()));
                session.want(target);
                self.reader.place(session);
            }
        }
        self.parked.wake_awaiting_position(&mut self.sessions);
    }

    /// The log may have something up to a sequence for every session.
    pub(super) fn want_all(&mut self, sequence: u64) {
        let target = Target { sequence, reads: self.reader.begun() };
        for (id, session) in &mut self.sessions {
            self.parked.want(id, session, target);
        }
    }

    /// The sessions must be looked at that waited for another read than the last one, which serves them too.
    pub(super) fn wake_covered(&mut self) {
        let Dispatcher { sessions, parked, reader, .. } = self;
        let Some(newest) = reader.cache.as_ref().and_then(|cache| cache.newest()) else { return };
        let covered = parked.take_awaiting_page(|id| {
            sessions.get(id).is_none_or(|session| newest.covers(&session.topics, session.position().sequence))
        });
        for id in &covered {
            if let Some(session) = sessions.get_mut(*id) {
                session.state = State::Runnable;
                parked.park(*id, session);
            }
        }
    }

    /// Tells the sessions that are before a hole in the log, and moves them to its end.
    pub(super) fn announce_hole(&mut self, from: u64, to: &Position) {
        self.parked.wake_all(&mut self.sessions);
        let Some(cache) = &self.reader.cache else { return };
        for (_, session) in &mut self.sessions {
            let is_before = session.has_begun() && (from..to.sequence).contains(&session.position().sequence);
            let generation = session.generation.unwrap_or(cache.generation());
            if is_before
                && session.state == State::Runnable
                && cache.validity(session.position(), generation) == Validity::Valid
            {
                session.announce_gap(to.clone());
            }
        }
    }

    /// Ends the streams that had joined before a moment, one by one. Whether there is one.
    pub(super) fn leave(&mut self, since: Instant) -> bool {
        let mut leaves = false;
        for (_, session) in self.sessions.iter_mut().filter(|(_, session)| session.joined < since) {
            let share = self.reader.polling.next_random();
            if let Some(deadline) = self.gathering.deadline(share) {
                leaves = true;
                session.end_by(deadline);
                self.next_alarm = self.next_alarm.min(session.alarm);
                self.parked.due_by(session.due());
            }
        }
        leaves
    }
}

#[cfg(test)]
impl Dispatcher {
    /// How far the sessions are.
    pub(super) fn positions(&self) -> impl Iterator<Item = &Position> {
        self.sessions.iter().map(|(_, session)| session.position())
    }

    /// Whether a session waits for something that the log may have, or the log must be told of a topic.
    pub(super) fn is_busy(&self) -> bool {
        self.listening.is_under_way()
            || self.interests.has_new()
            || self.sessions.iter().any(|(_, session)| session.target.is_some() || !session.has_begun())
    }

    /// Checks that each session is where its state says, and that what is held is bounded.
    #[track_caller]
    pub(super) fn check(&self) {
        let parked = self.parked.all();
        for (id, session) in &self.sessions {
            let times = parked.iter().filter(|parked| **parked == id).count();
            let expected = match session.state {
                State::Writing | State::Interrupted | State::Ending | State::CaughtUp => 0,
                State::AwaitingPage if self.reader.serves(id) => times.min(1),
                State::AwaitingPosition | State::Runnable | State::AwaitingPage => 1,
            };
            assert_eq!(times, expected, "session {id}: {session:?}");
            assert!(session.state != State::CaughtUp || session.target.is_none(), "session {id}: {session:?}");
            assert!(session.alarm >= self.next_alarm, "session {id}: {session:?}");
            assert!(session.buffer.capacity() <= 4 * crate::fanout::parts::CHUNK, "{}", session.buffer.capacity());
        }
        assert_eq!(parked.iter().filter(|id| !self.sessions.contains(**id)).count(), 0);
        assert!(self.reader.cache.as_ref().is_none_or(|cache| cache.is_bounded()));
        let used = self.sessions.iter().map(|(_, session)| session.followed.len() + session.readable.len());
        assert_eq!(self.patterns.uses(), used.sum::<usize>());
    }
}
