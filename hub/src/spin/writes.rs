//! Writes to streams. A write owns the body of its stream while the write lasts.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::future::{Either, select};
use spin_sse::{Closed, Writer, report};

use crate::fanout::action::{Cause, SessionId};
use crate::spin::presences::Present;

/// How a write has ended.
pub(crate) enum Written {
    /// The host took all of it. The writer and the buffer come back.
    All(SessionId, Writer, Vec<u8>),
    /// The stream has ended.
    Ended(SessionId),
}

/// Stops a write that is under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Rc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    level: Cell<Level>,
    waker: RefCell<Option<Waker>>,
}

/// How urgently a write is to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    #[default]
    Never,
    /// Unless the host has taken a part of it.
    Untaken,
    /// In the middle, too.
    Now,
}

impl Stop {
    /// Takes the write back, if the host has taken nothing of it.
    pub(crate) fn interrupt(&self) {
        self.raise(Level::Untaken);
    }

    /// Ends the write in the middle.
    pub(crate) fn cut(&self) {
        self.raise(Level::Now);
    }

    fn raise(&self, level: Level) {
        self.0.level.set(level);
        if let Some(waker) = self.0.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    async fn raised(&self, level: Level) {
        poll_fn(|cx| {
            if self.0.level.get() >= level {
                return Poll::Ready(());
            }
            // Both levels are waited for in one task: one waker serves them.
            let mut waker = self.0.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// Writes `chunk`.
pub(crate) async fn write(id: SessionId, mut writer: Writer, chunk: Vec<u8>, stop: Stop) -> Written {
    let work = async {
        match writer.write_unless(chunk, stop.raised(Level::Untaken)).await {
            Ok(buffer) => return Written::All(id, writer, buffer),
            Err(Closed::BudgetUsed) => {
                writer.finish().await;
                report(format_args!("hub: stream ended: a reader did not keep up until its budget was used"));
            }
            Err(_) => report(format_args!("hub: stream ended: the client has gone")),
        }
        Written::Ended(id)
    };
    unless_cut(id, work, &stop).await
}

/// Ends a stream with its last words, unless nobody takes them. Who takes them may come back as the same subscriber,
/// if the budget is the cause.
pub(crate) async fn end(
    id: SessionId,
    mut writer: Writer,
    last_words: Vec<u8>,
    (cause, present): (Cause, Option<Present>),
    stop: Stop,
) -> Written {
    let work = async {
        let anything = !last_words.is_empty();
        // A client that has gone does not need them.
        let taken = writer.write_unless(last_words, stop.raised(Level::Untaken)).await;
        if let Some(present) = present
            && cause == Cause::Budget
            && anything
            && taken.is_ok()
        {
            present.released();
        }
        writer.finish().await;
        report(format_args!(
            "hub: stream ended: {}",
            match cause {
                Cause::Budget => "its budget is used",
                Cause::TopicsEnded => "its topics have ended",
            }
        ));
        Written::Ended(id)
    };
    unless_cut(id, work, &stop).await
}

async fn unless_cut(id: SessionId, work: impl Future<Output = Written>, stop: &Stop) -> Written {
    match select(pin!(work), pin!(stop.raised(Level::Now))).await {
        Either::Left((written, _)) => written,
        Either::Right(_) => {
            report(format_args!("hub: stream cut: its reader stalled in the middle of a chunk"));
            Written::Ended(id)
        }
    }
}
