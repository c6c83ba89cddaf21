//! Moments of a monotonic clock, as numbers: whoever drives the hub reads the clock.

use std::time::Duration;

/// A moment of a monotonic clock, in nanoseconds.
pub(crate) type Instant = u64;

/// `from` plus `duration`; saturates, which is centuries from now.
pub(crate) fn after(from: Instant, duration: Duration) -> Instant {
    from.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// The time from `from` to `to`; nothing if `to` is earlier.
pub(crate) fn between(from: Instant, to: Instant) -> Duration {
    Duration::from_nanos(to.saturating_sub(from))
}
