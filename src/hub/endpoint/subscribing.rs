//! What becomes of a `GET`: a stream, which the tail writes to.

use std::rc::Rc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use spin_sdk::http::{IntoResponse, Request};
use spin_sse::{Event, Head, encode_comment, timer};
use wasi::http::types::{ErrorCode, Response};

use super::{cors, grant, refuse, unix_time};
use crate::hub::authorize;
use crate::hub::door::{self, Session};
use crate::hub::instance::Shared;
use crate::hub::log::{Extent, Log, Position, Unavailable};
use crate::hub::refusal::Refusal;
use crate::hub::subscribe::{self, Start};
use crate::hub::subscriber::{Subscriber, encode_gap, encode_ready};
use crate::hub::topic::Selector;
use crate::reply;

const MERCURE_LAST_EVENT_ID: HeaderName = HeaderName::from_static("mercure-last-event-id");

/// Answers a `GET` with a stream, or a `HEAD` with its head.
///
/// # Errors
///
/// Those of [`Head::open`].
pub async fn subscribe(request: Request, shared: &Shared) -> Result<Response, ErrorCode> {
    let cors = cors(request.headers(), shared);
    let wish = match wish(&request, shared) {
        Ok(wish) => wish,
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
    let place = place(&wish.start, &*shared.reading).await;
    shared.reads.note(&place);
    match place {
        Ok(place) => open(head, wish, place, shared).await,
        Err(_) => come_back(head, shared.settings.retry),
    }
}

/// What a subscriber asks for and may have.
struct Wish {
    selector: Selector,
    grant: Selector,
    start: Start,
    deadline: timer::Instant,
}

fn wish(request: &Request, shared: &Shared) -> Result<Wish, Refusal> {
    let selector = subscribe::parse(request.uri().query())?;
    let grant = grant(request.headers(), request.uri(), shared, false)?;
    authorize::may_subscribe(grant.as_ref(), shared.settings.anonymous)?;
    let now = timer::now();
    let budget = timer::after(now, timer::jittered(shared.settings.stream_duration));
    let expiry = grant.as_ref().and_then(|grant| grant.expires).map_or(timer::Instant::MAX, |expires| {
        timer::after(now, Duration::from_secs(expires).saturating_sub(unix_time()))
    });
    Ok(Wish {
        selector,
        grant: grant.map_or(Selector::none(), |grant| grant.subscribe),
        start: Start::from(spin_sse::last_event_id(request.headers(), request.uri())),
        deadline: budget.min(expiry),
    })
}

/// Where a stream starts, and what the log says of the place asked for.
struct Place {
    position: Position,
    /// The last event id that the log no longer has.
    lost: Option<String>,
    resumed: bool,
    /// The value of `mercure-last-event-id`; none for a client that did not ask for a place.
    preceding: Option<String>,
}

async fn place(start: &Start, log: &impl Log) -> Result<Place, Unavailable> {
    let extent = log.extent().await?;
    let earliest = |extent: &Extent, lost| Place {
        position: extent.start(),
        resumed: false,
        lost,
        preceding: Some("earliest".to_owned()),
    };
    Ok(match start {
        Start::Now => Place { position: extent.end(), lost: None, resumed: false, preceding: None },
        Start::Earliest => earliest(&extent, None),
        Start::After(id) => {
            let found = match Position::parse(id) {
                Some(minted) => extent.find(&minted),
                None if id.starts_with('#') => Err(extent.start()),
                None => {
                    let sequence = log.find(id).await?;
                    sequence.map(|sequence| Position { sequence, ..extent.end() }).ok_or(extent.start())
                }
            };
            match found {
                Ok(position) => Place { position, lost: None, resumed: true, preceding: Some(id.clone()) },
                Err(position) => Place { position, ..earliest(&extent, Some(id.clone())) },
            }
        }
    })
}

async fn open(mut head: Head, wish: Wish, place: Place, shared: &Shared) -> Result<Response, ErrorCode> {
    if let Some(id) = place.preceding.as_ref().and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()) {
        head.headers.insert(MERCURE_LAST_EVENT_ID, id);
    }
    let mut preamble = Vec::new();
    let retry = timer::scattered(shared.settings.retry);
    encode_ready(&place.position, place.lost.as_deref(), place.resumed, retry, &mut preamble);
    if let Some(lost) = &place.lost {
        encode_gap(lost, &place.position, &mut preamble);
    }
    let (response, writer) = head.open()?;
    let bytes = shared.settings.stream_bytes.saturating_sub(u64::try_from(preamble.len()).unwrap_or(u64::MAX));
    let subscriber = Subscriber::new(wish.selector, wish.grant, place.position, bytes);
    let session = Session { subscriber, preamble, writer, deadline: wish.deadline };
    door::join(session, Rc::clone(&shared.reading), shared.settings.poll, Rc::clone(&shared.reads)).await;
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
