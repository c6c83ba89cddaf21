//! The response of an event stream: its head, and the writer of its body.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use wasi::http::types::{ErrorCode, Fields, HeaderError, Response};
use wasi::http_compat::BodyResult;
use wasi::wit_bindgen::{FutureWriter, StreamResult, StreamWriter};
use wasi::{wit_future, wit_stream};

use crate::end::Closed;

/// Status and headers of an event stream.
///
/// The default has what the HTML Standard requires, and headers that stop proxies from caching and buffering: status
/// 200, `content-type: text/event-stream`, `cache-control: no-cache` and `x-accel-buffering: no`.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status. A browser's `EventSource` stops for good at any status other than 200.
    pub status: StatusCode,
    /// The headers. The host sets `connection` and `keep-alive`, and refuses a response that has them.
    pub headers: HeaderMap,
}

impl Default for Head {
    fn default() -> Self {
        let headers = [
            (CONTENT_TYPE, "text/event-stream"),
            (CACHE_CONTROL, "no-cache"),
            (HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        Head {
            status: StatusCode::OK,
            headers: headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect(),
        }
    }
}

impl Head {
    /// Opens a stream. Returns the response, for the handler to return, and the writer of the response's body. The
    /// writer may move to another task of the same instance.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InternalError`] with the reason, when the host refuses a header or the status.
    pub fn open(self) -> Result<(Response, Writer), ErrorCode> {
        let refused = |what: String| ErrorCode::InternalError(Some(format!("the host refused {what}")));
        let fields = fields(&self.headers).map_err(|error| refused(format!("the stream's headers: {error}")))?;
        let (body, body_reader) = wit_stream::new();
        let (result, result_reader) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(fields, Some(body_reader), result_reader);
        let status = self.status.as_u16();
        response.set_status_code(status).map_err(|()| refused(format!("the stream's status {status}")))?;
        Ok((response, Writer { body, result }))
    }
}

/// Headers for WASI.
pub(crate) fn fields(headers: &HeaderMap) -> Result<Fields, HeaderError> {
    let entries: Vec<(String, Vec<u8>)> =
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned())).collect();
    Fields::from_list(&entries)
}

/// The body of an open event stream.
///
/// The bytes go directly to WASI's `stream<u8>`, without a queue. A dropped writer ends the stream as
/// [`finish`](Writer::finish) does.
#[derive(Debug)]
pub struct Writer {
    body: StreamWriter<u8>,
    result: FutureWriter<BodyResult>,
}

impl Writer {
    /// Writes `bytes`. Returns when the host has taken all of them, with the emptied vector, for reuse.
    ///
    /// A future that is dropped before it is ready may have written a part of `bytes`.
    /// [`write_unless`](Writer::write_unless) stops a write without that risk.
    ///
    /// # Errors
    ///
    /// [`Closed::ClientLeft`] when the client has gone.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Closed> {
        self.write_unless(bytes, std::future::pending()).await
    }

    /// Writes `bytes`, unless `stop` is ready before the host takes the first byte.
    ///
    /// When the host has taken the first byte, the rest follows. So the stream can only end before `bytes` or after
    /// `bytes`.
    ///
    /// # Errors
    ///
    /// [`Closed::ClientLeft`] when the client has gone. [`Closed::BudgetUsed`] when `stop` was ready first, and the
    /// host has taken nothing of `bytes`.
    pub async fn write_unless(&mut self, bytes: Vec<u8>, stop: impl Future<Output = ()>) -> Result<Vec<u8>, Closed> {
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let total = bytes.len();
        let (mut status, mut rest) = {
            let mut write = std::pin::pin!(self.body.write(bytes));
            let mut stop = std::pin::pin!(stop);
            std::future::poll_fn(|cx| {
                if let std::task::Poll::Ready(written) = write.as_mut().poll(cx) {
                    return std::task::Poll::Ready(written);
                }
                stop.as_mut().poll(cx).map(|()| write.as_mut().cancel())
            })
            .await
        };
        if rest.remaining() == total && status == StreamResult::Cancelled {
            return Err(Closed::BudgetUsed);
        }
        while status != StreamResult::Dropped && rest.remaining() > 0 {
            (status, rest) = self.body.write_buf(rest).await;
        }
        if rest.remaining() > 0 {
            return Err(Closed::ClientLeft);
        }
        let mut bytes = rest.into_vec();
        bytes.clear();
        Ok(bytes)
    }

    /// Ends the stream properly. A client that is still connected reads the end of the body and reconnects.
    pub async fn finish(self) {
        drop(self.body);
        // This fails only when the client has gone.
        let _ = self.result.write(Ok(None)).await;
    }
}
