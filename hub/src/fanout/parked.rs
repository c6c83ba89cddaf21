//! The sessions that no write is under way to, by what they wait for.
//!
//! There may be thousands, and most of the time nothing happens to most of them. Only sessions for which something
//! may have changed are looked at.

use std::mem::take;

use slab::Slab;

use crate::fanout::instant::Instant;
use crate::fanout::session::Session;
use crate::fanout::state::State;

/// What is due within the same 100 ms is done together.
pub(crate) const SLACK: Instant = 100_000_000;

/// The indices of sessions, by what the sessions wait for.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    runnable: Vec<usize>,
    awaiting_position: Vec<usize>,
    awaiting_page: Vec<usize>,
    caught_up: Vec<usize>,
    /// When one of those who wait is due, at the latest; `None` while none waits.
    due: Option<Instant>,
}

impl Parked {
    /// Puts a session where its state says.
    pub(crate) fn park(&mut self, index: usize, session: &Session) {
        let list = match session.state {
            State::Runnable => return self.runnable.push(index),
            State::AwaitingPosition => &mut self.awaiting_position,
            State::AwaitingPage => &mut self.awaiting_page,
            State::CaughtUp => &mut self.caught_up,
            State::Writing | State::Interrupted | State::Ending => return,
        };
        list.push(index);
        let due = session.due().saturating_add(SLACK);
        self.due = Some(self.due.map_or(due, |earliest| earliest.min(due)));
    }

    /// The sessions that must be looked at.
    pub(crate) fn runnable(&self) -> &[usize] {
        &self.runnable
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

    /// There is something new: all sessions must be looked at.
    pub(crate) fn wake_all(&mut self) {
        self.wake_awaiting_position();
        self.wake_awaiting_page();
        self.runnable.append(&mut self.caught_up);
        self.due = None;
    }

    /// A page was read: the sessions that wait for a page must be looked at.
    pub(crate) fn wake_awaiting_page(&mut self) {
        self.runnable.append(&mut self.awaiting_page);
    }

    /// The end of the log was read: the sessions that wait for their position must be looked at.
    pub(crate) fn wake_awaiting_position(&mut self) {
        self.runnable.append(&mut self.awaiting_position);
    }

    /// The sessions that are due must be looked at.
    pub(crate) fn wake_due(&mut self, sessions: &Slab<Session>, now: Instant) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        let due = |index: &usize| sessions.get(*index).map_or(0, Session::due);
        let lists = [&mut self.awaiting_position, &mut self.awaiting_page, &mut self.caught_up];
        let mut next = Instant::MAX;
        for list in lists {
            self.runnable.extend(list.extract_if(.., |index| due(index) <= now));
            next = next.min(list.iter().map(due).min().unwrap_or(Instant::MAX));
        }
        self.due = (next < Instant::MAX).then(|| next.saturating_add(SLACK));
    }

    /// The sessions that wait are looked at in the present round: the time of one of them is over.
    pub(crate) fn set_due(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// A session that waits for a page.
    pub(crate) fn first_awaiting_page(&self) -> Option<usize> {
        self.awaiting_page.first().copied()
    }

    /// The sessions that wait for their position.
    pub(crate) fn awaiting_position(&self) -> &[usize] {
        &self.awaiting_position
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
        [&self.runnable, &self.awaiting_position, &self.awaiting_page, &self.caught_up]
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }
}
