//! Tells the log who is present in an instance, in one task.

use std::cell::RefMut;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use spin_sse::report;
use spin_sse::timer::{Instant, Timer, now};

use crate::log::Unavailable;
use crate::log::presence::{Attended, Changes, Presence, records};
use crate::presence::follows::Follows;
use crate::presence::member::{Newcomer, Ticket};
use crate::presence::members::Members;
use crate::presence::ticket;
use crate::request::subscribe::Start;
use crate::spin::hub::Hub;
use crate::spin::notifier::Listener;
use crate::spin::presences::Present;
use crate::spin::publication::announce;
use crate::spin::store::Store;
use crate::spin::work::{Pending, poll_ended};

/// A subscriber is there. It comes back as the same one if it `returns`, with the ticket, and follows the same.
pub(crate) fn join(hub: &Hub, follows: Follows, start: &Start, returns: bool) -> (Present, Option<Ticket>) {
    let random = || {
        let (high, low) = (wasi::random::random::get_random_u64(), wasi::random::random::get_random_u64());
        u128::from(high) << 64 | u128::from(low)
    };
    let ticket = Ticket::default();
    let back = match start {
        Start::After(id) => ticket::find(id),
        Start::Now | Start::Earliest => None,
    };
    let newcomer = Newcomer { follows, named: ticket::new(random(), random()), back, ticket: Rc::clone(&ticket) };
    let (present, listener) = hub.presences.join(newcomer, returns);
    if let Some(listener) = listener {
        let hub = hub.clone();
        wasi::spawn(async move { Driver::new(hub, listener).run().await });
    }
    (present, returns.then_some(ticket))
}

/// Tells the log of changes, and who hears it of the updates that come of them.
pub(crate) async fn attend(hub: &Hub, log: &Store, changes: &Changes) -> Result<Attended, Unavailable> {
    let attended = log.attend(changes).await;
    hub.write_health.note(&attended);
    if let Ok(Attended { appended: Some((topics, appended)), .. }) = &attended {
        announce(hub, &records(topics), appended).await;
    }
    attended
}

struct Driver {
    hub: Hub,
    listener: Listener,
    timer: Timer,
    telling: Option<Pending<Result<Attended, Unavailable>>>,
}

impl Driver {
    fn new(hub: Hub, listener: Listener) -> Driver {
        Driver { hub, listener, timer: Timer::default(), telling: None }
    }

    /// Tells the log until there is nothing more to tell.
    async fn run(mut self) {
        loop {
            let changes = self.members().and_then(|mut members| members.tell(now()));
            if let Some(changes) = changes {
                let hub = self.hub.clone();
                self.telling = Some(Box::pin(async move { attend(&hub, &hub.presences.log, &changes).await }));
            }
            if self.members().is_none_or(|members| members.is_empty()) {
                return self.hub.presences.close();
            }
            poll_fn(|cx| self.poll_event(cx)).await;
        }
    }

    fn members(&self) -> Option<RefMut<'_, Members>> {
        self.hub.presences.members()
    }

    /// Ready when something has happened.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut happened = false;
        if let Some(result) = poll_ended(&mut self.telling, cx) {
            happened = true;
            let begin_anew = self.members().is_some_and(|mut members| members.attended(result.as_ref(), now()));
            if begin_anew {
                report(format_args!("hub: others took this instance for dead: its subscriptions begin anew"));
            }
        }
        happened |= self.listener.poll_notified(cx).is_ready();
        let due = self.members().map_or(Instant::MAX, |members| members.due());
        happened |= self.timer.poll_due(cx, due).is_ready();
        if happened { Poll::Ready(()) } else { Poll::Pending }
    }
}
