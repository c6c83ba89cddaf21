//! Answers a `GET`: opens a stream, which the dispatcher writes to.

use std::rc::Rc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use spin_sdk::http::{IntoResponse, Request};
use spin_sse::{Event, Head, encode_comment, timer};
use wasi::http::types::{ErrorCode, Response};

use crate::access::policy;
use crate::fanout::resume::Resume;
use crate::fanout::session::NewSession;
use crate::request::refusal::Refusal;
use crate::request::subscribe::{self, Start};
use crate::spin::driver::{Driver, Surroundings};
use crate::spin::endpoint::{Purpose, cors, grant, refuse, unix_time};
use crate::spin::hub::Hub;
use crate::spin::notifier::notifier;
use crate::spin::registry::Joining;
use crate::spin::reply;
use crate::topic::selector::Selector;

const MERCURE_LAST_EVENT_ID: HeaderName = HeaderName::from_static("mercure-last-event-id");

/// Answers a `GET` with a stream, or a `HEAD` with its head.
///
/// A request with a last event id waits for the log: the response head says what the log has of that id. Any other
/// request waits only in an instance that does not know the log yet: else what is published after the response head
/// could be missed.
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
        let known = hub.registry.head().map(Resume::at_end);
        return open(head, wanted, known, hub).await;
    }
    let resume = Resume::find(&wanted.start, &*hub.reading).await;
    hub.read_health.note(&resume);
    match resume {
        Ok(resume) => {
            if let Ok(id) = HeaderValue::from_bytes(resume.preceding(&wanted.start).as_bytes()) {
                head.headers.insert(MERCURE_LAST_EVENT_ID, id);
            }
            open(head, wanted, Some(resume), hub).await
        }
        Err(_) => come_back(head, hub.config.retry),
    }
}

/// What a subscriber asks for and may have.
struct SubscribeRequest {
    selector: Selector,
    /// The topics whose private updates it may read.
    grant: Selector,
    start: Start,
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
            deadline: budget.min(expiry),
        })
    }
}

/// Opens the stream, and hands it to the dispatcher.
async fn open(head: Head, wanted: SubscribeRequest, resume: Option<Resume>, hub: &Hub) -> Result<Response, ErrorCode> {
    let (response, writer) = head.open()?;
    let SubscribeRequest { selector, grant, deadline, .. } = wanted;
    let retry = timer::scattered(hub.config.retry);
    let (answer, answered) = match resume {
        Some(_) => (None, None),
        None => {
            let (notifier, listener) = notifier();
            (Some(notifier), Some(listener))
        }
    };
    let session = NewSession { selector, grant, resume, max_bytes: hub.config.max_bytes, deadline, retry };
    if let Some(listener) = hub.registry.join(Joining { session, writer, answer }).await {
        let surroundings = Surroundings {
            log: Rc::clone(&hub.reading),
            registry: Rc::clone(&hub.registry),
            health: Rc::clone(&hub.read_health),
            poll: hub.config.poll,
        };
        wasi::spawn(Driver::new(surroundings, listener).run());
    }
    if let Some(mut answered) = answered {
        answered.notified().await;
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
