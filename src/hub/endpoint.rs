//! The hub's one address: what becomes of a request to `/.well-known/mercure`.

use std::fmt::Display;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body_util::BodyExt;
use spin_sdk::http::{FullBody, IntoResponse, Request};
use spin_sse::{Event, Head, encode_comment, timer};
use wasi::http::types::{ErrorCode, Response};

use crate::hub::append::append;
use crate::hub::authorize;
use crate::hub::claims::Grant;
use crate::hub::door::{self, Session};
use crate::hub::instance::Shared;
use crate::hub::log::{Extent, Log, Position, Record, Unavailable};
use crate::hub::prefer;
use crate::hub::publish::{self, MAX_BODY};
use crate::hub::refusal::Refusal;
use crate::hub::subscribe::{self, Start};
use crate::hub::subscriber::{Subscriber, encode_gap, encode_ready};
use crate::hub::token;
use crate::hub::topic::Selector;
use crate::reply::{self, Reply};

const MERCURE_ID: HeaderName = HeaderName::from_static("mercure-id");
const MERCURE_LAST_EVENT_ID: HeaderName = HeaderName::from_static("mercure-last-event-id");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What publishers and holders of tokens are told while there is no key.
const NO_SECRET: &str = "this hub has no key to check tokens with: set the variable jwt_secret, \
    for example with `spin up --variable jwt_secret=...`, or SPIN_VARIABLE_JWT_SECRET";

/// Answers a `POST`: stores updates.
pub async fn publish(request: Request, shared: &Shared) -> Reply {
    let mut cors = HeaderMap::new();
    shared.settings.origins.allow(request.headers(), &mut cors);
    let mut reply = match try_publish(request, shared).await {
        Ok(reply) => reply,
        Err(Failure::Refused(refusal)) => refuse(&refusal),
        Err(Failure::Unavailable) => {
            let mut reply = reply::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the log cannot be written now: nothing was published, publish again later",
            );
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            reply
        }
    };
    reply.headers_mut().extend(cors);
    reply
}

/// Why a request gets no update through.
enum Failure {
    Refused(Refusal),
    Unavailable,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

async fn try_publish(request: Request, shared: &Shared) -> Result<Reply, Failure> {
    let (parts, body) = request.into_parts();
    let grant = grant(&parts.headers, &parts.uri, shared, true)?;
    // Without a token there is nothing to read the body for.
    authorize::may_publish(grant.as_ref(), &[])?;
    let body = read(body).await?;
    let content_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let updates = publish::parse(content_type, &body)?;
    authorize::may_publish(grant.as_ref(), &updates)?;
    let records: Vec<Record> = updates.iter().map(Record::from).collect();
    if records.iter().any(|record| record.size() > MAX_BODY) {
        return Err(publish::too_many_lines().into());
    }
    let given: Vec<Option<String>> = records.iter().map(|record| record.id.clone()).collect();
    let first = append(&*shared.writing, records).await;
    shared.note(&first);
    let Ok(first) = first else { return Err(Failure::Unavailable) };
    door::nudge().await;
    Ok(published(&ids(given, &first), &parts.headers))
}

/// Reads a body, but keeps no more than [`MAX_BODY`] of it. What is more is read all the same, within reason: a client
/// that is still sending when it is answered may lose the answer.
async fn read(mut body: impl http_body::Body<Data = Bytes, Error: Display> + Unpin) -> Result<Vec<u8>, Refusal> {
    const PATIENCE: usize = 16 * MAX_BODY;
    let (mut kept, mut size) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::bad_request(format!("the body did not arrive: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size <= MAX_BODY {
            kept.extend_from_slice(&data);
        } else if size > PATIENCE {
            break;
        }
    }
    if size > MAX_BODY { Err(publish::too_large()) } else { Ok(kept) }
}

/// The ids of updates that were appended from `first` on.
fn ids(given: Vec<Option<String>>, first: &Position) -> Vec<String> {
    let sequences = first.sequence..;
    let minted = sequences.map(|sequence| Position { sequence, ..first.clone() }.to_string());
    given.into_iter().zip(minted).map(|(given, minted)| given.unwrap_or(minted)).collect()
}

fn published(ids: &[String], headers: &HeaderMap) -> Reply {
    if !prefer::wants_minimal(headers) {
        return reply::typed(StatusCode::OK, "text/plain; charset=utf-8", ids.join("\n"));
    }
    let mut reply = reply::empty(StatusCode::NO_CONTENT);
    reply.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static("return=minimal"));
    if let Some(id) = ids.last().and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()) {
        reply.headers_mut().insert(MERCURE_ID, id);
    }
    reply
}

/// Answers a `GET` with a stream, or a `HEAD` with its head.
///
/// # Errors
///
/// Those of [`Head::open`].
pub async fn subscribe(request: Request, shared: &Shared) -> Result<Response, ErrorCode> {
    let mut cors = HeaderMap::new();
    shared.settings.origins.allow(request.headers(), &mut cors);
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
    shared.note(&place);
    match place {
        Ok(place) => open(head, wish, place, shared).await,
        Err(_) => come_back(head, shared.settings.retry),
    }
}

/// Answers `OPTIONS`.
pub fn preflight(request: &Request, shared: &Shared) -> Reply {
    shared.settings.origins.preflight(request.headers()).map(|()| FullBody::new(Bytes::new()))
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
            let minted = Position::parse(id).filter(|position| extent.holds(position));
            let found = match minted {
                Some(position) => Some(position),
                None if id.starts_with('#') => None,
                None => log.find(id).await?.map(|sequence| Position { sequence, ..extent.end() }),
            };
            match found {
                Some(position) => Place { position, lost: None, resumed: true, preceding: Some(id.clone()) },
                None => earliest(&extent, Some(id.clone())),
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
    door::join(session, Rc::clone(&shared.reading), shared.settings.poll).await;
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

/// What the request's token grants; `None` without a token.
fn grant(headers: &HeaderMap, uri: &Uri, shared: &Shared, publishing: bool) -> Result<Option<Grant>, Refusal> {
    let presented = authorize::presented(headers, uri.query())?;
    let Some(secret) = &shared.settings.secret else {
        // Without a key no token is worth anything, and whoever subscribes reads what is public.
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_SECRET);
        return if publishing { Err(refusal) } else { Ok(None) };
    };
    let Some(presented) = presented else { return Ok(None) };
    if publishing && presented.ambient {
        shared.settings.origins.may_publish(headers, uri)?;
    }
    match token::verify(presented.token, secret, unix_time().as_secs()) {
        Ok(grant) => Ok(Some(grant)),
        Err(invalid) => {
            println!("hub: a request was refused: {invalid}");
            Err(invalid.into())
        }
    }
}

fn refuse(refusal: &Refusal) -> Reply {
    let mut reply = reply::text(refusal.status, refusal.reason.as_str());
    if let Some(challenge) = refusal.challenge {
        reply.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge.header());
    }
    reply
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
