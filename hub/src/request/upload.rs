//! A body on its way: what is kept of it, and how long it is waited for.
//!
//! A body that is not there yet keeps one of the few places for requests that an instance has. So it has to come at a
//! pace that slow lines have too, without long pauses.

use std::ops::ControlFlow;
use std::time::Duration;

use http::StatusCode;

use crate::instant::{Instant, after};
use crate::request::publish::{MAX_BODY, too_large};
use crate::request::refusal::Refusal;

/// After how long without a byte a body is given up.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// How many bytes a second have to come, apart from a pause: 64 kbit/s.
const PACE: usize = 8 * 1024;
/// The rest of a body that is too large is read too, up to this size in all: a client that is still sending when it is
/// answered may lose the answer.
const MAX_READ: usize = 16 * MAX_BODY;

/// What has come of a body.
#[derive(Debug)]
pub(crate) struct Upload {
    began: Instant,
    last: Instant,
    size: usize,
    kept: Vec<u8>,
}

impl Upload {
    /// Nothing has come.
    pub(crate) fn begin(now: Instant) -> Upload {
        Upload { began: now, last: now, size: 0, kept: Vec::new() }
    }

    /// When it is given up, if nothing comes before. What is too large earns no more time.
    pub(crate) fn due(&self) -> Instant {
        let earned = self.size.min(MAX_BODY) / PACE;
        let earned = Duration::from_secs(u64::try_from(earned).unwrap_or(u64::MAX));
        after(self.last, MAX_PAUSE).min(after(after(self.began, MAX_PAUSE), earned))
    }

    /// Takes what has come, but keeps no more than [`MAX_BODY`] in all. Breaks when there is no need for more.
    pub(crate) fn take(&mut self, bytes: &[u8], now: Instant) -> ControlFlow<()> {
        self.size = self.size.saturating_add(bytes.len());
        if !bytes.is_empty() {
            self.last = now;
        }
        if self.size <= MAX_BODY {
            if self.size > self.kept.capacity() {
                // A vector that grows by itself may take twice as much.
                let room = self.size.next_power_of_two().min(MAX_BODY);
                self.kept.reserve_exact(room.saturating_sub(self.kept.len()));
            }
            self.kept.extend_from_slice(bytes);
        } else if self.size > MAX_READ {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// How many bytes have come.
    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.size).unwrap_or(u64::MAX)
    }

    /// The body, which has ended.
    pub(crate) fn end(self) -> Result<Vec<u8>, Refusal> {
        if self.size > MAX_BODY { Err(too_large()) } else { Ok(self.kept) }
    }

    /// Why a body is refused that was given up.
    pub(crate) fn give_up(self) -> Refusal {
        self.end().err().unwrap_or_else(|| {
            let reason = "the body did not arrive in time: nothing was published, send at least 8 KiB a second";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Instant = 1_000_000_000;
    /// When the body begins: a clock need not begin at nought.
    const START: Instant = 77 * SECOND;

    /// How many seconds a body is waited for of which `size` bytes come each `period`, and how many it could send.
    fn held(size: usize, period: Instant) -> (Instant, usize) {
        let (mut upload, mut now) = (Upload::begin(START), START);
        loop {
            now += period;
            if upload.due() < now {
                return ((upload.due() - START) / SECOND, upload.size);
            }
            if upload.take(&vec![b'x'; size], now).is_break() {
                return ((now - START) / SECOND, upload.size);
            }
        }
    }

    #[test]
    fn a_body_that_never_comes_or_comes_a_byte_a_second_is_given_up_after_ten_seconds() {
        assert_eq!(held(0, SECOND), (10, 0));
        assert_eq!(held(1, SECOND), (10, 10));
        assert_eq!(held(1, SECOND / 100), (10, 1_000));
    }

    #[test]
    fn a_body_that_stops_is_given_up_ten_seconds_later() {
        let mut upload = Upload::begin(START);
        assert!(upload.take(&[b'x'; 500_000], START + SECOND).is_continue());
        assert_eq!(upload.due(), START + 11 * SECOND);
        // Nothing is no sign of life.
        assert!(upload.take(&[], START + 9 * SECOND).is_continue());
        assert_eq!(upload.due(), START + 11 * SECOND);
    }

    #[test]
    fn the_largest_body_may_take_two_minutes() {
        let (mut upload, mut now) = (Upload::begin(START), START);
        while upload.size < MAX_BODY {
            now += SECOND;
            assert!(upload.due() >= now, "given up after {} bytes", upload.size);
            assert!(upload.take(&[b'x'; PACE], now).is_continue());
        }
        assert_eq!((now - START) / SECOND, 128);
        assert_eq!(upload.end().unwrap().len(), MAX_BODY);
    }

    #[test]
    fn a_body_that_is_too_large_is_read_to_its_end_if_that_comes_soon_and_not_kept() {
        let mut upload = Upload::begin(START);
        for _ in 0..16 {
            assert!(upload.take(&vec![b'x'; MAX_BODY], START).is_continue());
        }
        assert_eq!((upload.kept.len(), upload.kept.capacity()), (MAX_BODY, MAX_BODY));
        assert!(upload.take(b"x", START).is_break());
        assert_eq!(upload.end().unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        // One that drags on is not waited for much longer than the largest that is taken.
        let (seconds, size) = held(PACE, SECOND);
        assert_eq!(seconds, 138);
        assert!(size < 2 * MAX_BODY);
    }

    #[test]
    fn who_is_too_slow_is_told_so_and_who_sends_too_much_that() {
        let mut upload = Upload::begin(START);
        assert_eq!(Upload::begin(START).give_up().status, StatusCode::REQUEST_TIMEOUT);
        let _ = upload.take(&vec![b'x'; MAX_BODY + 1], START);
        assert_eq!(upload.give_up().status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
