//! Answers a subscriber: with a stream, which the dispatcher writes to, or with what there is in its place.

use std::cell::OnceCell;
use std::mem::take;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use spin_sdk::time::sleep;
use spin_sse::{Head, Writer, timer};
use wasi::http::types::{ErrorCode, Response};

use crate::fanout::resume::Resume;
use crate::fanout::session::NewSession;
use crate::log::{Extent, Log, Unavailable};
#[cfg(feature = "subscriptions")]
use crate::presence::follows::Follows;
use crate::request::subscribe::Start;
#[cfg(feature = "subscriptions")]
use crate::spin::attending;
use crate::spin::driver::Driver;
use crate::spin::hub::Hub;
use crate::spin::instead::{come_back, nothing, send_back, too_many};
use crate::spin::presences::Present;
use crate::spin::registry::{Joined, Joining};
use crate::topic::field::EARLIEST;
use crate::topic::selector::Selector;

const MERCURE_LAST_EVENT_ID: HeaderName = HeaderName::from_static("mercure-last-event-id");

/// Work that no answer waits for begins so long after it: requests often come together, and while an instance works,
/// the host starts another one for the next request.
pub(crate) const BURST: Duration = Duration::from_millis(30);

/// What a subscriber asks for and may have.
pub(crate) struct Subscriber {
    /// The topics that it follows.
    pub(crate) selector: Selector,
    /// The topics whose private updates it may read.
    pub(crate) grant: Selector,
    /// Where it starts.
    pub(crate) start: Start,
    /// Its request has a last event id, which may be empty.
    pub(crate) names_place: bool,
    /// Only if the log has something.
    pub(crate) existing: bool,
    /// Only if one of the topics has not ended.
    pub(crate) unended: bool,
    /// Without the hub's own events.
    pub(crate) quiet: bool,
    /// It asks for the response head alone.
    pub(crate) head_only: bool,
    /// Of its stream.
    pub(crate) head: Head,
    /// When it asked.
    pub(crate) asked: timer::Instant,
    /// When it may no longer read.
    pub(crate) expires: timer::Instant,
    /// What is said of it, if anything is.
    #[cfg(feature = "subscriptions")]
    pub(crate) follows: Option<Follows>,
}

/// The future of [`answer`]. A box keeps its code in this crate, as with [`Hub::serve`].
type Answered = Pin<Box<dyn Future<Output = Result<Response, ErrorCode>>>>;

/// Answers a subscriber.
///
/// The answer does not wait for the log: while a request waits, the host may start another instance for the next one.
/// The stream starts where the log ended when the client asked. Only a request with a last event id must know the log:
/// its response head says what the log has of that id.
pub(crate) fn answer(mut wants: Subscriber, hub: Hub) -> Answered {
    Box::pin(async move {
        if !wants.head_only && is_full(&hub) {
            return too_many(wants.head.headers);
        }
        if wants.existing || wants.unended {
            let suits = suits(&wants, &hub).await;
            hub.read_health.note(&suits);
            match suits {
                Ok(true) => {}
                Ok(false) => return nothing(wants.head.headers),
                Err(_) => return come_back(wants.head, wants.head_only, hub.config.retry),
            }
        }
        let mut place = None;
        if wants.start != Start::Now {
            let resume = resume(&wants, &hub).await;
            hub.read_health.note(&resume);
            // Until the log says something else, the client is where it says that it is.
            wants.precede(wants.start.asked().to_owned());
            match resume {
                Ok(None) => return nothing(wants.head.headers),
                Ok(Some(resume)) => {
                    wants.precede(resume.preceding(&wants.start).to_owned());
                    place = Some(resume);
                }
                Err(_) => return come_back(wants.head, wants.head_only, hub.config.retry),
            }
        } else if wants.names_place {
            wants.precede(EARLIEST.to_owned());
        }
        if wants.head_only {
            return wants.head.open().map(|(response, _)| response);
        }
        open(wants, place, &hub)
    })
}

impl Subscriber {
    /// Says in the response head which update precedes the stream.
    ///
    /// "When the request contains a `Last-Event-ID` HTTP header or a `last_event_id` query parameter, the hub MUST set
    /// a `Mercure-Last-Event-ID` field on the HTTP response."
    fn precede(&mut self, id: String) {
        // What cannot be in a header is the id of no update.
        let id = HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static(EARLIEST));
        self.head.headers.insert(MERCURE_LAST_EVENT_ID, id);
    }
}

/// Whether all instances together have as many streams as they may, as far as this one knows.
fn is_full(hub: &Hub) -> bool {
    hub.config.max_streams > 0 && hub.registry.streams() >= hub.config.max_streams
}

