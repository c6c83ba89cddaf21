//! The response of an event stream: its head, and the writer of its body.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use wasi::http::types::{ErrorCode, Fields, Response};
use wasi::http_compat::BodyResult;
use wasi::wit_bindgen::{FutureWriter, StreamResult, StreamWriter};
use wasi::{wit_future, wit_stream};

use crate::end::Closed;

/// Status and headers of an event stream.
///
/// The default is what the HTML Standard asks of a server and what keeps proxies out of the way: status 200,
/// `content-type: text/event-stream`, `cache-control: no-cache` and `x-accel-buffering: no`.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status. Anything but 200 makes a browser's `EventSource` stop for good.
    pub status: StatusCode,
    /// The headers. `connection` and `keep-alive` belong to the host: it refuses a response that sets them.
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
    /// Opens a stream: the response to return from the handler, and the writer of its body, which may be moved to
    /// another task of the same instance.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InternalError`] naming the reason when the host refuses a header or the status.
    pub fn open(self) -> Result<(Response, Writer), ErrorCode> {
        let entries: Vec<(String, Vec<u8>)> =
            self.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned())).collect();
        let refused = |what: String| ErrorCode::InternalError(Some(format!("the host refused {what}")));
        let fields = Fields::from_list(&entries).map_err(|error| refused(format!("the stream's headers: {error}")))?;
        let (body, body_reader) = wit_stream::new();
        let (result, result_reader) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(fields, Some(body_reader), result_reader);
        let status = self.status.as_u16();
        response.set_status_code(status).map_err(|()| refused(format!("the stream's status {status}")))?;
        Ok((response, Writer { body, result }))
    }
}

/// The body of an open event stream.
///
/// Straight onto WASI's `stream<u8>`: there is no queue between this and the client. Dropping it ends the stream as
/// [`finish`](Writer::finish) does.
#[derive(Debug)]
pub struct Writer {
    body: StreamWriter<u8>,
    result: FutureWriter<BodyResult>,
}

impl Writer {
    /// Writes `bytes` and returns when the host took all of them, giving back the buffer, emptied, for reuse.
    ///
    /// A future dropped in the middle may have written a part; [`write_unless`](Writer::write_unless) can tell.
    ///
    /// # Errors
    ///
    /// [`Closed::ClientLeft`] when the client has gone.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Closed> {
        self.write_unless(bytes, std::future::pending()).await
    }

    /// Writes `bytes` unless `stop` is ready before the host takes the first of them: once it has begun to take them,
    /// the rest follows, so that the stream can only end where `bytes` end.
    ///
    /// # Errors
    ///
    /// [`Closed::ClientLeft`] when the client has gone, [`Closed::BudgetUsed`] when `stop` was first and nothing of
    /// `bytes` was taken.
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

    /// Ends the stream properly. A client that is still there reads the end of the body and reconnects.
    pub async fn finish(self) {
        drop(self.body);
        // Fails only when nobody is left to read the result.
        let _ = self.result.write(Ok(None)).await;
    }
}
