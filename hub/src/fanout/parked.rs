//! The sessions that no write is under way to, by what they wait for.
//!
//! There may be thousands, and most of the time nothing happens to most of them. Only sessions for which something
//! may have changed are looked at.

use std::collections::VecDeque;
use std::mem::take;

use slab::Slab;

use crate::fanout::session::Session;
use crate::fanout::state::{State, Target};
use crate::instant::Instant;

/// What is due within the same 100 ms is done together.
pub(crate) const SLACK: Instant = 100_000_000;

/// The indices of sessions, by what the sessions wait for. Those that have been sent all there is are in no list.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    runnable: Vec<usize>,
    awaiting_position: Vec<usize>,
    /// Who has waited longest comes first.
    awaiting_page: VecDeque<usize>,
    /// When one of those who wait is due, at the latest; `None` while none waits.
    due: Option<Instant>,
}

impl Parked {
    /// Puts a session where its state says.
    pub(crate) fn park(&mut self, index: usize, session: &Session) {
        match session.state {
            State::Runnable => return self.runnable.push(index),
            State::AwaitingPosition => self.awaiting_position.push(index),
            State::AwaitingPage => self.awaiting_page.push_back(index),
            State::CaughtUp => {}
            State::Writing | State::Interrupted | State::Ending => return,
        }
        let due = session.due().saturating_add(SLACK);
        self.due = Some(self.due.map_or(due, |earliest| earliest.min(due)));
    }

    /// Takes the sessions that must be looked at.
    pub(crate) fn take_runnable(&mut self) -> Vec<usize> {
        take(&mut self.runnable)
    }

    /// Gives the room of a list back that was taken.
    pub(crate) fn reuse(&mut self, mut list: Vec<usize>) {
        list.clear();
        if self.runnable.is_empty() {
            self.runnable = list;
        }
    }

    /// The log may have something for a session. One that has been sent all there is waits for a read from now on.
    pub(crate) fn want(&mut self, index: usize, session: &mut Session, target: Target) {
        session.want(target);
        if session.state == State::CaughtUp && session.target.is_some() {
            session.state = State::AwaitingPage;
            self.awaiting_page.push_back(index);
        }
    }

    /// A session that has been sent all there is must be looked at.
    pub(crate) fn wake(&mut self, index: usize, session: &mut Session) {
        if session.state == State::CaughtUp {
            session.state = State::Runnable;
            self.runnable.push(index);
        }
    }

    /// The read has ended that these sessions waited for: they must be looked at.
    pub(crate) fn wake_awaiting_page(&mut self, sessions: &mut Slab<Session>, woken: &[usize]) {
        self.awaiting_page.retain(|index| !woken.contains(index));
        for index in woken {
            // A session may have been woken meanwhile, or have ended.
            if let Some(session) = sessions.get_mut(*index).filter(|session| session.state == State::AwaitingPage) {
                session.state = State::Runnable;
                self.runnable.push(*index);
            }
        }
    }

    /// All sessions must be looked at that no write is under way to.
    pub(crate) fn wake_all(&mut self, sessions: &mut Slab<Session>) {
        self.awaiting_position.clear();
        self.awaiting_page.clear();
        self.runnable.clear();
        for (index, session) in sessions {
            if !matches!(session.state, State::Writing | State::Interrupted | State::Ending) {
                session.state = State::Runnable;
                self.runnable.push(index);
            }
        }
        self.due = None;
    }

    /// The position is known of the sessions that waited for it: they must be looked at.
    pub(crate) fn wake_awaiting_position(&mut self, sessions: &mut Slab<Session>) {
        for index in take(&mut self.awaiting_position) {
            if let Some(session) = sessions.get_mut(index) {
                session.state = State::Runnable;
                self.runnable.push(index);
            }
        }
    }

    /// The sessions that are due must be looked at.
    pub(crate) fn wake_due(&mut self, sessions: &mut Slab<Session>, now: Instant) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        let is_due =
            |index: &usize, sessions: &Slab<Session>| sessions.get(*index).is_none_or(|session| session.due() <= now);
        self.awaiting_position.retain(|index| !is_due(index, sessions));
        self.awaiting_page.retain(|index| !is_due(index, sessions));
        let mut next = Instant::MAX;
        for (index, session) in sessions {
            if matches!(session.state, State::AwaitingPosition | State::AwaitingPage | State::CaughtUp) {
                if session.due() <= now {
                    session.state = State::Runnable;
                    self.runnable.push(index);
                } else {
                    next = next.min(session.due());
                }
            }
        }
        self.due = (next < Instant::MAX).then(|| next.saturating_add(SLACK));
    }

    /// One of the sessions is due at this moment.
    pub(crate) fn due_by(&mut self, moment: Instant) {
        self.due = Some(self.due.map_or(moment, |earliest| earliest.min(moment)));
    }

    /// The sessions that wait for their position.
    pub(crate) fn awaiting_position(&self) -> &[usize] {
        &self.awaiting_position
    }

    /// Whether a session waits for a read.
    pub(crate) fn has_awaiting_page(&self) -> bool {
        !self.awaiting_page.is_empty()
    }

    /// The session that has waited longest for a read.
    pub(crate) fn first_awaiting_page(&self) -> Option<usize> {
        self.awaiting_page.front().copied()
    }

    /// Takes the sessions that wait for a read and of which `wanted` is true. The one that has waited longest is asked
    /// first.
    pub(crate) fn take_awaiting_page(&mut self, mut wanted: impl FnMut(usize) -> bool) -> Vec<usize> {
        let mut taken = Vec::new();
        self.awaiting_page.retain(|index| {
            let is_wanted = wanted(*index);
            if is_wanted {
                taken.push(*index);
            }
            !is_wanted
        });
        taken
    }

    /// The read failed that these sessions waited for: they wait for the next one.
    pub(crate) fn put_back(&mut self, sessions: &Slab<Session>, indices: Vec<usize>) {
        for index in indices.into_iter().rev() {
            let waits = sessions.get(index).is_some_and(|session| session.state == State::AwaitingPage);
            if waits && !self.awaiting_page.contains(&index) {
                self.awaiting_page.push_front(index);
            }
        }
    }

    /// When a session that waits is due, at the latest.
    pub(crate) fn due(&self) -> Instant {
        self.due.unwrap_or(Instant::MAX)
    }
}

#[cfg(test)]
impl Parked {
    /// The sessions of all lists.
    pub(super) fn all(&self) -> Vec<usize> {
        [&self.runnable, &self.awaiting_position].into_iter().flatten().chain(&self.awaiting_page).copied().collect()
    }
}
