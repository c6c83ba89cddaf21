//! Waking another request's task.
//!
//! Each request is a task of its own, and a plain waker of one must not be used from another. What does work between
//! the tasks of an instance is one of WASI's streams whose two ends stay inside: one task reads, another writes a byte.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use wasi::wit_bindgen::{StreamReader, StreamWriter};
use wasi::wit_stream;

/// The side that rings.
#[derive(Debug, Clone)]
pub struct Bell(Rc<State>);

#[derive(Debug)]
struct State {
    ear: Cell<Ear>,
    writer: RefCell<Option<StreamWriter<u8>>>,
}

/// How the listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ear {
    /// At work; it looks around before it waits again.
    Away,
    /// It waits for a byte.
    Listening,
    /// The byte was written, and it has not heard of it yet.
    Rung,
}

/// The side that hears.
pub struct Listener {
    state: Rc<State>,
    read: Pin<Box<dyn Future<Output = StreamReader<u8>>>>,
}

/// A new doorbell.
pub fn doorbell() -> (Bell, Listener) {
    let (writer, reader) = wit_stream::new();
    let state = Rc::new(State { ear: Cell::new(Ear::Away), writer: RefCell::new(Some(writer)) });
    (Bell(Rc::clone(&state)), Listener { state, read: Box::pin(read(reader)) })
}

async fn read(mut reader: StreamReader<u8>) -> StreamReader<u8> {
    let _ = reader.read(Vec::with_capacity(1)).await;
    reader
}

impl Bell {
    /// Wakes the listener if it waits. One that is at work looks around before it waits again.
    pub async fn ring(&self) {
        if self.0.ear.get() == Ear::Listening {
            self.0.ear.set(Ear::Rung);
            let writer = self.0.writer.borrow_mut().take();
            if let Some(mut writer) = writer {
                let _ = writer.write(vec![1]).await;
                *self.0.writer.borrow_mut() = Some(writer);
            }
        }
    }
}

impl Listener {
    /// Ready when the bell was rung since this last was.
    pub fn poll_rung(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.read.as_mut().poll(cx) {
            Poll::Ready(reader) => {
                self.state.ear.set(Ear::Away);
                self.read = Box::pin(read(reader));
                Poll::Ready(())
            }
            Poll::Pending => {
                if self.state.ear.get() == Ear::Away {
                    self.state.ear.set(Ear::Listening);
                }
                Poll::Pending
            }
        }
    }

    /// Waits until the bell is rung.
    pub async fn rung(&mut self) {
        std::future::poll_fn(|cx| self.poll_rung(cx)).await;
    }
}
