//! What runs a stream: the author's future and the writer, side by side in the task of the request.
//!
//! They share one [`Slot`], a buffer that the author fills and the pump writes. Both are polled by [`drive`], so
//! neither needs to wake the other.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::budget::ByteBudget;
use crate::encode::encode_comment;
use crate::event::Event;
use crate::response::Writer;
use crate::stream::{BoxError, Closed, End};
use crate::timer::{Instant, Timer, after, jittered, now};

/// When a stream is given a sign of life, and when it ends.
pub(crate) struct Limits {
    keep_alive: Option<Duration>,
    deadline: Instant,
}

impl Limits {
    pub(crate) fn new(keep_alive: Option<Duration>, max_duration: Option<Duration>) -> Self {
        let deadline = max_duration.map_or(Instant::MAX, |duration| after(now(), jittered(duration)));
        Limits { keep_alive, deadline }
    }

    fn keep_alive_due(&self, last_write: Instant) -> Instant {
        self.keep_alive.map_or(Instant::MAX, |interval| after(last_write, interval))
    }
}

/// The one buffer of a stream.
pub(crate) struct Slot {
    out: Vec<u8>,
    writing: bool,
    budget: ByteBudget,
    /// The budget is used: what is in `out` is still written.
    full: bool,
    /// The stream has ended, and nothing is written any more.
    ended: Option<Closed>,
    /// The author was told that the stream has ended.
    told: bool,
    /// The author went on sending after it was told.
    deaf: bool,
    waiting: Option<Waker>,
}

impl Slot {
    /// `preamble` is sent first, whatever the budget.
    pub(crate) fn new(max_bytes: u64, preamble: Vec<u8>) -> Self {
        let mut budget = ByteBudget::new(max_bytes);
        budget.spend(preamble.len());
        Slot {
            out: preamble,
            writing: false,
            budget,
            full: false,
            ended: None,
            told: false,
            deaf: false,
            waiting: None,
        }
    }

    /// Adds an event if the budget has room for it, else marks the stream as full. Returns how many bytes wait to be
    /// written.
    pub(crate) fn push_event(&mut self, event: &Event<'_>) -> usize {
        self.push(|out| event.encode(out), ByteBudget::admit);
        self.out.len()
    }

    /// Adds a comment if the budget has room for it, else marks the stream as full.
    pub(crate) fn push_comment(&mut self, text: &str) {
        self.push(
            |out| encode_comment(text, out),
            |budget, size| {
                let fits = budget.has(size);
                if fits {
                    budget.spend(size);
                }
                fits
            },
        );
    }

    fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>), admit: impl FnOnce(&mut ByteBudget, usize) -> bool) {
        if self.full || self.ended.is_some() {
            return;
        }
        let before = self.out.len();
        encode(&mut self.out);
        if !admit(&mut self.budget, self.out.len().saturating_sub(before)) {
            self.out.truncate(before);
            self.full = true;
        }
    }

    fn is_idle(&self) -> bool {
        self.out.is_empty() && !self.writing
    }
}

/// Ready when all that was filled in has been taken by the host.
pub(crate) async fn idle(slot: &RefCell<Slot>) -> Result<(), Closed> {
    poll_fn(|cx| {
        let mut slot = slot.borrow_mut();
        let closed = slot.ended.or((slot.full && slot.is_idle()).then_some(Closed::BudgetUsed));
        if let Some(closed) = closed {
            if !slot.told {
                slot.told = true;
                return Poll::Ready(Err(closed));
            }
            slot.deaf = true;
        } else if slot.is_idle() {
            return Poll::Ready(Ok(()));
        }
        slot.waiting = Some(cx.waker().clone());
        Poll::Pending
    })
    .await
}

/// How many writes in a row may succeed at once before other requests of the instance have their turn.
const TURNS: usize = 32;

