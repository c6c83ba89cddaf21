//! The deadlines of sessions that are being written to: a reader that stopped reading must not outlive its budget.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use spin_sse::timer::{Instant, now};

/// All of a tail; one timer serves them.
#[derive(Debug, Clone, Default)]
pub struct Limits(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeMap<(Instant, u64), Waker>,
}

impl Limits {
    /// The next deadline, and wakes those whose deadline has passed.
    pub fn wake(&self) -> Instant {
        let mut state = self.0.borrow_mut();
        let now = now();
        while let Some(entry) = state.waiting.first_entry() {
            if entry.key().0 > now {
                return entry.key().0;
            }
            entry.remove().wake();
        }
        Instant::MAX
    }

    /// Ready at `deadline`. Dropped before, it leaves nothing behind.
    pub fn reached(&self, deadline: Instant) -> Limit {
        let mut state = self.0.borrow_mut();
        state.next = state.next.wrapping_add(1);
        Limit { limits: self.clone(), key: (deadline, state.next) }
    }
}

/// One deadline.
#[derive(Debug)]
pub struct Limit {
    limits: Limits,
    key: (Instant, u64),
}

impl Future for Limit {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.key.0 == Instant::MAX {
            return Poll::Pending;
        }
        if now() >= self.key.0 {
            return Poll::Ready(());
        }
        self.limits.0.borrow_mut().waiting.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.limits.0.borrow_mut().waiting.remove(&self.key);
    }
}
