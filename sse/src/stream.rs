//! The stream as a component's author sees it: a function that publishes, turned into a response.

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
use crate::end::{BoxError, Closed, End};
use crate::event::Event;
use crate::pump::{Deadlines, drive};
use crate::report::report;
use crate::response::Head;

/// Many events go out in writes of about this many bytes: a write costs some 20 us whatever its size.
const CHUNK: usize = 16 * 1024;

/// Answers a request with an event stream that `author` publishes to.
///
/// `author` starts when the response is returned and may run as long as the client stays. It ends the stream by
/// returning; an error other than [`Closed`] is written to the component's log. See [`EventStream`] for the options
/// and their defaults.
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

/// A response that is an event stream, and its options; made by [`stream`], returned from the handler.
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
    /// How long clients wait before they reconnect, in whole milliseconds; sent before anything else. Not sent by
    /// default: browsers then wait a few seconds.
    pub fn retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// After how long without a write a comment is sent: it keeps proxies from closing the connection, and it is how
    /// a client that left is noticed while the author has nothing to publish. 15 s by default, `None` for never.
    pub fn keep_alive(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.keep_alive = interval.into();
        self
    }

    /// Ends the stream by itself after `duration` at most, at an event boundary, for platforms that would cut it.
    ///
    /// Each stream gets a random duration between 80 % and 100 % of this, so that clients that came together do not
    /// come back together. Unlimited by default.
    pub fn max_duration(mut self, duration: Duration) -> Self {
        self.max_duration = Some(duration);
        self
    }

    /// Ends the stream by itself before it would exceed `bytes`, at an event boundary. Unlimited by default.
    ///
    /// The first event is always sent: a stream that ended before it would do so again after every reconnect.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Replaces the status, 200 by default; `EventSource` stops for good on any other.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.head.status = status;
        self
    }

    /// Sets one header, replacing one of that name; see [`Head`] for those that are there already.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.head.headers.insert(name, value);
        self
    }

    /// The response's headers, to add to or to replace; see [`Head`] for the defaults.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }

    /// Called once, when the stream has ended, with the reason; replaces the default, which logs [`End::Failed`].
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
            Event::without_data().retry(retry).encode(&mut preamble);
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
/// There is no queue: each method returns when the host took what it wrote, so a slow client slows its author and
/// nothing piles up. Dropping a method's future halfway loses nothing: what was encoded is written whole.
pub struct Stream {
    buffer: Rc<RefCell<Buffer>>,
}

impl Stream {
    /// Sends one event, in one write.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the stream has ended; pass it on with `?`. An author may do its last work after the first such
    /// error, but is dropped when it tries to send again.
    pub async fn publish(&mut self, event: &Event<'_>) -> Result<(), Closed> {
        self.flush().await?;
        self.buffer.borrow_mut().push_event(event);
        self.flush().await
    }

    /// Sends many events in few, large writes.
    ///
    /// # Errors
    ///
    /// As [`publish`](Stream::publish); the events before the one that no longer fits the budget are sent.
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
