//! What a subscriber is answered in place of a stream of updates.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use spin_sdk::http::IntoResponse;
use spin_sse::{Head, Writer, encode_comment, encode_retry, timer};
use wasi::http::types::{ErrorCode, Response};

use crate::spin::reply::{self, Reply};

/// 204: there is nothing to come back for.
pub(crate) fn nothing(headers: HeaderMap) -> Result<Response, ErrorCode> {
    instead(reply::empty(StatusCode::NO_CONTENT), headers).into_response()
}

/// An answer in place of a stream, with those of the stream's headers that are not about an event stream.
fn instead(mut reply: Reply, mut headers: HeaderMap) -> Reply {
    for of_a_stream in Head::default().headers.keys() {
        headers.remove(of_a_stream);
    }
    reply.headers_mut().extend(headers);
    reply
}

/// 429: there are as many streams as there may be.
pub(crate) fn too_many(headers: HeaderMap) -> Result<Response, ErrorCode> {
    let reply = reply::text(StatusCode::TOO_MANY_REQUESTS, "there are too many streams: come back later");
    let mut reply = instead(reply, headers);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    reply.into_response()
}

/// A stream that ends at once. An error would make `EventSource` stop for good; this makes it come back, with the last
/// event id it has.
pub(crate) fn come_back(head: Head, head_only: bool, retry: Duration) -> Result<Response, ErrorCode> {
    let (response, writer) = head.open()?;
    if head_only {
        return Ok(response);
    }
    wasi::spawn(send_back(writer, retry));
    Ok(response)
}

pub(crate) async fn send_back(mut writer: Writer, retry: Duration) {
    let mut out = Vec::new();
    encode_comment("the log is unavailable: come back", &mut out);
    encode_retry(timer::scattered(retry.saturating_mul(2)), &mut out);
    // A client that has gone comes back anyway.
    let _ = writer.write(out).await;
    writer.finish().await;
}
