//! What the driver begins and later takes the result of, apart from writes.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use spin_sdk::time::sleep;
use spin_sse::report;

use crate::fanout::cache::Read;
use crate::fanout::reader::Answer;
use crate::log::{Entry, Hint, Interest, ListenerId, Log, Page, Position, RENEW, Unavailable};
use crate::spin::hub::Hub;
use crate::spin::publication::append;
use crate::topic::key::key;

/// Something that was begun.
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = T>>>;

/// Takes the result of something that was begun, once it has ended.
pub(crate) fn poll_ended<T>(pending: &mut Option<Pending<T>>, cx: &mut Context<'_>) -> Option<T> {
    let Poll::Ready(result) = pending.as_mut()?.as_mut().poll(cx) else { return None };
    *pending = None;
    Some(result)
}

/// Tells instances to end their streams.
pub(crate) async fn drain(hub: Hub, listeners: Vec<ListenerId>, pause: Duration) {
    if let Ok(true) = hub.reading.drain(&listeners, pause).await {
        report(format_args!("hub: the streams gather in fewer instances"));
        let ports: Vec<u16> = listeners.iter().filter_map(|listener| u16::try_from(*listener).ok()).collect();
        if let Some(extent) = hub.registry.extent().filter(|_| !hub.reading.wakes()) {
            hub.wakeups.wake(&ports, &extent.end(), &[key(RENEW)]).await;
        }
    }
}

/// Opens the log for writing, if that is a connection of its own. If it fails, a publication tries it again.
pub(crate) async fn prepare(hub: Hub) {
    if !Rc::ptr_eq(&hub.writing, &hub.reading) {
        let _ = hub.writing.extent().await;
    }
}

/// The next datagram of another instance; never, where the log itself wakes its listeners.
pub(crate) fn receive(hub: &Hub) -> Pending<Vec<Hint>> {
    if hub.reading.wakes() {
        return Box::pin(std::future::pending());
    }
    let wakeups = Rc::clone(&hub.wakeups);
    Box::pin(async move { wakeups.receive().await })
}

/// Makes a read.
pub(crate) async fn answer(log: &impl Log, read: Read) -> Result<Answer, Unavailable> {
    Ok(match read {
        Read::AsOf(moment) => Answer::AsOf(log.as_of(moment).await?),
        Read::Extent => Answer::Page(Page::without_updates(log.extent().await?)),
        Read::After(interest) => Answer::Page(log.after(&interest).await?),
    })
}

/// Reads the updates on a topic after a sequence, page by page, until `visit` has enough. Returns where the log ends.
pub(crate) async fn read_topic(
    log: &impl Log,
    topic: &str,
    mut after: u64,
    mut visit: impl FnMut(Vec<Entry>) -> ControlFlow<()>,
) -> Result<Position, Unavailable> {
    let topic: Rc<str> = Rc::from(topic);
    loop {
        let Page { extent, entries, through, .. } =
            log.after(&Interest::Topics(vec![(Rc::clone(&topic), after)])).await?;
        if visit(entries).is_break() || through >= extent.head || through <= after {
            return Ok(extent.end());
        }
        after = through;
    }
}

/// How long after it registers an instance takes over relays. While the log is away, those that live try to renew
/// their leases about every 0.7 s.
const GRACE: Duration = Duration::from_secs(1);

/// Ends the topics of relays whose host died. What fails is tried again when this instance registers again.
pub(crate) async fn take_over(hub: Hub) {
    // After an outage of the log, who relays renews its leases before they are looked at.
    sleep(GRACE).await;
    let Ok(left) = hub.reading.take_over(hub.upstreams.heir(), &hub.upstreams.topics()).await else { return };
    for record in left {
        let topic = record.topics().next().unwrap_or_default().to_owned();
        if append(&hub, vec![record]).await.is_ok() {
            report(format_args!("hub: relay to {topic:?} was interrupted: its host has gone"));
        }
    }
}
