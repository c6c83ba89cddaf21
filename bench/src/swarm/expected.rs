//! Which update a subscriber expects next.

use std::sync::atomic::Ordering;

use super::Swarm;

impl Swarm {
    /// Expects any number next of those who read: another publisher begins.
    pub fn forget(&mut self) {
        let readers = self.subscribers.iter_mut().filter(|subscriber| !subscriber.stopped);
        readers.for_each(|subscriber| subscriber.next = None);
        self.progress.store(0, Ordering::Relaxed);
        self.take();
    }

    /// Expects this number next of all.
    pub fn expect(&mut self, next: u64) {
        self.subscribers.iter_mut().for_each(|subscriber| subscriber.next = Some(next));
    }

    /// Expects this number next of those who have received nothing.
    pub fn expect_first(&mut self, next: u64) {
        self.subscribers.iter_mut().for_each(|subscriber| {
            subscriber.next.get_or_insert(next);
        });
    }
}
