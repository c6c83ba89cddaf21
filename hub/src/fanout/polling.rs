//! When the head of the log is read without a notification, and how long a failing log is left alone.

use std::time::Duration;

use crate::fanout::instant::{Instant, after};

/// How long the log must be quiet before it is polled less often.
const QUIET: Duration = Duration::from_secs(10);
/// For how long more updates are expected after another instance published one.
const BUSY: Duration = Duration::from_secs(1);
/// While busy, the log is polled so many times as often.
const BUSY_FACTOR: u32 = 10;
/// While busy, at most a twentieth of the time goes to reads.
const BUSY_SHARE: u32 = 20;
/// How long a failing log is left alone: after the first failure, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The polling of one dispatcher.
#[derive(Debug)]
pub(crate) struct Polling {
    interval: Duration,
    due: Instant,
    last_update: Instant,
    failures: u32,
    /// When the present read of the head began.
    began: Instant,
    /// No notification asked for the present read.
    unprompted: bool,
    /// Until when other instances are expected to publish more.
    busy_until: Instant,
    /// The state of a generator of random numbers.
    random: u64,
}

impl Polling {
    /// Polls every `interval`, beginning now. `seed` is random: many instances lose the same log at the same moment.
    pub(crate) fn new(interval: Duration, seed: u64, now: Instant) -> Self {
        Polling {
            interval,
            due: now,
            last_update: now,
            failures: 0,
            began: now,
            unprompted: true,
            busy_until: now,
            random: seed,
        }
    }

    /// When the head must be read.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Whether the log failed and is left alone until the next read is due.
    pub(crate) fn pauses(&self, now: Instant) -> bool {
        self.failures > 0 && now < self.due
    }

    /// A read of the head begins; `unprompted` when no notification asked for it.
    pub(crate) fn begins(&mut self, unprompted: bool, now: Instant) {
        (self.began, self.unprompted) = (now, unprompted);
    }

    /// A read of the head succeeded, and returned updates or none.
    pub(crate) fn succeeded(&mut self, found_updates: bool, now: Instant) {
        if found_updates {
            self.last_update = now;
        }
        self.failures = 0;
        if found_updates && self.unprompted {
            self.busy_until = after(now, BUSY);
        }
        let wait = if now < self.busy_until {
            let took = Duration::from_nanos(now.saturating_sub(self.began));
            let often = self.interval.checked_div(BUSY_FACTOR).unwrap_or_default();
            took.saturating_mul(BUSY_SHARE).max(often).min(self.interval)
        } else if now > after(self.last_update, QUIET) {
            self.interval.saturating_mul(4)
        } else {
            self.interval
        };
        self.due = after(now, wait);
    }

    /// A read failed.
    pub(crate) fn failed(&mut self, now: Instant) {
        let (first, most) = BACKOFF;
        let backoff = first.saturating_mul(2_u32.saturating_pow(self.failures.min(16))).min(most);
        self.failures = self.failures.saturating_add(1);
        // 80 % to 100 %.
        let millionths = 800_000_u32.saturating_add(self.next_random() % 200_000);
        self.due = after(now, backoff.saturating_mul(millionths).checked_div(1_000_000).unwrap_or(backoff));
    }

    /// A linear congruential generator; its high bits are good enough to spread retries.
    fn next_random(&mut self) -> u32 {
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

    #[test]
    fn a_log_is_polled_at_its_interval_and_less_often_when_it_is_quiet() {
        let mut polling = polling();
        assert_eq!(polling.due(), 0);
        polling.begins(true, 0);
        polling.succeeded(false, MS);
        assert_eq!(polling.due(), 51 * MS);
        polling.succeeded(false, 11_000 * MS);
        assert_eq!(polling.due(), 11_200 * MS);
    }

    #[test]
    fn a_log_that_others_append_to_is_polled_more_often_for_a_second() {
        let mut polling = polling();
        polling.begins(true, 0);
        polling.succeeded(true, MS / 10);
        assert_eq!(polling.due(), MS / 10 + 5 * MS);
        polling.begins(true, 5 * MS);
        polling.succeeded(false, 6 * MS);
        assert_eq!(polling.due(), 26 * MS, "at most a twentieth of the time goes to reads");
        polling.begins(true, 2_000 * MS);
        polling.succeeded(false, 2_001 * MS);
        assert_eq!(polling.due(), 2_051 * MS);
    }

    #[test]
    fn what_a_notification_announced_is_no_reason_to_poll_more_often() {
        let mut polling = polling();
        polling.begins(false, 0);
        polling.succeeded(true, MS);
        assert_eq!(polling.due(), 51 * MS);
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
        polling.succeeded(false, now);
        assert!(!polling.pauses(now));
    }
}
