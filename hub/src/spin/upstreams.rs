//! The relays that begin in an instance: what they relay, and where requests leave them for the task that drives them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::mem::take;
use std::rc::Rc;

use spin_sse::source::{self, Source};
use spin_sse::{Event, Parts};

use crate::log::relay::HolderId;
use crate::log::{Position, Record};
use crate::spin::notifier::{Listener, Notifier, notifier};

/// Why a relay's topic ends, unless somebody [ended](crate::Hub::end) it.
#[derive(Debug)]
#[non_exhaustive]
pub enum RelayEnd {
    /// The upstream has ended.
    Finished,
    /// The upstream has failed.
    Failed(source::Error),
    /// The host of the relay died, or the log lost the relay. This end is made when the relay begins, and appended by
    /// whoever notices.
    Interrupted,
}

impl RelayEnd {
    /// `finished`, `failed` or `interrupted`.
    pub fn reason(&self) -> &'static str {
        match self {
            RelayEnd::Finished => "finished",
            RelayEnd::Failed(_) => "failed",
            RelayEnd::Interrupted => "interrupted",
        }
    }
}

/// What makes the last event of a topic.
pub(crate) type OnEnd = dyn Fn(&RelayEnd) -> Event<'static>;

/// Where a relay's events go, and as what.
pub(crate) struct Relayed {
    pub(crate) topic: Rc<str>,
    pub(crate) private: bool,
    pub(crate) on_end: Box<OnEnd>,
}

impl Relayed {
    /// An event of the upstream, as it is appended. Its name may be one that publishers cannot use: the component has
    /// chosen its upstream.
    pub(crate) fn record(&self, event: &Event<'_>, last: bool) -> Record {
        let Parts { data, name, .. } = event.as_parts();
        let mut body = Vec::new();
        if let Some(data) = data {
            let event = Event::new(data);
            match name {
                Some(name) => event.name(name.clone()).encode(&mut body),
                None => event.encode(&mut body),
            }
        } else {
            // The log adds the line of the id: a block that clients do not see.
            body.push(b'\n');
        }
        // The encoder writes what it was given as `str`: this never replaces anything.
        let body = String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into());
        let mark = if self.private { "p" } else { "-" };
        Record { id: None, last, meta: format!("{mark}{}\n", self.topic), body }
    }

    /// The last update of the topic.
    pub(crate) fn last(&self, end: &RelayEnd) -> Record {
        self.record(&(self.on_end)(end), true)
    }
}

/// A relay that begins: its topic is held from `position` on.
pub(crate) struct Arriving {
    pub(crate) relayed: Relayed,
    pub(crate) position: Position,
    pub(crate) source: Source,
}

impl fmt::Debug for Arriving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arriving").field("topic", &self.relayed.topic).finish_non_exhaustive()
    }
}

/// Where requests leave the relays that begin; empty while none runs.
#[derive(Debug)]
pub(crate) struct Upstreams {
    /// Names this instance to the log.
    holder: HolderId,
    /// Of the relays that have begun and have not finished.
    topics: RefCell<Vec<Rc<str>>>,
    running: RefCell<Option<(Notifier, Vec<Arriving>)>>,
    /// Who waits until the relay that is beginning has begun; `None` while none is.
    beginning: RefCell<Option<VecDeque<Notifier>>>,
}

/// What is to be done for a relay that was left.
#[must_use = "the relay waits for it"]
pub(crate) enum Left {
    /// Wake the task that drives the relays.
    Wake(Notifier),
    /// Start one, which this wakes.
    Start(Listener),
}

impl Upstreams {
    /// No relay runs. `holder` is a random number.
    pub(crate) fn new(holder: HolderId) -> Upstreams {
        Upstreams { holder, topics: RefCell::default(), running: RefCell::default(), beginning: RefCell::default() }
    }

    /// Does `work`, which begins a relay, when no other one is beginning: the log runs one statement at a time, and is
    /// opened once. The future must not be dropped.
    pub(crate) async fn in_turn<T>(&self, work: impl Future<Output = T>) -> T {
        let listener = self.beginning.borrow_mut().as_mut().map(|waiting| {
            let (notifier, listener) = notifier();
            waiting.push_back(notifier);
            listener
        });
        match listener {
            Some(mut listener) => listener.notified().await,
            None => *self.beginning.borrow_mut() = Some(VecDeque::new()),
        }
        let done = work.await;
        let next = {
            let mut beginning = self.beginning.borrow_mut();
            let next = beginning.as_mut().and_then(VecDeque::pop_front);
            if next.is_none() {
                *beginning = None;
            }
            next
        };
        if let Some(next) = next {
            next.notify().await;
        }
        done
    }

    /// Who holds the topics of this instance's relays.
    pub(crate) fn holder(&self) -> HolderId {
        self.holder
    }

    /// Who takes over the relays of others, which this instance's own relays do not renew.
    pub(crate) fn heir(&self) -> HolderId {
        !self.holder
    }

    /// The topics of this instance's relays.
    pub(crate) fn topics(&self) -> Vec<Rc<str>> {
        self.topics.borrow().clone()
    }

    /// A relay to `topic`, which the log says this instance holds, may begin: none runs here. The caller leaves it.
    pub(crate) fn admit(&self, topic: &Rc<str>) -> bool {
        let mut topics = self.topics.borrow_mut();
        let is_new = !topics.contains(topic);
        if is_new {
            topics.push(Rc::clone(topic));
        }
        is_new
    }

    /// The relay to `topic` has finished.
    pub(crate) fn forget(&self, topic: &Rc<str>) {
        self.topics.borrow_mut().retain(|other| other != topic);
    }

    /// Whether a relay runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running.borrow().is_some()
    }

    /// Leaves a relay for the task that drives them.
    pub(crate) fn leave(&self, arriving: Arriving) -> Left {
        let mut slot = self.running.borrow_mut();
        if let Some((notifier, others)) = &mut *slot {
            others.push(arriving);
            return Left::Wake(notifier.clone());
        }
        let (notifier, listener) = notifier();
        *slot = Some((notifier, vec![arriving]));
        Left::Start(listener)
    }

    /// Takes the relays that were left.
    pub(crate) fn take(&self) -> Vec<Arriving> {
        self.running.borrow_mut().as_mut().map(|(_, arriving)| take(arriving)).unwrap_or_default()
    }

    /// The task that drives the relays ends. It took what was left just before: no other task has run since.
    pub(crate) fn close(&self) {
        *self.running.borrow_mut() = None;
    }
}
