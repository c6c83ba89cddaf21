//! A stream as the author of a component sees it: a response made of a function that publishes.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use spin_sdk::http::IntoResponse;
use wasi::http::types::{ErrorCode, Response};

use crate::buffer::Buffer;
use crate::encode::encode_retry;
use crate::end::{BoxError, Closed, End};
use crate::event::Event;
use crate::pump::{Deadlines, drive};
use crate::report::report;
use crate::response::Head;

/// Many events are written in chunks of about this many bytes, because a write costs about 20 us whatever its size.
const CHUNK: usize = 16 * 1024;

/// Answers a request with an event stream that `author` publishes to.
///
/// `author` starts when the handler returns the response, and may go on as long as the client is connected. When
/// `author` returns, the stream ends. An error other than [`Closed`] is written to standard error, the component's log.
/// The options are methods of [`EventStream`].
///
/// ```no_run
/// use std::time::Duration;
/// use spin_sdk::http::{IntoResponse, Request};
/// use spin_sdk::time::sleep;
/// use spin_sse::Event;
///
/// # /*
/// #[http_service]
/// # */
/// async fn countdown(_: Request) -> impl IntoResponse {
///     spin_sse::stream(async |mut stream| {
///         for left in (0..10).rev() {
///             stream.publish(&Event::new(left.to_string())).await?;
///             sleep(Duration::from_secs(1)).await;
///         }
///         Ok(())
///     })
///     .retry(Duration::from_secs(2))
/// }
/// ```
pub fn stream<F>(author: F) -> EventStream<F>
where
    F: AsyncFnOnce(Stream) -> Result<(), BoxError> + 'static,
{
    EventStream {
        author,
        head: Head::default(),
        retry: None,
        keep_alive: Some(Duration::from_secs(15)),
        max_duration: None,
        max_bytes: u64::MAX,
        on_end: Box::new(|end| {
            if let End::Failed(error) = end {
                report(format_args!("event stream failed: {error}"));
            }
        }),
    }
}

/// A response that is an event stream, with its options. [`stream`] makes it, and the handler returns it.
#[must_use = "an event stream does nothing until it is returned from the handler"]
pub struct EventStream<F> {
    author: F,
    head: Head,
    retry: Option<Duration>,
    keep_alive: Option<Duration>,
    max_duration: Option<Duration>,
    max_bytes: u64,
    on_end: Box<dyn FnOnce(End)>,
}

impl<F> EventStream<F> {
    /// Sets how long a client waits before it reconnects, in whole milliseconds. It is sent before anything else. By
    /// default it is not sent, and a browser waits a few seconds.
    pub fn retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Sets after how long without a write a comment is sent; the default is 15 s, `None` means never.
    ///
    /// The comment keeps proxies from closing the connection. It also discovers that the client has gone while the
    /// author has nothing to publish.
    pub fn keep_alive(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.keep_alive = interval.into();
        self
    }

    /// Ends the stream after `duration` at most, between two events, for a platform that would cut the stream. The
    /// default is no limit.
    ///
    /// Each stream has a random duration between 80 % and 100 % of `duration`, so that clients that connected together
    /// do not reconnect together.
    pub fn max_duration(mut self, duration: Duration) -> Self {
        self.max_duration = Some(duration);
        self
    }

    /// Ends the stream before it would exceed `bytes`, between two events. The default is no limit.
    ///
    /// The first event is always sent. Else the client would reconnect for ever, and never receive that event.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the status; the default is 200. A browser's `EventSource` stops for good at any other status.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.head.status = status;
        self
    }

    /// Sets one header, and replaces a header of the same name. [`Head`] says which headers are set by default.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.head.headers.insert(name, value);
        self
    }

    /// The headers of the response, to change them. [`Head`] says which headers are set by default.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }

    /// Sets what is called once, with the reason, when the stream has ended. The default [reports](report)
    /// [`End::Failed`].
    pub fn on_end(mut self, on_end: impl FnOnce(End) + 'static) -> Self {
        self.on_end = Box::new(on_end);
        self
    }
}

impl<F> fmt::Debug for EventStream<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("head", &self.head).finish_non_exhaustive()
    }
}

impl<F> IntoResponse for EventStream<F>
where
    F: AsyncFnOnce(Stream) -> Result<(), BoxError> + 'static,
{
    fn into_response(self) -> Result<Response, ErrorCode> {
        let (response, writer) = self.head.open()?;
        let deadlines = Deadlines::new(self.keep_alive, self.max_duration);
        let mut preamble = Vec::new();
        if let Some(retry) = self.retry {
            encode_retry(retry, &mut preamble);
        }
        let buffer = Rc::new(RefCell::new(Buffer::new(self.max_bytes, preamble)));
        let (author, on_end) = (self.author, self.on_end);
        wasi::spawn(async move {
            let stream = Stream { buffer: Rc::clone(&buffer) };
            on_end(drive(author(stream), writer, &buffer, deadlines).await);
        });
        Ok(response)
    }
}

/// An open event stream, to publish to.
///
/// There is no queue. Each method returns when the host has taken the bytes, so a slow client slows its author and no
/// bytes accumulate. The future of a method may be dropped at any time: a block that was encoded is written whole.
pub struct Stream {
    buffer: Rc<RefCell<Buffer>>,
}

impl Stream {
    /// Sends one event, in one write.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the stream has ended. Return it with `?`. The author may do its last work after the first such
    /// error. It is dropped when it tries to send again.
    pub async fn publish(&mut self, event: &Event<'_>) -> Result<(), Closed> {
        self.flush().await?;
        self.buffer.borrow_mut().push_event(event);
        self.flush().await
    }

    /// Sends many events in few, large writes.
    ///
    /// # Errors
    ///
    /// As [`publish`](Stream::publish). The events before the first event that exceeds the budget are sent.
    pub async fn publish_all<'e, I>(&mut self, events: I) -> Result<(), Closed>
    where
        I: IntoIterator,
        I::Item: Borrow<Event<'e>>,
    {
        self.flush().await?;
        for event in events {
            let filled = self.buffer.borrow_mut().push_event(event.borrow());
            if filled >= CHUNK {
                self.flush().await?;
            }
        }
        self.flush().await
    }

    /// Sends a comment, which clients ignore.
    ///
    /// # Errors
    ///
    /// As [`publish`](Stream::publish).
    pub async fn comment(&mut self, text: &str) -> Result<(), Closed> {
        self.flush().await?;
        self.buffer.borrow_mut().push_comment(text);
        self.flush().await
    }

    /// Waits until the host has taken every byte.
    async fn flush(&mut self) -> Result<(), Closed> {
        poll_fn(|cx| self.buffer.borrow_mut().poll_flush(cx)).await
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}
