//! The buffer of a stream: the author adds blocks, and the pump writes them to the client.

use std::task::{Context, Poll, Waker};

use crate::budget::ByteBudget;
use crate::encode::encode_comment;
use crate::end::Closed;
use crate::event::Event;

/// The blocks that are not written yet, and the state of the stream.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// The host is taking bytes that were in the buffer.
    writing: bool,
    budget: ByteBudget,
    /// A block did not fit the budget. What is in `bytes` is still written.
    full: bool,
    /// Why the stream has ended. Nothing more is written.
    closed: Option<Closed>,
    /// The author has received `Closed`.
    notified: bool,
    /// The author tried to send after it had received `Closed`.
    ignored_close: bool,
    /// Wakes the author, which waits until everything is written.
    waiting: Option<Waker>,
}

impl Buffer {
    /// `preamble` is sent first, whatever the budget.
    pub(crate) fn new(max_bytes: u64, preamble: Vec<u8>) -> Buffer {
        let mut budget = ByteBudget::new(max_bytes);
        budget.spend(preamble.len());
        Buffer {
            bytes: preamble,
            writing: false,
            budget,
            full: false,
            closed: None,
            notified: false,
            ignored_close: false,
            waiting: None,
        }
    }

    /// Adds an event if the budget has room for it, else marks the stream as full. Returns how many bytes wait to be
    /// written.
    pub(crate) fn push_event(&mut self, event: &Event<'_>) -> usize {
        self.push(|out| event.encode(out), ByteBudget::admit);
        self.bytes.len()
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
        if self.full || self.closed.is_some() {
            return;
        }
        let before = self.bytes.len();
        encode(&mut self.bytes);
        if !admit(&mut self.budget, self.bytes.len().saturating_sub(before)) {
            self.bytes.truncate(before);
            self.full = true;
        }
    }

    /// Ready when the host has taken every byte, or when the stream is closed. After an author has received
    /// `Closed`, further calls are never ready.
    pub(crate) fn poll_flush(&mut self, cx: &Context<'_>) -> Poll<Result<(), Closed>> {
        let used = (self.full && self.is_idle()).then_some(Closed::BudgetUsed);
        match self.closed.or(used) {
            Some(closed) if !self.notified => {
                self.notified = true;
                return Poll::Ready(Err(closed));
            }
            Some(_) => self.ignored_close = true,
            None if self.is_idle() => return Poll::Ready(Ok(())),
            None => {}
        }
        self.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether there is something to write, or the stream must end.
    pub(crate) fn is_ready(&self) -> bool {
        self.full || !self.bytes.is_empty()
    }

    /// The bytes to write now: the author's blocks, else a keep-alive comment. `None` if the budget has no room for it.
    pub(crate) fn start_write(&mut self) -> Option<Vec<u8>> {
        if self.bytes.is_empty() {
            self.push_comment("");
        }
        self.writing = !self.bytes.is_empty();
        self.writing.then(|| std::mem::take(&mut self.bytes))
    }

    /// The host has taken the bytes of [`start_write`](Buffer::start_write). `emptied` is their vector, for reuse.
    pub(crate) fn end_write(&mut self, emptied: Vec<u8>) {
        self.writing = false;
        self.bytes = emptied;
    }

    pub(crate) fn close(&mut self, closed: Closed) {
        self.closed = Some(closed);
    }

    /// Whether everything is written.
    pub(crate) fn is_idle(&self) -> bool {
        self.bytes.is_empty() && !self.writing
    }

    /// Whether the author waits until everything is written.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.is_some()
    }

    pub(crate) fn is_notified(&self) -> bool {
        self.notified
    }

    pub(crate) fn is_close_ignored(&self) -> bool {
        self.ignored_close
    }

    /// The waker of an author that waits until everything is written.
    pub(crate) fn take_waker(&mut self) -> Option<Waker> {
        self.waiting.take()
    }
}
