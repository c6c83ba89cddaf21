//! Moments of the monotonic clock, and a timer for deadlines that mostly move away before they come.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use wasi::clocks::monotonic_clock;

/// A moment of the monotonic clock, in nanoseconds.
pub type Instant = u64;

/// The monotonic clock's present.
pub fn now() -> Instant {
    monotonic_clock::now()
}

/// `from` plus `duration`; saturates, which is centuries from now.
pub fn after(from: Instant, duration: Duration) -> Instant {
    from.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// Between 80 % and 100 % of `duration`, at random: for what must not end for all at once.
pub fn jittered(duration: Duration) -> Duration {
    scaled(duration, 1.0 - 0.2 * random())
}

/// Between 50 % and 150 % of `duration`, at random: for what must not begin for all at once.
pub fn scattered(duration: Duration) -> Duration {
    scaled(duration, 0.5 + random())
}

fn scaled(duration: Duration, factor: f64) -> Duration {
    // Too long to count is as good as for ever.
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

/// From 0 up to 1.
fn random() -> f64 {
    let number = wasi::random::insecure::get_insecure_random_u64() >> 32;
    number as f64 / (1_u64 << 32) as f64
}

/// Wakes at a due time that may differ from call to call.
///
/// The host is asked for a timer only when none is running that ends in time: a keep-alive that every event pushes
/// back costs one host timer per interval, not one per event.
#[derive(Default)]
pub struct Timer {
    running: Option<(Instant, Wait)>,
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
            match &mut self.running {
                Some((at, wait)) if *at <= due => {
                    if wait.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.running = None;
                }
                _ if due == Instant::MAX => return Poll::Pending,
                _ if now() >= due => return Poll::Ready(()),
                _ => self.running = Some((due, Box::pin(monotonic_clock::wait_until(due)))),
            }
        }
    }
}
