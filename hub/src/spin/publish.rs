//! Answers a `POST`: stores updates.

use std::collections::BinaryHeap;
use std::fmt::Display;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use spin_sdk::http::Request;

use crate::access::policy;
use crate::log::log::Appended;
use crate::log::{Position, Record};
use crate::request::prefer;
use crate::request::publish::{self, MAX_BODY};
use crate::request::refusal::Refusal;
use crate::spin::endpoint::{Purpose, cors, grant, refuse};
use crate::spin::hub::Hub;
use crate::spin::reply::{self, Reply};
use crate::topic::key::key;

const MERCURE_ID: HeaderName = HeaderName::from_static("mercure-id");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Answers a `POST`: stores updates.
pub(crate) async fn publish(request: Request, hub: &Hub) -> Reply {
    let cors = cors(request.headers(), &hub.config);
    let mut reply = match try_publish(request, hub).await {
        Ok(reply) => reply,
        Err(Failure::Refused(refusal)) => refuse(&refusal),
        Err(Failure::Unavailable { uncertain }) => {
            let mut reply = reply::text(
                StatusCode::SERVICE_UNAVAILABLE,
                if uncertain {
                    "the log does not answer now: it is not known whether this was published, publish again later"
                } else {
                    "the log cannot be written now: nothing was published, publish again later"
                },
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
    Unavailable { uncertain: bool },
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

async fn try_publish(request: Request, hub: &Hub) -> Result<Reply, Failure> {
    let (parts, body) = request.into_parts();
    let grant = grant(&parts.headers, &parts.uri, &hub.config, Purpose::Publish)?;
    // Without a token there is nothing to read the body for.
    policy::may_publish(grant.as_ref(), &[])?;
    let body = read(body).await?;
    let content_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let updates = publish::parse(content_type, &body)?;
    policy::may_publish(grant.as_ref(), &updates)?;
    let records: Vec<Record> = updates.into_iter().map(Record::from).collect();
    let given: Vec<Option<String>> = records.iter().map(|record| record.id.clone()).collect();
    let announce = async |records: &[Record], appended: &Appended| announce(hub, records, appended).await;
    let first = hub.appends.append(&*hub.writing, records, announce).await;
    hub.write_health.note(&first);
    let first = first.map_err(|error| Failure::Unavailable { uncertain: error.uncertain })?;
    Ok(published(&ids(given, &first), &parts.headers))
}

/// Tells those who hear them of updates that were appended together: the sessions of this instance, and others.
async fn announce(hub: &Hub, records: &[Record], appended: &Appended) {
    // A heap sorts in a tenth of the code that `sort` is.
    let topics: BinaryHeap<u64> = records.iter().flat_map(Record::topics).map(key).collect();
    let mut topics = topics.into_sorted_vec();
    topics.dedup();
    let count = u64::try_from(records.len().saturating_sub(1)).unwrap_or(u64::MAX);
    let last = Position { sequence: appended.first.sequence.saturating_add(count), ..appended.first.clone() };
    hub.registry.published(&topics, &last).await;
    if !appended.listeners.is_empty() {
        hub.wakeups.wake(&appended.listeners, &last, &topics).await;
    }
}

/// Reads a body, but keeps no more than [`MAX_BODY`] of it. The rest is read too, up to `MAX_READ`: a client that is
/// still sending when it is answered may lose the answer.
async fn read(mut body: impl http_body::Body<Data = Bytes, Error: Display> + Unpin) -> Result<Vec<u8>, Refusal> {
    const MAX_READ: usize = 16 * MAX_BODY;
    let (mut kept, mut size) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::bad_request(format!("the body did not arrive: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size <= MAX_BODY {
            kept.extend_from_slice(&data);
        } else if size > MAX_READ {
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
