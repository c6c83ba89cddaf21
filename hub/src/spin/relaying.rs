//! Drives the relays of an instance, in one task: does what they say, and tells them what happened.

use std::future::poll_fn;
use std::mem::take;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::future::{AbortHandle, Aborted, abortable};
use futures::stream::FuturesUnordered;
use spin_sse::source::{Error, Source};
use spin_sse::timer::{Instant, Timer, now};
use spin_sse::{Event, report};

use crate::log::{AppendError, Log, Position, Record, Unavailable};
use crate::relays::action::{Action, Finished, Refused, RelayId};
use crate::relays::relays::Relays;
use crate::spin::hub::Hub;
use crate::spin::notifier::Listener;
use crate::spin::publication::append;
use crate::spin::upstreams::{Arriving, Left, RelayEnd, Relayed};
use crate::spin::work::{Pending, poll_ended, read_topic};

/// Begins a relay, in the task that drives them, which it starts if there is none.
pub(crate) fn begin(hub: &Hub, arriving: Arriving) {
    match hub.upstreams.leave(arriving) {
        Left::Wake(notifier) => wasi::spawn(async move { notifier.notify().await }),
        Left::Start(listener) => {
            let hub = hub.clone();
            wasi::spawn(async move { Driver::new(hub, listener).run().await });
        }
    }
}

