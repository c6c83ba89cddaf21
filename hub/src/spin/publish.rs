//! Answers a `POST`: stores updates.

use std::fmt::Display;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use spin_sdk::http::Request;
use spin_sse::timer::{Timer, now};

use crate::access::invalid_token::InvalidToken;
use crate::access::policy;
use crate::request::prefer;
use crate::request::publish;
use crate::request::refusal::Refusal;
use crate::request::upload::Upload;
use crate::spin::detached::detached;
use crate::spin::endpoint::{Purpose, cors, grant, refuse, unix_time};
use crate::spin::hub::Hub;
use crate::spin::publication::{PublishError, store};
use crate::spin::refused::unpublished;
use crate::spin::reply::{self, Reply};

const MERCURE_ID: HeaderName = HeaderName::from_static("mercure-id");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Answers a `POST`: stores updates.
pub(crate) async fn publish(request: Request, hub: &Hub) -> Reply {
    let cors = cors(request.headers(), &hub.config);
    let mut reply = match try_publish(request, hub).await {
        Ok(reply) => reply,
        Err(Failure::Refused(refusal)) => refuse(&refusal, &hub.config),
        Err(Failure::Unpublished(error)) => unpublished(&error),
    };
    reply.headers_mut().extend(cors);
    reply
}

/// Why a request gets no update through.
enum Failure {
    Refused(Refusal),
    Unpublished(PublishError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

async fn try_publish(request: Request, hub: &Hub) -> Result<Reply, Failure> {
    let (parts, body) = request.into_parts();
    let grant = grant(&parts.headers, &parts.uri, hub, Purpose::Publish).await?;
    // Without a token there is nothing to read the body for.
    policy::may_publish(grant.as_ref(), &[])?;
    let body = read(body).await?;
    // It may have come for longer than the token was good.
    if grant.as_ref().and_then(|grant| grant.expires).is_some_and(|end| end <= unix_time().as_secs()) {
        return Err(Refusal::from(InvalidToken::Expired).into());
    }
    let content_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let updates = publish::parse(content_type, &body)?;
    // It is as large as they are, and not needed while they wait for the log.
    drop(body);
    let path = hub.config.path(parts.uri.path());
    let free = updates.iter().try_for_each(|update| update.check_hub(path));
    free.map_err(|reserved| Refusal::bad_request(reserved.to_string()))?;
    policy::may_publish(grant.as_ref(), &updates)?;
    let ids = detached(store(hub.clone(), updates)).await.map_err(Failure::Unpublished)?;
    Ok(published(&ids, &parts.headers))
}

/// Reads a body, as long as it comes fast enough.
pub(crate) async fn read(
    mut body: impl http_body::Body<Data = Bytes, Error: Display> + Unpin,
) -> Result<Vec<u8>, Refusal> {
    let (mut upload, mut timer) = (Upload::begin(now()), Timer::default());
    loop {
        let came = poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => timer.poll_due(cx, upload.due()).map(Err),
        });
        let Ok(frame) = came.await else { return Err(upload.give_up()) };
        let Some(frame) = frame else { return upload.end() };
        let frame = frame.map_err(|error| Refusal::bad_request(format!("the body did not arrive: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        // Where the length is known, the end is not waited for.
        if upload.take(&data, now()).is_break() || body.size_hint().upper() == Some(upload.size()) {
            return upload.end();
        }
    }
}

fn published(ids: &[String], headers: &HeaderMap) -> Reply {
    if !prefer::wants_minimal(headers) {
        // Not `ids.join`, which costs the component 1 KB for `String`.
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        return reply::typed(StatusCode::OK, "text/plain; charset=utf-8", ids.join("\n"));
    }
    let mut reply = reply::empty(StatusCode::NO_CONTENT);
    reply.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static("return=minimal"));
    if let Some(id) = ids.last().and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()) {
        reply.headers_mut().insert(MERCURE_ID, id);
    }
    reply
}
