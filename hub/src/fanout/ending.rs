//! Topics that have ended: their streams end.
//!
//! A stream ends when all its topics have ended and the stream is at or after their last updates. What ends while a
//! session follows it is found by the reads that bring its last update to this instance. What ended before the session
//! came is found by one read of the session's topics; where the log has no topic that has ended, without one.

use crate::fanout::cache::{Absorbed, Read};
use crate::fanout::dispatcher::Dispatcher;
use crate::log::{Ended, Interest};

impl Dispatcher {
    /// Takes in which topics have ended, as the last read says. Who follows them must be looked at.
    pub(super) fn absorb_ended(&mut self, read: &Read, absorbed: &Absorbed, waited: &[usize], ended: &Ended) {
        let reads = self.reader.begun();
        if let Absorbed::Replaced = absorbed {
            self.interests.forget_ended();
            for (_, session) in &mut self.sessions {
                session.ask_ended(reads);
            }
            return;
        }
        if self.reader.known_extent().is_some_and(|extent| !extent.has_ended_topics) {
            // The log may have forgotten why.
            self.interests.forget_ended();
        }
        let Read::After(interest) = read else { return };
        if let Interest::Topics(_) = interest {
            for id in waited {
                if let Some(session) = self.sessions.get_mut(*id) {
                    session.knows_ended(reads);
                }
            }
        }
        for id in self.interests.set_ended(interest, ended) {
            if let Some(session) = self.sessions.get_mut(id) {
                self.parked.wake(id, session);
            }
        }
    }
}
