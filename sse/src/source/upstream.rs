//! The upstream as the author of a component sees it: its options, and its messages.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};

use super::connection::Kind;
use super::driver::Driver;
use super::error::Error;
use super::message::Message;
use super::request::Request;

/// An upstream, whose events are read one by one. The [module](crate::source) says how.
///
/// Nothing is sent before [`next`](Source::next) or [`connect`](Source::connect) is called. A dropped source closes its
/// connection. A source may move to a task that was spawned in the same request.
#[must_use = "a source does nothing until its `next` is called"]
pub struct Source(Driver);

impl Source {
    /// The event stream at `url`.
    ///
    /// `http://self.alt/…` is the application of the component itself. A URL that is none is an error of
    /// [`next`](Source::next), as is a header that is none.
    pub fn get(url: impl AsRef<str>) -> Source {
        Source::open(Method::GET, url.as_ref())
    }

    /// The event stream that `url` answers to a `POST` with this body, which is not repeated.
    pub fn post(url: impl AsRef<str>, body: impl Into<Bytes>) -> Source {
        let mut source = Source::open(Method::POST, url.as_ref());
        source.0.connection.original.body = body.into();
        source
    }

    /// The event stream that answers this request. Its version and extensions are ignored.
    pub fn new<B: Into<Bytes>>(request: http::Request<B>) -> Source {
        let (parts, body) = request.into_parts();
        let mut request = Request::new(parts.method, parts.uri);
        request.headers = parts.headers;
        request.body = body.into();
        Source::of(request)
    }

    /// A source that could not be made: its [`next`](Source::next) fails with [`Error::Invalid`], which has the reason.
    pub fn failed(reason: impl fmt::Display) -> Source {
        Source::of(Request::new(Method::GET, Uri::default())).invalid(reason.to_string())
    }

    fn open(method: Method, url: &str) -> Source {
        match url.parse() {
            Ok(uri) => Source::of(Request::new(method, uri)),
            Err(error) => Source::failed(format_args!("{url:?} is no URL: {error}")),
        }
    }

    fn of(request: Request) -> Source {
        Source(Driver::new(request))
    }

    fn invalid(mut self, reason: String) -> Source {
        self.0.invalid.get_or_insert(Error::Invalid(reason));
        self
    }

    /// Sets one header, and replaces a header of the same name.
    ///
    /// By default the source sends `accept: text/event-stream`, `cache-control: no-cache` and `pragma: no-cache`. A
    /// redirect to another origin takes `authorization` and `cookie` off the request, and no other header.
    pub fn header<N, V>(mut self, name: N, value: V) -> Source
    where
        N: TryInto<HeaderName, Error: fmt::Display>,
        V: TryInto<HeaderValue, Error: fmt::Display>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => {
                self.0.connection.original.headers.insert(name, value);
                self
            }
            (Err(error), _) => self.invalid(error.to_string()),
            // The value may be a secret.
            (_, Err(error)) => self.invalid(error.to_string()),
        }
    }

    /// Sets whether the request is repeated when its stream has ended or failed. By default `GET` and `HEAD` are.
    pub fn repeat(mut self, repeat: bool) -> Source {
        self.0.connection.repeat = Some(repeat);
        self
    }

    /// Reads the body as text, for an upstream that is not an event stream: each chunk that comes is a message, cut at
    /// the borders of characters. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// The end of the body is the end: the request is repeated only while no byte of the body has come. Any content
    /// type and any successful status will do. No header is added.
    pub fn text(mut self) -> Source {
        self.0.connection.kind = Kind::Text;
        self
    }

    /// Sets the last event id, as if an event with it had come before. Empty is none.
    pub fn last_event_id(mut self, id: impl Into<String>) -> Source {
        self.0.decoder = self.0.decoder.at(id);
        self
    }

    /// Sets the reconnection time, until the upstream sets another; the default is 3 s. The shortest wait is 50 ms.
    pub fn retry(mut self, retry: Duration) -> Source {
        self.0.connection.backoff.retry = retry;
        self
    }

    /// Sets up to what the wait grows when attempts fail; the default is 30 s. A reconnection time that is longer is
    /// kept.
    pub fn max_retry(mut self, max: Duration) -> Source {
        self.0.connection.backoff.max = max;
        self
    }

    /// Sets how many attempts in a row may end without a byte of a body, the first one included, before the source
    /// gives up; the default is 10. `u32::MAX` is as good as never.
    pub fn attempts(mut self, attempts: u32) -> Source {
        self.0.connection.attempts = attempts;
        self
    }

    /// Sets after how long without a byte, comments included, the connection counts as failed; the default is 300 s,
    /// `None` means never. It is shorter than that where the host has a limit of its own: 600 s in Spin.
    ///
    /// Only time in which the source waits for the upstream counts.
    pub fn silence(mut self, silence: impl Into<Option<Duration>>) -> Source {
        self.0.silence = silence.into();
        self
    }

    /// Sets how many bytes an event may have; the default is 1 MiB. See [`Decoder::limit`](crate::Decoder::limit). A
    /// text has no limit, because its chunks have at most 16 KiB.
    pub fn limit(mut self, bytes: usize) -> Source {
        self.0.decoder = self.0.decoder.limit(bytes);
        self
    }

    /// The next message. `None` means that there is none and never will be: the upstream said so by status 204, or the
    /// body of a request that is not repeated ended as it should.
    ///
    /// It may be dropped at any time, as in a `select!`: the next call goes on, and nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Error`], when the source has failed for good. Later calls return `None`.
    pub async fn next(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Source::next), to be called in a future of one's own.
    ///
    /// # Errors
    ///
    /// As [`next`](Source::next).
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        self.0.poll_next(cx)
    }

    /// Waits until the upstream has answered, so that its error can be answered by an error. `false` means that there
    /// is nothing to read, as [`next`](Source::next) says it by `None`.
    ///
    /// It may be dropped at any time. Without it, `next` connects by itself.
    ///
    /// # Errors
    ///
    /// As [`next`](Source::next).
    pub async fn connect(&mut self) -> Result<bool, Error> {
        poll_fn(|cx| self.0.poll_connect(cx)).await
    }

    /// The id of the last event that came, with which the source would come back. Empty when no event had an id.
    pub fn current_id(&self) -> &str {
        self.0.decoder.last_event_id()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A header may be a secret.
        f.debug_struct("Source").field("uri", &self.0.connection.original.uri).finish_non_exhaustive()
    }
}