/// Whether the log has what the component asks for.
async fn suits(wants: &Subscriber, hub: &Hub) -> Result<bool, Unavailable> {
    if wants.existing && !exists(&wants.selector, hub).await? {
        return Ok(false);
    }
    if !wants.unended || wants.selector.is_open() {
        return Ok(true);
    }
    let topics: Vec<Rc<str>> = wants.selector.topics().map(Rc::from).collect();
    let ended = hub.ends.read(&*hub.reading, topics.clone()).await?;
    Ok(topics.iter().any(|topic| !ended.iter().any(|(name, _)| name == topic)))
}

/// Whether the log has an update on one of these topics, or a relay to one.
async fn exists(selector: &Selector, hub: &Hub) -> Result<bool, Unavailable> {
    if selector.is_open() {
        let extent = hub.reading.extent().await?;
        return Ok(extent.oldest <= extent.head);
    }
    let topics: Vec<Rc<str>> = selector.topics().map(Rc::from).collect();
    hub.reading.has_any(&topics).await
}

/// Where a client goes on; `None` if all its topics have ended before that.
async fn resume(wants: &Subscriber, hub: &Hub) -> Result<Option<Resume>, Unavailable> {
    let (resume, extent) = find(&wants.start, hub).await?;
    if extent.has_ended_topics && !wants.selector.is_open() {
        let topics = wants.selector.topics().map(Rc::from).collect();
        let ended = hub.ends.read(&*hub.reading, topics).await?;
        if resume.is_over(&extent, wants.selector.topics(), &ended) {
            return Ok(None);
        }
    }
    Ok(Some(resume))
}

/// Where a client goes on. What this instance knows of the log tells it, if the client's place is in there: the log may
/// have grown since.
async fn find(start: &Start, hub: &Hub) -> Result<(Resume, Extent), Unavailable> {
    let known = hub.registry.extent().filter(|_| *start != Start::Earliest);
    let extent = match known {
        Some(known) => known,
        None => hub.extents.read(&*hub.reading).await?,
    };
    let resume = Resume::find(start, &extent, &*hub.reading).await?;
    if resume.lost.is_none() {
        return Ok((resume, extent));
    }
    // The place may be newer than what is known.
    let extent = hub.reading.extent().await?;
    Ok((Resume::find(start, &extent, &*hub.reading).await?, extent))
}

/// Opens the stream, and hands it to the dispatcher, which gets to work when the response head is on its way.
fn open(mut wants: Subscriber, resume: Option<Resume>, hub: &Hub) -> Result<Response, ErrorCode> {
    let (response, writer) = take(&mut wants.head).open()?;
    join(wants, writer, resume, hub);
    Ok(response)
}

fn join(mut wants: Subscriber, writer: Writer, resume: Option<Resume>, hub: &Hub) {
    let deadline = timer::after(wants.asked, timer::jittered(hub.config.max_duration));
    let (present, ticket) = enter(&mut wants, deadline, hub);
    let Subscriber { selector, grant, quiet, asked, expires, .. } = wants;
    let deadline = deadline.min(expires);
    let (max_bytes, retry) = (hub.config.max_bytes, timer::scattered(hub.config.retry));
    let session = NewSession { selector, grant, resume, asked, max_bytes, deadline, retry, quiet, ticket };
    match hub.registry.join(Joining { session, writer, present }) {
        Joined::Wake(dispatcher) => dispatcher.wake(),
        Joined::Start(listener) => {
            let hub = hub.clone();
            wasi::spawn(async move { Driver::new(hub, listener).run().await });
        }
    }
}

/// Says that a subscriber is there, if that is to be said, as long as the first lasts. The second is for its last
/// words.
#[cfg(feature = "subscriptions")]
fn enter(
    wants: &mut Subscriber,
    deadline: timer::Instant,
    hub: &Hub,
) -> (Option<Present>, Option<Rc<OnceCell<String>>>) {
    let Some(follows) = wants.follows.take() else { return (None, None) };
    // Who may no longer read when its stream ends is not waited for.
    let (present, ticket) = attending::join(hub, follows, &wants.start, deadline < wants.expires);
    (Some(present), ticket)
}

#[cfg(not(feature = "subscriptions"))]
fn enter(_: &mut Subscriber, _: timer::Instant, _: &Hub) -> (Option<Present>, Option<Rc<OnceCell<String>>>) {
    (None, None)
}

/// Answers a subscriber with a stream at once, and finds out where it starts afterwards. Its head says nothing of that.
pub(crate) fn answer_first(mut wants: Subscriber, hub: Hub) -> Result<Response, ErrorCode> {
    let (response, writer) = take(&mut wants.head).open()?;
    wasi::spawn(async move {
        sleep(BURST).await;
        let resume = resume(&wants, &hub).await;
        hub.read_health.note(&resume);
        match resume {
            Ok(Some(resume)) => join(wants, writer, Some(resume), &hub),
            Ok(None) => writer.finish().await,
            Err(_) => send_back(writer, hub.config.retry).await,
        }
    });
    Ok(response)
}
