//! How the requests of an instance reach its dispatcher.

use std::cell::RefCell;
use std::mem::take;

use spin_sse::Writer;

use crate::fanout::session::NewSession;
use crate::log::Position;
use crate::spin::notifier::{Listener, Notifier, notifier};

/// Where requests leave what the dispatcher takes; empty while no dispatcher runs.
#[derive(Debug, Default)]
pub(crate) struct Registry(RefCell<Option<Running>>);

#[derive(Debug)]
struct Running {
    notifier: Notifier,
    arrived: Arrived,
    /// The newest position in the log that this instance knows.
    head: Option<Position>,
}

/// What has arrived since the dispatcher last looked.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// The sessions that join.
    pub(crate) joining: Vec<Joining>,
    /// Whether this instance published something.
    pub(crate) published: bool,
}

/// A session that joins.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) session: NewSession,
    /// The body of its stream.
    pub(crate) writer: Writer,
    /// Wakes its request, which waits to send the response head.
    pub(crate) answer: Option<Notifier>,
}

impl Registry {
    /// The newest position in the log that this instance knows. An update that is published later comes after it.
    pub(crate) fn head(&self) -> Option<Position> {
        self.0.borrow().as_ref().and_then(|running| running.head.clone())
    }

    /// Notes what the dispatcher knows of the log.
    pub(crate) fn set_head(&self, head: Option<Position>) {
        if let Some(running) = &mut *self.0.borrow_mut() {
            running.head = head;
        }
    }

    /// Leaves a session for the dispatcher. Returns the listener of a new dispatcher, where none runs.
    #[must_use = "a new dispatcher must be started"]
    pub(crate) async fn join(&self, joining: Joining) -> Option<Listener> {
        let (running, listener) = {
            let mut slot = self.0.borrow_mut();
            let is_new = slot.is_none();
            let mut listener = None;
            let running = slot.get_or_insert_with(|| {
                let (notifier, new) = notifier();
                listener = Some(new);
                Running { notifier, arrived: Arrived::default(), head: None }
            });
            running.arrived.joining.push(joining);
            ((!is_new).then(|| running.notifier.clone()), listener)
        };
        if let Some(notifier) = running {
            notifier.notify().await;
        }
        listener
    }

    /// Tells the dispatcher, if one runs, that this instance published updates, of which `last` is the last.
    pub(crate) async fn published(&self, last: Position) {
        let notifier = self.0.borrow_mut().as_mut().map(|running| {
            running.arrived.published = true;
            // A client that subscribes now does not get what was published before.
            if let Some(head) = running.head.as_mut().filter(|head| head.epoch == last.epoch) {
                head.sequence = head.sequence.max(last.sequence);
            }
            running.notifier.clone()
        });
        if let Some(notifier) = notifier {
            notifier.notify().await;
        }
    }

    /// Takes what has arrived.
    pub(crate) fn take(&self) -> Arrived {
        self.0.borrow_mut().as_mut().map(|running| take(&mut running.arrived)).unwrap_or_default()
    }

    /// The dispatcher ends. It took what had arrived just before: no other task has run since.
    pub(crate) fn close(&self) {
        *self.0.borrow_mut() = None;
    }
}
