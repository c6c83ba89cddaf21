//! When the log is looked at without being told of news, and how a failing one is treated.

use std::time::Duration;

use spin_sse::timer::{Instant, after, jittered, now};

/// How long the log must be quiet before it is polled less often.
const QUIET: Duration = Duration::from_secs(10);
/// For how long more is expected from others who published.
const BUSY: Duration = Duration::from_secs(1);
/// How many times as often a log is polled meanwhile.
const OFTEN: u32 = 10;
/// Of how much time at most one part is spent on looking then.
const SHARE: u32 = 20;
/// How long a log that fails is left alone at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The polling of one tail.
#[derive(Debug)]
pub struct Polling {
    interval: Duration,
    due: Instant,
    last_news: Instant,
    failures: u32,
    /// When the present look began.
    began: Instant,
    /// Nobody had told that there is something.
    unprompted: bool,
    /// Until when others are expected to publish more.
    busy_until: Instant,
}

impl Polling {
    /// Polls every `interval`, beginning now.
    pub fn new(interval: Duration) -> Self {
        let now = now();
        Polling { interval, due: now, last_news: now, failures: 0, began: now, unprompted: true, busy_until: now }
    }

    /// When the next look is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Whether the log failed and is left alone until the next look is due.
    pub fn pauses(&self, now: Instant) -> bool {
        self.failures > 0 && now < self.due
    }

    /// A look begins; `unprompted` by this instance's own publishers.
    pub fn begins(&mut self, unprompted: bool) {
        (self.began, self.unprompted) = (now(), unprompted);
    }

    /// A look succeeded, and there was something new or not.
    pub fn found(&mut self, anything: bool) {
        let now = now();
        if anything {
            self.last_news = now;
        }
        self.failures = 0;
        if anything && self.unprompted {
            self.busy_until = after(now, BUSY);
        }
        let wait = if now < self.busy_until {
            // Others publish: there will be more. But looking must not be what the log is busy with.
            let took = Duration::from_nanos(now.saturating_sub(self.began));
            took.saturating_mul(SHARE).max(self.interval.checked_div(OFTEN).unwrap_or_default()).min(self.interval)
        } else if now > after(self.last_news, QUIET) {
            self.interval.saturating_mul(4)
        } else {
            self.interval
        };
        self.due = after(now, wait);
    }

    /// A read failed.
    pub fn failed(&mut self) {
        let (first, most) = BACKOFF;
        let backoff = first.saturating_mul(2_u32.saturating_pow(self.failures.min(16))).min(most);
        self.failures = self.failures.saturating_add(1);
        // Many instances have lost the same log.
        self.due = after(now(), jittered(backoff));
    }
}
