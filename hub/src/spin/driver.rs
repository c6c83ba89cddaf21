//! Drives the dispatcher of an instance: does what the dispatcher says, and tells it what happened.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use spin_sse::timer::{Timer, now};
use spin_sse::{Writer, report};

use crate::fanout::action::{Action, SessionId};
use crate::fanout::dispatcher::Dispatcher;
use crate::fanout::reader::Answer;
use crate::fanout::settings::{Settings, Wakeups};
use crate::log::{Census, Hint, ListenerId, Log, Unavailable, Woken};
use crate::spin::detached::detached;
use crate::spin::hub::Hub;
use crate::spin::notifier::Listener;
use crate::spin::presences::Present;
use crate::spin::registry::Joining;
use crate::spin::work::{Pending, answer, drain, poll_ended, prepare, receive, take_over};
use crate::spin::writes::{Stop, Written, end, write};

/// How many datagrams are taken in at once: a flood of them does not keep the driver from its other work.
const DATAGRAMS: usize = 64;

/// Runs a dispatcher until its last session has ended.
pub(crate) struct Driver {
    hub: Hub,
    /// Woken when something arrives in the registry.
    listener: Listener,
    /// What the log calls this instance.
    id: ListenerId,
    timer: Timer,
    dispatcher: Dispatcher,
    actions: Vec<Action>,
    /// By session.
    streams: Vec<(Stream, Option<Present>)>,
    writes: FuturesUnordered<Pending<Written>>,
    reading: Option<Pending<Result<Answer, Unavailable>>>,
    registering: Option<Pending<Result<Census, Unavailable>>>,
    waiting: Option<Pending<Result<Woken, Unavailable>>>,
    draining: Option<Pending<()>>,
    taking_over: Option<Pending<()>>,
    preparing: Option<Pending<()>>,
    datagram: Pending<Vec<Hint>>,
}

/// The body of a session's stream.
enum Stream {
    Open(Writer),
    Writing(Stop),
    Ended,
}

impl Driver {
    /// A driver that `listener` wakes when something arrives in the registry.
    pub(crate) fn new(hub: Hub, listener: Listener) -> Self {
        // One that had left may be there still.
        hub.door.open();
        let random = wasi::random::insecure::get_insecure_random_u64;
        let port = if hub.reading.wakes() { None } else { hub.wakeups.port() };
        let wakeups = match port {
            _ if hub.reading.wakes() => Wakeups::Awaited,
            Some(_) => Wakeups::Sent,
            None => Wakeups::None,
        };
        // Above the ports.
        let id = port.map_or(random() | 1 << 32, ListenerId::from);
        let gather = hub.config.gather.then_some(hub.config.max_duration);
        let settings = Settings { poll: hub.config.poll, listener: id, wakeups, gather, seed: random() };
        Driver {
            datagram: receive(&hub),
            hub,
            listener,
            id,
            timer: Timer::default(),
            dispatcher: Dispatcher::new(settings, now()),
            actions: Vec::new(),
            streams: Vec::new(),
            writes: FuturesUnordered::new(),
            reading: None,
            registering: None,
            waiting: None,
            draining: None,
            taking_over: None,
            preparing: None,
        }
    }

    /// Serves until the last session has ended.
    pub(crate) async fn run(mut self) {
        loop {
            self.admit();
            if self.dispatcher.is_empty() {
                // What is left of the registration costs others a wake-up, until its lease is over.
                let _ = self.hub.reading.unregister(self.id).await;
                self.registering = None;
                self.dispatcher.unregistered();
                self.admit();
                if self.dispatcher.is_empty() {
                    if self.hub.upstreams.is_running() {
                        // The instance stays, and would keep requests from others that it does not take.
                        self.hub.door.open();
                    }
                    return self.hub.registry.close();
                }
            }
            let mut actions = std::mem::take(&mut self.actions);
            self.dispatcher.round(now(), &mut actions);
            actions.drain(..).for_each(|action| self.start(action));
            self.actions = actions;
            self.hub.registry.set_extent(self.dispatcher.extent());
            self.hub.registry.set_streams(self.dispatcher.streams());
            poll_fn(|cx| self.poll_event(cx)).await;
        }
    }

