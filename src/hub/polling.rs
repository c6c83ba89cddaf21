//! When the log is looked at without being told of news, and how a failing one is treated.

use std::time::Duration;

use spin_sse::timer::{Instant, after, jittered, now};

/// How long the log must be quiet before it is polled less often.
const QUIET: Duration = Duration::from_secs(10);
/// How long a log that fails is left alone at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The polling of one tail.
#[derive(Debug)]
pub struct Polling {
    interval: Duration,
    due: Instant,
    last_news: Instant,
    failures: u32,
}

impl Polling {
    /// Polls every `interval`, beginning now.
    pub fn new(interval: Duration) -> Self {
        let now = now();
        Polling { interval, due: now, last_news: now, failures: 0 }
    }

    /// When the next look is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Whether the log failed and is left alone until the next look is due.
    pub fn pauses(&self, now: Instant) -> bool {
        self.failures > 0 && now < self.due
    }

    /// A look succeeded, and there was something new or not.
    pub fn found(&mut self, anything: bool) {
        let now = now();
        if anything {
            self.last_news = now;
        }
        self.failures = 0;
        let quiet = now > after(self.last_news, QUIET);
        self.due = after(now, if quiet { self.interval.saturating_mul(4) } else { self.interval });
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
