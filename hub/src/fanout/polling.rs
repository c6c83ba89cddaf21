//! When the log is read although nothing was announced, and how long a failing log is left alone.

use std::time::Duration;

use crate::instant::{Instant, after};

/// How often an instance reads the log where wake-ups work: a wake-up may be lost.
const SAFETY: Duration = Duration::from_secs(2);
/// All instances together read the log so often at most, where wake-ups work.
const TOGETHER: Duration = Duration::from_millis(50);
/// The same where nothing wakes them: a read takes 0.43 ms of processor time, so this is 5 % of a core.
const TOGETHER_UNTOLD: Duration = Duration::from_millis(9);
/// How many instances there are, as long as the log has not said so.
const UNKNOWN: u32 = 20;
/// How long a failing log is left alone: after the first failure, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The polling of one dispatcher.
#[derive(Debug)]
pub(crate) struct Polling {
    /// The shortest interval.
    shortest: Duration,
    interval: Duration,
    /// When the log was read last.
    read_at: Instant,
    due: Instant,
    failures: u32,
    /// How many instances there are.
    instances: u32,
    /// The state of a generator of random numbers.
    random: u64,
}

impl Polling {
    /// Polls every `shortest` at most. `seed` is random: many instances lose the same log at the same moment.
    pub(crate) fn new(shortest: Duration, seed: u64, now: Instant) -> Self {
        let (due, failures, instances) = (Instant::MAX, 0, UNKNOWN);
        let mut polling =
            Polling { shortest, interval: shortest, read_at: now, due, failures, instances, random: seed };
        polling.adapt(false, None);
        polling
    }

    /// When the log must be read.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// When the log was read last.
    pub(crate) fn read_at(&self) -> Instant {
        self.read_at
    }

    /// Whether wake-ups tell this instance of all that it hears, and how many instances there are, if that is news.
    pub(crate) fn adapt(&mut self, told: bool, instances: Option<usize>) {
        if let Some(instances) = instances {
            self.instances = u32::try_from(instances).unwrap_or(u32::MAX);
        }
        self.interval = if told {
            TOGETHER.saturating_mul(self.instances).max(SAFETY)
        } else {
            TOGETHER_UNTOLD.saturating_mul(self.instances)
        };
        self.interval = self.interval.max(self.shortest);
        if self.failures == 0 {
            self.schedule();
        }
    }

    /// Whether the log failed and is left alone until the next read is due.
    pub(crate) fn pauses(&self, now: Instant) -> bool {
        self.failures > 0 && now < self.due
    }

    /// The log was read to its end.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        (self.failures, self.read_at) = (0, now);
        self.schedule();
    }

    /// A read failed.
    pub(crate) fn failed(&mut self, now: Instant) {
        let (first, most) = BACKOFF;
        let backoff = first.saturating_mul(2_u32.saturating_pow(self.failures.min(16))).min(most);
        self.failures = self.failures.saturating_add(1);
        self.due = after(now, self.scattered(backoff));
    }

    fn schedule(&mut self) {
        let wait = self.scattered(self.interval);
        self.due = after(self.read_at, wait);
    }

    /// 80 % to 100 % of a duration, so that instances that began together do not go on together.
    fn scattered(&mut self, duration: Duration) -> Duration {
        let millionths = 800_000_u32.saturating_add(self.next_random() % 200_000);
        duration.saturating_mul(millionths).checked_div(1_000_000).unwrap_or(duration)
    }

    /// A linear congruential generator; its high bits are good enough to spread reads.
    pub(crate) fn next_random(&mut self) -> u32 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Instant = 1_000_000;

    fn polling() -> Polling {
        Polling::new(Duration::from_millis(50), 7, 0)
    }

    #[track_caller]
    fn check(told: bool, instances: usize, ms: u64) {
        let mut polling = polling();
        polling.adapt(told, Some(instances));
        polling.succeeded(1_000 * MS);
        let wait = polling.due() / MS - 1_000;
        assert!((ms * 8 / 10 - 1..=ms).contains(&wait), "{wait} of {ms}");
    }

    #[test]
    fn who_is_told_of_news_looks_every_two_seconds_or_less() {
        check(true, 1, 2_000);
        check(true, 40, 2_000);
        check(true, 200, 10_000);
    }

    #[test]
    fn who_is_not_told_looks_more_often_the_fewer_instances_there_are() {
        check(false, 1, 50);
        check(false, 5, 50);
        check(false, 100, 900);
    }

    #[test]
    fn who_loses_its_wakeups_goes_on_to_know_how_many_instances_there_are() {
        for (instances, ms) in [(1, 50), (400, 3_600)] {
            let mut polling = polling();
            polling.adapt(true, Some(instances));
            polling.adapt(false, None);
            polling.succeeded(1_000 * MS);
            let wait = polling.due() / MS - 1_000;
            assert!((ms * 8 / 10 - 1..=ms).contains(&wait), "{wait} of {ms}");
        }
    }

    #[test]
    fn a_log_that_fails_is_left_alone_for_longer_and_longer() {
        let mut polling = polling();
        let mut now = 0;
        for most in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            polling.failed(now);
            let pause = (polling.due() - now) / MS;
            assert!((most * 8 / 10..=most).contains(&pause), "{pause} of {most}");
            assert!(polling.pauses(now) && !polling.pauses(polling.due()));
            now = polling.due();
        }
        polling.succeeded(now);
        assert!(!polling.pauses(now));
    }
}
