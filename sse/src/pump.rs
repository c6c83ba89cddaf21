//! What drives a stream: the author's future and the pump, side by side in the task of the request.
//!
//! The author adds blocks to a [`Buffer`], and the pump writes them to the client. One task polls both, so neither
//! needs to wake the other.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::buffer::Buffer;
use crate::end::{BoxError, Closed, End};
use crate::response::Writer;
use crate::timer::{Instant, Timer, after, jittered, now};

/// When a stream without events needs a keep-alive comment, and when the stream must end.
pub(crate) struct Deadlines {
    keep_alive: Option<Duration>,
    end: Instant,
}

impl Deadlines {
    pub(crate) fn new(keep_alive: Option<Duration>, max_duration: Option<Duration>) -> Deadlines {
        let end = max_duration.map_or(Instant::MAX, |duration| after(now(), jittered(duration)));
        Deadlines { keep_alive, end }
    }

    /// The earlier of the two deadlines.
    fn next(&self, last_write: Instant) -> Instant {
        self.keep_alive.map_or(Instant::MAX, |interval| after(last_write, interval)).min(self.end)
    }

    fn has_ended(&self) -> bool {
        self.end != Instant::MAX && now() >= self.end
    }
}

/// What the author returns.
type Returned = Result<(), BoxError>;

/// Drives `author` until it returns or the stream is closed.
pub(crate) async fn drive(
    author: impl Future<Output = Returned>,
    writer: Writer,
    buffer: &RefCell<Buffer>,
    deadlines: Deadlines,
) -> End {
    let mut author = pin!(author);
    let mut writer = Some(writer);
    let (mut returned, closed) = poll_both(author.as_mut(), pump(&mut writer, buffer, &deadlines), buffer).await;
    if let Some(writer) = writer {
        writer.finish().await;
    }
    if let Some(closed) = closed {
        buffer.borrow_mut().close(closed);
        if returned.is_none() {
            returned = last_words(author, buffer).await;
        }
    }
    match (returned, closed) {
        (Some(Err(error)), _) if !error.is::<Closed>() => End::Failed(error),
        (_, Some(closed)) => End::Closed(closed),
        // The author received `BudgetUsed` and returned it before the pump noticed.
        (Some(Err(_)), None) => End::Closed(Closed::BudgetUsed),
        (_, None) => End::Finished,
    }
}

/// How many writes in a row may succeed without a wait before other requests of the instance have their turn.
const TURNS: usize = 32;

/// Polls the author and the pump until the stream is closed, or the author has returned and everything is written.
async fn poll_both(
    mut author: Pin<&mut impl Future<Output = Returned>>,
    pump: impl Future<Output = Closed>,
    buffer: &RefCell<Buffer>,
) -> (Option<Returned>, Option<Closed>) {
    let mut pump = pin!(pump);
    let mut returned = None;
    let closed = poll_fn(|cx| {
        for _ in 0..TURNS {
            if returned.is_none()
                && let Poll::Ready(result) = author.as_mut().poll(cx)
            {
                returned = Some(result);
            }
            if let Poll::Ready(closed) = pump.as_mut().poll(cx) {
                return Poll::Ready(Some(closed));
            }
            if !buffer.borrow().is_idle() {
                return Poll::Pending;
            }
            if returned.is_some() {
                return Poll::Ready(None);
            }
            // The pump has written everything. Poll the author again if it waited for that.
            if !buffer.borrow().is_awaited() {
                return Poll::Pending;
            }
            wake(buffer, cx);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    (returned, closed)
}

/// Lets an author that has received `Closed` do its last work, and drops an author that waits for something else.
async fn last_words(
    mut author: Pin<&mut impl Future<Output = Returned>>,
    buffer: &RefCell<Buffer>,
) -> Option<Returned> {
    poll_fn(|cx| {
        if !buffer.borrow().is_notified() && !buffer.borrow().is_awaited() {
            return Poll::Ready(None);
        }
        wake(buffer, cx);
        match author.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if buffer.borrow().is_close_ignored() || !buffer.borrow().is_notified() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Wakes an author that polls several futures (a `select!`, a `FuturesUnordered`) and polls only those that were woken.
///
/// An author with one future has the waker of `cx` and is polled anyway. A wake-up would cost a round through the host.
fn wake(buffer: &RefCell<Buffer>, cx: &Context<'_>) {
    let waker = buffer.borrow_mut().take_waker();
    if let Some(waker) = waker
        && !waker.will_wake(cx.waker())
    {
        waker.wake();
    }
}

/// Writes what is in the buffer, keeps the connection alive, and returns when the stream must end.
async fn pump(writer: &mut Option<Writer>, buffer: &RefCell<Buffer>, deadlines: &Deadlines) -> Closed {
    let mut timer = Timer::default();
    let mut last_write = now();
    loop {
        let due = deadlines.next(last_write);
        poll_fn(|cx| if buffer.borrow().is_ready() { Poll::Ready(()) } else { timer.poll_due(cx, due) }).await;
        if deadlines.has_ended() {
            return Closed::BudgetUsed;
        }
        let Some(bytes) = buffer.borrow_mut().start_write() else {
            return Closed::BudgetUsed;
        };
        let Some(open) = writer else {
            return Closed::ClientLeft;
        };
        let written = open.write_unless(bytes, poll_fn(|cx| timer.poll_due(cx, deadlines.end))).await;
        last_write = now();
        match written {
            Ok(emptied) => buffer.borrow_mut().end_write(emptied),
            Err(closed) => {
                if closed == Closed::ClientLeft {
                    *writer = None;
                }
                return closed;
            }
        }
    }
}
