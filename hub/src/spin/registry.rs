//! How the requests of an instance reach its dispatcher.

use std::cell::RefCell;
use std::mem::take;

use spin_sse::Writer;

use crate::fanout::session::NewSession;
use crate::log::{Extent, Hint, Position};
use crate::spin::notifier::{Listener, Notifier, notifier};
use crate::spin::presences::Present;

/// Where requests leave what the dispatcher takes; empty while no dispatcher runs.
#[derive(Debug, Default)]
pub(crate) struct Registry(RefCell<Option<Running>>);

#[derive(Debug)]
struct Running {
    notifier: Notifier,
    arrived: Arrived,
    /// What this instance knows of the log.
    extent: Option<Extent>,
    /// How many streams all instances have together, as far as this one knows.
    streams: u64,
}

/// What has arrived since the dispatcher last looked.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// The sessions that join.
    pub(crate) joining: Vec<Joining>,
    /// What this instance published.
    pub(crate) hints: Vec<Hint>,
}

/// A session that joins.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) session: NewSession,
    /// The body of its stream.
    pub(crate) writer: Writer,
    /// That its client is there, as long as this is.
    pub(crate) present: Option<Present>,
}

/// What is to be done for a session that was left for the dispatcher.
#[must_use = "the session waits for it"]
pub(crate) enum Joined {
    /// Wake the dispatcher.
    Wake(Notifier),
    /// Start one, which this wakes.
    Start(Listener),
}

impl Registry {
    /// Where the log began and ended when this instance last read it.
    pub(crate) fn extent(&self) -> Option<Extent> {
        self.0.borrow().as_ref().and_then(|running| running.extent.clone())
    }

    /// Notes what the dispatcher knows of the log.
    pub(crate) fn set_extent(&self, extent: Option<&Extent>) {
        if let Some(running) = &mut *self.0.borrow_mut()
            && running.extent.as_ref() != extent
        {
            running.extent = extent.cloned();
        }
    }

    /// How many streams all instances have together, about: how many the others had when they last said so, and how
    /// many this one has. 0 while this instance has none: it knows of no others.
    pub(crate) fn streams(&self) -> u64 {
        let joining = |running: &Running| u64::try_from(running.arrived.joining.len()).unwrap_or(u64::MAX);
        self.0.borrow().as_ref().map_or(0, |running| running.streams.saturating_add(joining(running)))
    }

    /// Notes how many streams there are.
    pub(crate) fn set_streams(&self, streams: u64) {
        if let Some(running) = &mut *self.0.borrow_mut() {
            running.streams = streams;
        }
    }

    /// Leaves a session for the dispatcher.
    pub(crate) fn join(&self, joining: Joining) -> Joined {
        let mut slot = self.0.borrow_mut();
        if let Some(running) = &mut *slot {
            running.arrived.joining.push(joining);
            return Joined::Wake(running.notifier.clone());
        }
        let (notifier, listener) = notifier();
        let arrived = Arrived { joining: vec![joining], hints: Vec::new() };
        *slot = Some(Running { notifier, arrived, extent: None, streams: 0 });
        Joined::Start(listener)
    }

    /// Tells the dispatcher, if one runs, that this instance published updates on these topics, of which `last` is the
    /// last.
    pub(crate) async fn published(&self, topics: &[u64], last: &Position) {
        let notifier = self.0.borrow_mut().as_mut().map(|running| {
            let hint = |topic: &u64| Hint { topic: *topic, position: last.clone() };
            running.arrived.hints.extend(topics.iter().map(hint));
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
