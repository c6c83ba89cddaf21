//! Answers a `GET`: opens a stream, which the dispatcher writes to.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use spin_sdk::http::{IntoResponse, Request};
use spin_sse::{Event, Head, encode_comment, timer};
use wasi::http::types::{ErrorCode, Response};

use crate::access::policy;
use crate::fanout::resume::Resume;
use crate::fanout::session::NewSession;
use crate::log::{Log, Unavailable};
use crate::request::refusal::Refusal;
use crate::request::subscribe::{self, Start};
use crate::spin::driver::Driver;
use crate::spin::endpoint::{Purpose, cors, grant, refuse, unix_time};
use crate::spin::hub::Hub;
use crate::spin::registry::{Joined, Joining};
use crate::spin::reply;
use crate::topic::selector::Selector;

const MERCURE_LAST_EVENT_ID: HeaderName = HeaderName::from_static("mercure-last-event-id");

/// Answers a `GET` with a stream, or a `HEAD` with its head.
///
/// The answer does not wait for the log: while a request waits, the host may start another instance for the next one.
/// The stream starts where the log ended when the client asked. Only a request with a last event id must know the log:
/// its response head says what the log has of that id.
///
/// # Errors
///
/// Those of [`Head::open`].
pub(crate) async fn subscribe(request: Request, hub: &Hub) -> Result<Response, ErrorCode> {
    let cors = cors(request.headers(), &hub.config);
    let wanted = match SubscribeRequest::read(&request, hub) {
        Ok(wanted) => wanted,
        Err(refusal) => {
            let mut reply = refuse(&refusal);
            reply.headers_mut().extend(cors);
            return reply::for_method(request.method(), reply).into_response();
        }
    };
    let mut head = Head::default();
    head.headers.extend(cors);
    if request.method() == Method::HEAD {
        return head.open().map(|(response, _)| response);
    }
    if wanted.start == Start::Now {
        return open(head, wanted, None, hub);
    }
    let resume = resume(&wanted.start, hub).await;
    hub.read_health.note(&resume);
    match resume {
        Ok(resume) => {
            if let Ok(id) = HeaderValue::from_bytes(resume.preceding(&wanted.start).as_bytes()) {
                head.headers.insert(MERCURE_LAST_EVENT_ID, id);
            }
            open(head, wanted, Some(resume), hub)
        }
        Err(_) => come_back(head, hub.config.retry),
    }
}

/// Where a client goes on. What this instance knows of the log tells it, if the client's place is in there: the log may
/// have grown since.
async fn resume(start: &Start, hub: &Hub) -> Result<Resume, Unavailable> {
    let known = hub.registry.extent().filter(|_| *start != Start::Earliest);
    let extent = match known {
        Some(known) => known,
        None => hub.extents.read(&*hub.reading).await?,
    };
    let resume = Resume::find(start, &extent, &*hub.reading).await?;
    if resume.lost.is_none() {
        return Ok(resume);
    }
    // The place may be newer than what is known.
    let extent = hub.reading.extent().await?;
    Resume::find(start, &extent, &*hub.reading).await
}

/// What a subscriber asks for and may have.
struct SubscribeRequest {
    selector: Selector,
    /// The topics whose private updates it may read.
    grant: Selector,
    start: Start,
    asked: timer::Instant,
    deadline: timer::Instant,
}

impl SubscribeRequest {
    fn read(request: &Request, hub: &Hub) -> Result<SubscribeRequest, Refusal> {
        let selector = subscribe::parse(request.uri().query())?;
        let grant = grant(request.headers(), request.uri(), &hub.config, Purpose::Subscribe)?;
        policy::may_subscribe(grant.as_ref(), hub.config.anonymous)?;
        let now = timer::now();
        let budget = timer::after(now, timer::jittered(hub.config.max_duration));
        let expiry = grant.as_ref().and_then(|grant| grant.expires).map_or(timer::Instant::MAX, |expires| {
            timer::after(now, Duration::from_secs(expires).saturating_sub(unix_time()))
        });
        Ok(SubscribeRequest {
            selector,
            grant: grant.map_or(Selector::none(), |grant| grant.subscribe),
            start: Start::from(spin_sse::last_event_id(request.headers(), request.uri())),
            asked: now,
            deadline: budget.min(expiry),
        })
    }
}

/// Opens the stream, and hands it to the dispatcher, which gets to work when the response head is on its way.
fn open(head: Head, wanted: SubscribeRequest, resume: Option<Resume>, hub: &Hub) -> Result<Response, ErrorCode> {
    let (response, writer) = head.open()?;
    let SubscribeRequest { selector, grant, asked, deadline, .. } = wanted;
    let retry = timer::scattered(hub.config.retry);
    let session = NewSession { selector, grant, resume, asked, max_bytes: hub.config.max_bytes, deadline, retry };
    match hub.registry.join(Joining { session, writer }) {
        Joined::Wake(dispatcher) => wasi::spawn(async move { dispatcher.notify().await }),
        Joined::Start(listener) => {
            let hub = hub.clone();
            wasi::spawn(async move { Driver::new(hub, listener).run().await });
        }
    }
    Ok(response)
}

/// A stream that ends at once. An error would make `EventSource` stop for good; this makes it come back, with the last
/// event id it has.
fn come_back(head: Head, retry: Duration) -> Result<Response, ErrorCode> {
    let mut out = Vec::new();
    encode_comment("the log is unavailable: come back", &mut out);
    Event::without_data().retry(timer::scattered(retry.saturating_mul(2))).encode(&mut out);
    let (response, mut writer) = head.open()?;
    wasi::spawn(async move {
        // A client that has gone comes back anyway.
        let _ = writer.write(out).await;
        writer.finish().await;
    });
    Ok(response)
}