/// What a read of an upstream returns.
type ReadEnded = (RelayId, Source, Result<Option<Event<'static>>, Error>);

/// An upstream, and where it goes.
struct Upstream {
    relayed: Relayed,
    /// Not here while it is read.
    source: Option<Source>,
    /// Gives up the read that is under way.
    reading: Option<AbortHandle>,
}

impl Upstream {
    fn leave(&mut self) {
        self.source = None;
        if let Some(reading) = self.reading.take() {
            // The read has the upstream, and drops it.
            reading.abort();
        }
    }
}

/// The topics that the log says this instance holds, and when it was asked.
type Held = (Instant, Result<Vec<String>, Unavailable>);

struct Driver {
    hub: Hub,
    listener: Listener,
    timer: Timer,
    relays: Relays,
    actions: Vec<Action>,
    /// By relay.
    upstreams: Vec<Option<Upstream>>,
    reads: FuturesUnordered<Pending<Result<ReadEnded, Aborted>>>,
    appending: Option<Pending<Result<Position, Refused>>>,
    finding: Option<Pending<Result<(bool, Position), Unavailable>>>,
    holding: Option<Pending<Held>>,
}

impl Driver {
    fn new(hub: Hub, listener: Listener) -> Driver {
        Driver {
            hub,
            listener,
            timer: Timer::default(),
            relays: Relays::new(now()),
            actions: Vec::new(),
            upstreams: Vec::new(),
            reads: FuturesUnordered::new(),
            appending: None,
            finding: None,
            holding: None,
        }
    }

    /// Drives the relays until the last one has finished.
    async fn run(mut self) {
        loop {
            // One that begins may get the name of one that has finished.
            self.act();
            self.admit();
            self.relays.round(now(), &mut self.actions);
            self.act();
            if self.relays.is_empty() {
                return self.hub.upstreams.close();
            }
            poll_fn(|cx| self.poll_event(cx)).await;
        }
    }

    fn act(&mut self) {
        let mut actions = take(&mut self.actions);
        actions.drain(..).for_each(|action| self.start(action));
        self.actions = actions;
    }

    fn admit(&mut self) {
        for Arriving { relayed, position, source } in self.hub.upstreams.take() {
            let id = self.relays.begin(Rc::clone(&relayed.topic), position, now());
            if self.upstreams.len() <= id {
                self.upstreams.resize_with(id.saturating_add(1), || None);
            }
            if let Some(slot) = self.upstreams.get_mut(id) {
                *slot = Some(Upstream { relayed, source: Some(source), reading: None });
            }
        }
    }

    fn start(&mut self, action: Action) {
        let hub = self.hub.clone();
        match action {
            Action::Read(id) => self.read(id),
            Action::Append(records) => self.appending = Some(Box::pin(store(hub, records))),
            Action::Find(after, record) => self.finding = Some(Box::pin(find(hub, after, record))),
            Action::Hold { renew } => {
                self.holding = Some(Box::pin(async move {
                    let asked = now();
                    (asked, hub.reading.held(hub.upstreams.holder(), &hub.upstreams.topics(), renew).await)
                }));
            }
            Action::Interrupt(id) => {
                let Some(Some(upstream)) = self.upstreams.get_mut(id) else { return };
                upstream.leave();
                self.relays.upstream_ended(id, upstream.relayed.last(&RelayEnd::Interrupted));
            }
            Action::Finish(id, finished) => self.finish(id, finished),
        }
    }

    fn read(&mut self, id: RelayId) {
        let Some(Some(upstream)) = self.upstreams.get_mut(id) else { return };
        let Some(mut source) = upstream.source.take() else { return };
        let (read, handle) = abortable(async move {
            let read = source.next().await.map(|message| message.map(Event::from));
            (id, source, read)
        });
        upstream.reading = Some(handle);
        self.reads.push(Box::pin(read));
    }

    fn read_ended(&mut self, (id, source, read): ReadEnded) {
        let Some(Some(upstream)) = self.upstreams.get_mut(id) else { return };
        upstream.reading = None;
        let end = match read {
            Ok(Some(event)) => {
                upstream.source = Some(source);
                return self.relays.message(id, upstream.relayed.record(&event, false));
            }
            Ok(None) => RelayEnd::Finished,
            Err(error) => {
                report(format_args!("hub: relay to {:?} failed: {error}", upstream.relayed.topic));
                RelayEnd::Failed(error)
            }
        };
        self.relays.upstream_ended(id, upstream.relayed.last(&end));
    }

    fn finish(&mut self, id: RelayId, Finished { updates, stopped }: Finished) {
        let Some(mut upstream) = self.upstreams.get_mut(id).and_then(Option::take) else { return };
        upstream.leave();
        self.hub.upstreams.forget(&upstream.relayed.topic);
        let how = if stopped { "stopped" } else { "ended" };
        report(format_args!("hub: relay to {:?} {how} after {updates} updates", upstream.relayed.topic));
    }

    /// Ready when something has happened, which the relays were told.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut happened = false;
        while let Poll::Ready(Some(read)) = self.reads.poll_next_unpin(cx) {
            happened = true;
            if let Ok(read) = read {
                self.read_ended(read);
            }
        }
        if let Some(result) = poll_ended(&mut self.appending, cx) {
            happened = true;
            self.relays.appended(result, now(), &mut self.actions);
        }
        if let Some(result) = poll_ended(&mut self.finding, cx) {
            happened = true;
            self.relays.found(result.ok(), now());
        }
        if let Some((asked, result)) = poll_ended(&mut self.holding, cx) {
            happened = true;
            self.relays.held(result.ok().as_deref(), asked, now(), &mut self.actions);
        }
        happened |= self.listener.poll_notified(cx).is_ready();
        happened |= self.timer.poll_due(cx, self.relays.due()).is_ready();
        if happened { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Appends, and returns the position of the last update.
async fn store(hub: Hub, records: Vec<Record>) -> Result<Position, Refused> {
    let count = u64::try_from(records.len().saturating_sub(1)).unwrap_or(u64::MAX);
    match append(&hub, records).await {
        Ok(first) => Ok(Position { sequence: first.sequence.saturating_add(count), ..first }),
        Err(AppendError::Ended(topic)) => Err(Refused::Ended(topic)),
        Err(AppendError::Unavailable(error)) => Err(Refused::Unavailable { uncertain: error.uncertain }),
    }
}

/// Whether `record` is in the log after a position, and the log's end.
async fn find(hub: Hub, after: Position, record: Record) -> Result<(bool, Position), Unavailable> {
    let Some(topic) = record.topics().next() else { return Ok((false, after)) };
    let mut found = false;
    let end = read_topic(&*hub.reading, topic, after.sequence, |entries| {
        found = entries.iter().any(|entry| entry.wire.ends_with(record.body.as_bytes()));
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let end = end.await?;
    Ok((found, end))
}