/// Runs `author` until it returns or the stream is closed.
pub(crate) async fn drive(
    author: impl Future<Output = Result<(), BoxError>>,
    writer: Writer,
    slot: Rc<RefCell<Slot>>,
    limits: Limits,
) -> End {
    let mut author = pin!(author);
    let mut returned = None;
    let mut writer = Some(writer);
    let closed = {
        let mut pump = pin!(pump(&mut writer, &slot, &limits));
        poll_fn(|cx| {
            for _ in 0..TURNS {
                if returned.is_none()
                    && let Poll::Ready(result) = author.as_mut().poll(cx)
                {
                    returned = Some(result);
                }
                if let Poll::Ready(closed) = pump.as_mut().poll(cx) {
                    return Poll::Ready(Some(closed));
                }
                if !slot.borrow().is_idle() {
                    return Poll::Pending;
                }
                if returned.is_some() {
                    return Poll::Ready(None);
                }
                // The pump has written what the author waits for: the author's turn again.
                if slot.borrow().waiting.is_none() {
                    return Poll::Pending;
                }
                wake(&slot, cx);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    };
    if let Some(writer) = writer {
        writer.finish().await;
    }
    if let Some(closed) = closed {
        slot.borrow_mut().ended = Some(closed);
        if returned.is_none() {
            returned = last_words(author, &slot).await;
        }
    }
    match (returned, closed) {
        (Some(Err(error)), _) if !error.is::<Closed>() => End::Failed(error),
        (_, Some(closed)) => End::Closed(closed),
        // The author passed on that the budget is used before the pump saw it.
        (Some(Err(_)), None) => End::Closed(Closed::BudgetUsed),
        (_, None) => End::Finished,
    }
}

/// Lets an author that was told of the end do its last work; one that waits for something else is dropped.
async fn last_words(
    mut author: Pin<&mut impl Future<Output = Result<(), BoxError>>>,
    slot: &RefCell<Slot>,
) -> Option<Result<(), BoxError>> {
    poll_fn(|cx| {
        if !slot.borrow().told && slot.borrow().waiting.is_none() {
            return Poll::Ready(None);
        }
        wake(slot, cx);
        match author.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if slot.borrow().deaf || !slot.borrow().told => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// An author that polls its parts itself (a `select!`, a `FuturesUnordered`) looks only at those that were woken. One
/// that awaits plainly is polled anyway: waking it would cost a round through the host.
fn wake(slot: &RefCell<Slot>, cx: &Context<'_>) {
    if let Some(waker) = slot.borrow_mut().waiting.take()
        && !waker.will_wake(cx.waker())
    {
        waker.wake();
    }
}

/// Writes what is filled in, keeps the connection alive, and returns when the stream must end.
async fn pump(writer: &mut Option<Writer>, slot: &RefCell<Slot>, limits: &Limits) -> Closed {
    let mut timer = Timer::default();
    let mut last_write = now();
    loop {
        let due = limits.keep_alive_due(last_write).min(limits.deadline);
        poll_fn(|cx| match slot.borrow() {
            slot if slot.full || !slot.out.is_empty() => Poll::Ready(()),
            _ => timer.poll_due(cx, due),
        })
        .await;
        if limits.deadline != Instant::MAX && now() >= limits.deadline {
            return Closed::BudgetUsed;
        }
        let bytes = {
            let mut slot = slot.borrow_mut();
            if slot.out.is_empty() {
                slot.push_comment("");
            }
            if slot.out.is_empty() {
                return Closed::BudgetUsed;
            }
            slot.writing = true;
            std::mem::take(&mut slot.out)
        };
        let Some(open) = writer else {
            return Closed::ClientLeft;
        };
        let written = open.write_unless(bytes, poll_fn(|cx| timer.poll_due(cx, limits.deadline))).await;
        last_write = now();
        slot.borrow_mut().writing = false;
        match written {
            Ok(buffer) => slot.borrow_mut().out = buffer,
            Err(closed) => {
                if closed == Closed::ClientLeft {
                    *writer = None;
                }
                return closed;
            }
        }
    }
}
