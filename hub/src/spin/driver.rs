//! Drives the dispatcher of an instance: does what the dispatcher says, and tells it what happened.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use spin_sse::timer::{Timer, now};
use spin_sse::{Writer, report};

use crate::fanout::action::{Action, SessionId};
use crate::fanout::cache::Read;
use crate::fanout::dispatcher::Dispatcher;
use crate::log::{Log, Page, Pushed, Unavailable};
use crate::spin::health::Health;
use crate::spin::notifier::{Listener, Notifier};
use crate::spin::registry::{Joining, Registry};
use crate::spin::writes::{Stop, Written, end, write};

type Reading = Pin<Box<dyn Future<Output = Result<Page, Unavailable>>>>;
type Waiting = Pin<Box<dyn Future<Output = Result<Pushed, Unavailable>>>>;

/// What a driver needs of its hub.
pub(crate) struct Surroundings<L> {
    /// The log, for reads.
    pub(crate) log: Rc<L>,
    /// Where requests leave their sessions.
    pub(crate) registry: Rc<Registry>,
    /// Whether reads succeed.
    pub(crate) health: Rc<Health>,
    /// How often a log is polled that does not push.
    pub(crate) poll: Duration,
}

/// Runs a dispatcher until its last session has ended.
pub(crate) struct Driver<L> {
    hub: Surroundings<L>,
    listener: Listener,
    timer: Timer,
    dispatcher: Dispatcher,
    actions: Vec<Action>,
    /// By session.
    streams: Vec<Stream>,
    writes: FuturesUnordered<Pin<Box<dyn Future<Output = Written>>>>,
    /// The requests that wait to send their response head, and their sessions.
    unanswered: Vec<(SessionId, Notifier)>,
    answers: FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>>,
    reading: Option<Reading>,
    waiting: Option<Waiting>,
}

/// The body of a session's stream.
enum Stream {
    Open(Writer),
    Writing(Stop),
    Ended,
}

impl<L: Log + 'static> Driver<L> {
    /// A driver that `listener` wakes when something arrives in the registry.
    pub(crate) fn new(hub: Surroundings<L>, listener: Listener) -> Self {
        let seed = wasi::random::insecure::get_insecure_random_u64();
        Driver {
            dispatcher: Dispatcher::new(hub.poll, hub.log.pushes(), seed, now()),
            hub,
            listener,
            timer: Timer::default(),
            actions: Vec::new(),
            streams: Vec::new(),
            writes: FuturesUnordered::new(),
            unanswered: Vec::new(),
            answers: FuturesUnordered::new(),
            reading: None,
            waiting: None,
        }
    }

    /// Serves until the last session has ended.
    pub(crate) async fn run(mut self) {
        loop {
            self.admit();
            if self.dispatcher.is_empty() && self.answers.is_empty() {
                return self.hub.registry.close();
            }
            let mut actions = std::mem::take(&mut self.actions);
            self.dispatcher.round(now(), &mut actions);
            actions.drain(..).for_each(|action| self.start(action));
            self.actions = actions;
            self.hub.registry.set_head(self.dispatcher.known_head());
            poll_fn(|cx| self.poll_event(cx)).await;
        }
    }

    /// Hands over what has arrived in the registry.
    fn admit(&mut self) {
        let arrived = self.hub.registry.take();
        if arrived.published {
            self.dispatcher.published();
        }
        for Joining { session, writer, answer } in arrived.joining {
            let id = self.dispatcher.join(session, now());
            if self.streams.len() <= id {
                self.streams.resize_with(id.saturating_add(1), || Stream::Ended);
            }
            self.set(id, Stream::Open(writer));
            self.unanswered.extend(answer.map(|answer| (id, answer)));
        }
    }

    /// Begins to do what the dispatcher wants.
    fn start(&mut self, action: Action) {
        match action {
            Action::Write { session, chunk, large } => {
                if let Some((writer, stop)) = self.take_writer(session) {
                    self.writes.push(Box::pin(write(session, writer, chunk, large, stop)));
                }
            }
            Action::End { session, last_words } => {
                if let Some((writer, stop)) = self.take_writer(session) {
                    self.writes.push(Box::pin(end(session, writer, last_words, stop)));
                }
            }
            Action::Interrupt(session) => {
                if let Some(Stream::Writing(stop)) = self.streams.get(session) {
                    stop.interrupt();
                }
            }
            Action::Cut(session) => {
                if let Some(Stream::Writing(stop)) = self.streams.get(session) {
                    stop.cut();
                }
            }
            Action::Answer(session) => {
                if let Some(at) = self.unanswered.iter().position(|(waits, _)| *waits == session) {
                    let (_, request) = self.unanswered.swap_remove(at);
                    self.answers.push(Box::pin(async move { request.notify().await }));
                }
            }
            Action::Read(read) => {
                let log = Rc::clone(&self.hub.log);
                self.reading = Some(Box::pin(async move {
                    match read {
                        Read::Extent => log.extent().await.map(|extent| Page { extent, entries: Vec::new() }),
                        Read::Head(sequence) | Read::Backfill(sequence) => log.after(sequence).await,
                    }
                }));
            }
            Action::Wait(head) => {
                let log = Rc::clone(&self.hub.log);
                self.waiting = Some(Box::pin(async move { log.wait(&head).await }));
            }
            Action::Report(line) => report(format_args!("hub: {line}")),
        }
    }

    fn take_writer(&mut self, id: SessionId) -> Option<(Writer, Stop)> {
        let stop = Stop::default();
        match std::mem::replace(self.streams.get_mut(id)?, Stream::Writing(stop.clone())) {
            Stream::Open(writer) => Some((writer, stop)),
            Stream::Writing(_) | Stream::Ended => None,
        }
    }

    fn set(&mut self, id: SessionId, stream: Stream) {
        if let Some(slot) = self.streams.get_mut(id) {
            *slot = stream;
        }
    }

    /// Ready when something has happened, which the dispatcher was told.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut happened = false;
        while let Poll::Ready(Some(written)) = self.writes.poll_next_unpin(cx) {
            happened = true;
            match written {
                Written::All(id, writer, buffer) => {
                    self.set(id, Stream::Open(writer));
                    self.dispatcher.write_ended(id, buffer, now());
                }
                Written::Ended(id) => {
                    self.set(id, Stream::Ended);
                    self.dispatcher.session_ended(id);
                }
            }
        }
        while let Poll::Ready(Some(())) = self.answers.poll_next_unpin(cx) {
            happened = true;
        }
        if let Some(read) = &mut self.reading
            && let Poll::Ready(result) = read.as_mut().poll(cx)
        {
            happened = true;
            self.reading = None;
            self.hub.health.note(&result);
            self.dispatcher.read_ended(result, now(), &mut self.actions);
        }
        if let Some(wait) = &mut self.waiting
            && let Poll::Ready(result) = wait.as_mut().poll(cx)
        {
            happened = true;
            self.waiting = None;
            self.hub.health.note(&result);
            self.dispatcher.wait_ended(result, now());
        }
        happened |= self.listener.poll_notified(cx).is_ready();
        happened |= self.timer.poll_due(cx, self.dispatcher.due()).is_ready();
        if happened { Poll::Ready(()) } else { Poll::Pending }
    }
}