    /// Hands over what has arrived in the registry.
    fn admit(&mut self) {
        let arrived = self.hub.registry.take();
        arrived.hints.iter().for_each(|hint| self.dispatcher.hint(hint));
        for Joining { session, writer, present } in arrived.joining {
            let id = self.dispatcher.join(session, now());
            if self.streams.len() <= id {
                self.streams.resize_with(id.saturating_add(1), || (Stream::Ended, None));
            }
            if let Some(slot) = self.streams.get_mut(id) {
                *slot = (Stream::Open(writer), present);
            }
        }
    }

    /// Begins to do what the dispatcher wants.
    fn start(&mut self, action: Action) {
        let log = Rc::clone(&self.hub.reading);
        match action {
            Action::Write { session, chunk } => {
                if let Some((writer, stop)) = self.take_writer(session) {
                    self.writes.push(Box::pin(write(session, writer, chunk, stop)));
                }
            }
            Action::End { session, last_words, cause } => {
                if let Some((writer, stop)) = self.take_writer(session) {
                    let present = self.streams.get_mut(session).and_then(|(_, present)| present.take());
                    self.writes.push(Box::pin(end(session, writer, last_words, (cause, present), stop)));
                }
            }
            Action::Interrupt(session) => {
                if let Some((Stream::Writing(stop), _)) = self.streams.get(session) {
                    stop.interrupt();
                }
            }
            Action::Cut(session) => {
                if let Some((Stream::Writing(stop), _)) = self.streams.get(session) {
                    stop.cut();
                }
            }
            Action::Read(read) => self.reading = Some(Box::pin(async move { answer(&*log, read).await })),
            Action::Register(registration) => {
                self.registering = Some(Box::pin(async move { log.register(&registration).await }));
            }
            Action::Wait(listener) => self.waiting = Some(Box::pin(async move { log.wait(listener).await })),
            Action::Drain(listeners, pause) => {
                self.draining = Some(Box::pin(drain(self.hub.clone(), listeners, pause)));
            }
            Action::Prepare => self.preparing = Some(Box::pin(prepare(self.hub.clone()))),
            Action::CloseDoor => self.hub.door.close(),
            Action::OpenDoor => self.hub.door.open(),
            Action::Report(line) => report(format_args!("hub: {line}")),
        }
    }

    fn take_writer(&mut self, id: SessionId) -> Option<(Writer, Stop)> {
        let stop = Stop::default();
        match std::mem::replace(&mut self.streams.get_mut(id)?.0, Stream::Writing(stop.clone())) {
            Stream::Open(writer) => Some((writer, stop)),
            Stream::Writing(_) | Stream::Ended => None,
        }
    }

    fn set(&mut self, id: SessionId, stream: Stream) {
        if let Some((slot, _)) = self.streams.get_mut(id) {
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
                    if let Some(slot) = self.streams.get_mut(id) {
                        *slot = (Stream::Ended, None);
                    }
                    self.dispatcher.session_ended(id);
                }
            }
        }
        if let Some(result) = poll_ended(&mut self.reading, cx) {
            happened = true;
            self.hub.read_health.note(&result);
            self.dispatcher.read_ended(result, now(), &mut self.actions);
        }
        if let Some(result) = poll_ended(&mut self.registering, cx) {
            happened = true;
            if result.is_ok() && self.taking_over.is_none() {
                // The last stream may end before it has appended: others wait for an append to end.
                self.taking_over = Some(Box::pin(detached(take_over(self.hub.clone()))));
            }
            self.dispatcher.registered(result, now(), &mut self.actions);
        }
        if let Some(result) = poll_ended(&mut self.waiting, cx) {
            happened = true;
            self.dispatcher.wait_ended(result, now());
        }
        // They leave nothing to do.
        for idle in [&mut self.draining, &mut self.preparing, &mut self.taking_over] {
            let _ = poll_ended(idle, cx);
        }
        for _ in 0..DATAGRAMS {
            let Poll::Ready(hints) = self.datagram.as_mut().poll(cx) else { break };
            happened = true;
            hints.iter().for_each(|hint| self.dispatcher.hint(hint));
            self.datagram = receive(&self.hub);
        }
        happened |= self.listener.poll_notified(cx).is_ready();
        happened |= self.timer.poll_due(cx, self.dispatcher.due()).is_ready();
        if happened { Poll::Ready(()) } else { Poll::Pending }
    }
}
