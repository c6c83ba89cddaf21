//! Short plain-text answers.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use spin_sdk::http::FullBody;

/// A whole response, in memory.
pub type Reply = Response<FullBody<Bytes>>;

/// One sentence, with a status.
pub fn text(status: StatusCode, sentence: impl Into<String>) -> Reply {
    let mut line = sentence.into();
    line.push('\n');
    typed(status, "text/plain; charset=utf-8", line)
}

/// 503: what was asked for is away, and may be back in a second.
pub(crate) fn unavailable(sentence: impl Into<String>) -> Reply {
    let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, sentence);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// A body of another type.
pub fn typed(status: StatusCode, content_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(FullBody::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// A status without a body, which the host can send in one piece.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(FullBody::new(Bytes::new()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// 405, with the methods that would do.
pub fn method_not_allowed(allow: &'static str) -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, format!("use one of: {allow}"));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

/// The answer to HEAD is the answer to GET without its body; its length stays announced.
pub fn for_method(method: &Method, reply: Reply) -> Reply {
    if method != Method::HEAD {
        return reply;
    }
    let (mut parts, body) = reply.into_parts();
    let length = http_body::Body::size_hint(&body).exact().unwrap_or(0);
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Response::from_parts(parts, FullBody::new(Bytes::new()))
}
