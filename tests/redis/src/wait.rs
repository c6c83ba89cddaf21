//! Waiting, but not for ever.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// No function waits longer than this for anything.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer; panics when there is none in time.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} for {what}");
        sleep(Duration::from_millis(10));
    }
}
