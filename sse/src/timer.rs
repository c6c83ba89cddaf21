//! Moments of the monotonic clock, and a timer for deadlines that often move.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use wasi::clocks::monotonic_clock;

/// A moment of the monotonic clock, in nanoseconds.
pub type Instant = u64;

/// The present moment.
pub fn now() -> Instant {
    monotonic_clock::now()
}

/// `from` plus `duration`. A sum that is too large becomes [`Instant::MAX`], which is centuries from now.
pub fn after(from: Instant, duration: Duration) -> Instant {
    from.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// Between 80 % and 100 % of `duration`, at random, so that streams that began together do not end together.
pub fn jittered(duration: Duration) -> Duration {
    scaled(duration, 1.0 - 0.2 * random())
}

/// Between 50 % and 150 % of `duration`, at random, so that many do not begin the same work at once.
pub fn scattered(duration: Duration) -> Duration {
    scaled(duration, 0.5 + random())
}

fn scaled(duration: Duration, factor: f64) -> Duration {
    // A duration that cannot be represented is as good as for ever.
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

/// At least 0 and less than 1.
pub(crate) fn random() -> f64 {
    let number = wasi::random::insecure::get_insecure_random_u64() >> 32;
    number as f64 / (1_u64 << 32) as f64
}

/// Wakes at a due time, which may differ from call to call.
///
/// A new timer of the host is made only when the present one does not end in time. So a keep-alive whose due time moves
/// with every event costs one timer of the host per interval, not one per event.
#[derive(Default)]
pub struct Timer {
    host_timer: Option<(Instant, Wait)>,
}

type Wait = Pin<Box<dyn Future<Output = ()>>>;

impl std::fmt::Debug for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

impl Timer {
    /// Ready when `due` has passed.
    pub fn poll_due(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        loop {
            match &mut self.host_timer {
                Some((at, wait)) if *at <= due => {
                    if wait.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.host_timer = None;
                }
                _ if due == Instant::MAX => return Poll::Pending,
                _ if now() >= due => return Poll::Ready(()),
                _ => self.host_timer = Some((due, Box::pin(monotonic_clock::wait_until(due)))),
            }
        }
    }
}
