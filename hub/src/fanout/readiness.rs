//! When an instance that has streams gets ready to publish.
//!
//! The first publication in an instance would wait for the log to be opened for writing. The instance does that before,
//! while nothing happens. A host gives publications to those instances that are there, and they are there because they
//! have streams.

use std::time::Duration;

use crate::instant::{Instant, after};

/// So long no client has come: a burst is over.
const CALM: Duration = Duration::from_millis(500);
/// Instances that began together do not get ready together: so much later at most.
const SPREAD_MS: u32 = 400;
/// Where there are more instances than these, each has few publications, and files that are open are dear.
const MOST: usize = 32;

/// Whether an instance is ready to publish.
#[derive(Debug)]
pub(crate) struct Readiness {
    /// When it is to get ready.
    at: Instant,
    is_ready: bool,
    /// So many instances there are, as far as the log has said.
    instances: Option<usize>,
}

impl Readiness {
    /// Of an instance that is not ready.
    pub(crate) fn new() -> Self {
        Readiness { at: Instant::MAX, is_ready: false, instances: None }
    }

    /// A client has come. `random` is any number.
    pub(crate) fn joined(&mut self, random: u32, now: Instant) {
        let spread = Duration::from_millis(u64::from(random.checked_rem(SPREAD_MS).unwrap_or_default()));
        self.at = after(now, CALM.saturating_add(spread));
    }

    /// The log has said how many instances there are.
    pub(crate) fn counted(&mut self, instances: usize) {
        self.instances = Some(instances);
    }

    /// When it is to get ready; `Instant::MAX` for never.
    pub(crate) fn due(&self) -> Instant {
        let is_wanted = !self.is_ready && self.instances.is_some_and(|instances| instances <= MOST);
        if is_wanted { self.at } else { Instant::MAX }
    }

    /// Whether it is to get ready now. It is told so once.
    pub(crate) fn begins(&mut self, now: Instant) -> bool {
        let begins = now >= self.due();
        self.is_ready |= begins;
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Instant = 1_000_000;

    #[test]
    fn an_instance_gets_ready_once_when_no_client_has_come_for_a_moment() {
        let mut readiness = Readiness::new();
        readiness.counted(1);
        assert!(!readiness.begins(9_999 * MS), "it has no stream");
        readiness.joined(7, 1_000 * MS);
        assert!(!readiness.begins(1_506 * MS));
        readiness.joined(400 + 7, 1_400 * MS);
        assert!(!readiness.begins(1_906 * MS) && readiness.begins(1_907 * MS));
        assert!(!readiness.begins(1_908 * MS));
        readiness.joined(7, 2_000 * MS);
        assert_eq!(readiness.due(), Instant::MAX);
    }

    #[test]
    fn where_there_are_many_instances_none_gets_ready_before_it_must() {
        let mut readiness = Readiness::new();
        readiness.joined(0, 0);
        assert_eq!(readiness.due(), Instant::MAX, "the log has not said so yet");
        readiness.counted(33);
        assert_eq!(readiness.due(), Instant::MAX);
        readiness.counted(32);
        assert_eq!(readiness.due(), 500 * MS);
    }
}
