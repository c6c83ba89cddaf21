//! How long a source waits before its next attempt.

use std::time::Duration;

/// A server that asks for no wait, and ends each stream at once, must not keep an instance busy.
const LEAST: Duration = Duration::from_millis(50);

/// The waits of a source.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    /// The reconnection time.
    ///
    /// "A reconnection time, in milliseconds. This must initially be an implementation-defined value, probably in the
    /// region of a few seconds."
    pub(crate) retry: Duration,
    /// What the wait grows to, if the reconnection time is not longer.
    pub(crate) max: Duration,
}

impl Backoff {
    /// How long to wait when `failures` attempts in a row have failed; `random` is at least 0 and less than 1.
    ///
    /// "Wait a delay equal to the reconnection time of the event source. Optionally, wait some more. In particular, if
    /// the previous attempt failed, then user agents might introduce an exponential backoff delay to avoid overloading
    /// a potentially already overloaded server."
    pub(crate) fn wait(&self, failures: u32, random: f64) -> Duration {
        let retry = self.retry.max(LEAST);
        let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
        let wait = retry.saturating_mul(factor).min(self.max.max(retry));
        // Clients that were cut together do not come back together.
        wait.saturating_add(scaled(wait, 0.5 * random))
    }
}

fn scaled(duration: Duration, factor: f64) -> Duration {
    // A duration that cannot be represented is as good as for ever.
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_wait_doubles_with_each_failure_up_to_a_maximum() {
        let backoff = Backoff { retry: millis(1_000), max: millis(6_000) };
        let waits: Vec<_> = (0..6).map(|failures| backoff.wait(failures, 0.0).as_millis()).collect();
        assert_eq!(waits, [1_000, 1_000, 2_000, 4_000, 6_000, 6_000]);
        assert_eq!(backoff.wait(u32::MAX, 0.0), millis(6_000));
    }

    #[test]
    fn up_to_half_of_the_wait_is_added_at_random() {
        let backoff = Backoff { retry: millis(1_000), max: millis(6_000) };
        assert_eq!(backoff.wait(0, 0.5), millis(1_250));
        assert!(backoff.wait(5, 0.999_999) < millis(9_000));
    }

    #[test]
    fn a_reconnection_time_is_kept_also_when_it_is_longer_than_the_maximum() {
        let backoff = Backoff { retry: millis(60_000), max: millis(6_000) };
        assert_eq!([0, 1, 9].map(|failures| backoff.wait(failures, 0.0)), [millis(60_000); 3]);
        assert_eq!(Backoff { retry: Duration::MAX, max: Duration::MAX }.wait(3, 0.9), Duration::MAX);
    }

    #[test]
    fn a_server_that_asks_for_no_wait_is_not_asked_at_once() {
        let backoff = Backoff { retry: Duration::ZERO, max: millis(6_000) };
        assert_eq!([backoff.wait(0, 0.0), backoff.wait(3, 0.0)], [LEAST, LEAST * 4]);
    }
}
