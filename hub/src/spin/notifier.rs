//! Waking the task of another request.
//!
//! Each request is a task of its own, and a plain waker of one task must not be used from another: that panics. What
//! works between the tasks of an instance is a WASI stream whose two ends stay inside: one task reads, another writes
//! a byte.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use wasi::wit_bindgen::{StreamReader, StreamWriter};
use wasi::wit_stream;

/// The side that wakes.
#[derive(Debug, Clone)]
pub(crate) struct Notifier(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    listener: Cell<ListenerState>,
    writer: RefCell<Option<StreamWriter<u8>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListenerState {
    /// It runs, and looks at what it shares with the notifier before it waits again.
    Running,
    /// It waits for a byte.
    Waiting,
    /// The byte is written, and it has not run since.
    Notified,
}

/// The side that is woken.
pub(crate) struct Listener {
    shared: Rc<Shared>,
    read: Pin<Box<dyn Future<Output = StreamReader<u8>>>>,
}

/// A new notifier, and its listener.
pub(crate) fn notifier() -> (Notifier, Listener) {
    let (writer, reader) = wit_stream::new();
    let shared = Rc::new(Shared { listener: Cell::new(ListenerState::Running), writer: RefCell::new(Some(writer)) });
    (Notifier(Rc::clone(&shared)), Listener { shared, read: Box::pin(read(reader)) })
}

async fn read(mut reader: StreamReader<u8>) -> StreamReader<u8> {
    let _ = reader.read(Vec::with_capacity(1)).await;
    reader
}

impl Notifier {
    /// Wakes the listener if it waits, by a task of its own.
    pub(crate) fn wake(&self) {
        if self.0.listener.get() == ListenerState::Waiting {
            let notifier = self.clone();
            wasi::spawn(async move { notifier.notify().await });
        }
    }

    /// Wakes the listener if it waits. A listener that runs looks again before it waits.
    pub(crate) async fn notify(&self) {
        if self.0.listener.get() == ListenerState::Waiting {
            self.0.listener.set(ListenerState::Notified);
            let writer = self.0.writer.borrow_mut().take();
            if let Some(mut writer) = writer {
                let _ = writer.write(vec![1]).await;
                *self.0.writer.borrow_mut() = Some(writer);
            }
        }
    }
}

impl Listener {
    /// Ready when it was notified since this was last ready.
    pub(crate) fn poll_notified(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.read.as_mut().poll(cx) {
            Poll::Ready(reader) => {
                self.shared.listener.set(ListenerState::Running);
                self.read = Box::pin(read(reader));
                Poll::Ready(())
            }
            Poll::Pending => {
                if self.shared.listener.get() == ListenerState::Running {
                    self.shared.listener.set(ListenerState::Waiting);
                }
                Poll::Pending
            }
        }
    }

    /// Waits until it is notified.
    pub(crate) async fn notified(&mut self) {
        poll_fn(|cx| self.poll_notified(cx)).await;
    }
}
