//! The sessions that are not being written to.
//!
//! There may be thousands, and most of the time nothing happens to most of them: only those are looked at for which
//! something may have changed.

use std::mem::take;
use std::time::Duration;

use spin_sse::timer::{Instant, after};

use crate::hub::log::Position;
use crate::hub::ready::Ready;

/// A sign of life goes to a subscriber that was sent nothing for so long.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What is due within the same moment is done together.
const MOMENT: u64 = 100_000_000;

/// Sessions between two writes.
#[derive(Default)]
pub struct Idle {
    /// Their write has ended, or there is something new for them.
    ready: Vec<Ready>,
    /// What they miss has to be read first.
    behind: Vec<Ready>,
    /// They have all there is.
    content: Vec<Ready>,
    /// When one of those who wait is due, at the latest; `None` while none waits.
    due: Option<Instant>,
}

impl Idle {
    /// Adds a session that is to be looked at.
    pub fn push(&mut self, session: Ready) {
        self.ready.push(session);
    }

    /// Takes those that are to be looked at.
    pub fn take_ready(&mut self) -> Vec<Ready> {
        take(&mut self.ready)
    }

    /// Puts a session aside until what it misses is read.
    pub fn wait_for_page(&mut self, session: Ready) {
        self.note_due(&session);
        self.behind.push(session);
    }

    /// Puts a session aside until there is something new.
    pub fn wait_for_news(&mut self, session: Ready) {
        self.note_due(&session);
        self.content.push(session);
    }

    /// There is something new: all are to be looked at.
    pub fn wake(&mut self) {
        self.ready.append(&mut self.behind);
        self.ready.append(&mut self.content);
        self.due = None;
    }

    /// A page was read: those who wait for one are to be looked at.
    pub fn wake_behind(&mut self) {
        self.ready.append(&mut self.behind);
    }

    /// Those that are due are to be looked at.
    pub fn wake_due(&mut self, now: Instant) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.ready.extend(self.behind.extract_if(.., |session| due(session) <= now));
        self.ready.extend(self.content.extract_if(.., |session| due(session) <= now));
        let next = self.behind.iter().chain(&self.content).map(due).min();
        self.due = next.map(|next| next.saturating_add(MOMENT));
    }

    /// Where one is who waits for a page.
    pub fn behind(&self) -> Option<&Position> {
        self.behind.first().map(|session| session.subscriber.position())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.behind.is_empty() && self.content.is_empty()
    }

    /// When someone is due who waits, at the latest.
    pub fn due(&self) -> Instant {
        self.due.unwrap_or(Instant::MAX)
    }

    fn note_due(&mut self, session: &Ready) {
        let due = due(session).saturating_add(MOMENT);
        self.due = Some(self.due.map_or(due, |earliest| earliest.min(due)));
    }
}

/// When there is something to do for a session even if nothing new comes.
fn due(session: &Ready) -> Instant {
    session.deadline.min(after(session.last_write, KEEP_ALIVE))
}
