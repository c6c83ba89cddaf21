//! What to do with a connection: the HTML Standard's "Processing model" of event sources, without I/O.
//!
//! Quotations are from it, unless another source is named. Time and randomness are passed in.

use std::time::Duration;

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode, Uri};

use super::backoff::Backoff;
use super::error::Error;
use super::location::resolve;
use super::media_type::essence;
use super::request::Request;

/// Fetch, "HTTP-redirect fetch": "If request's redirect count is 20, then return a network error."
const REDIRECTS: u32 = 20;

/// What is read from an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    EventStream,
    /// Any body, whose end is the end.
    Text,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// Send [`Connection::request`].
    Send,
    /// Read the body of the response.
    Read,
    /// Wait, and then send.
    Wait(Duration),
    /// There is no more, and all is well.
    Finish,
    /// There is no more.
    Fail(Error),
}

/// A request, from its first attempt to its end.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) kind: Kind,
    /// Whether the request is sent again when its stream has ended or failed. `None`: if that does no harm.
    pub(crate) repeat: Option<bool>,
    pub(crate) backoff: Backoff,
    /// How many attempts in a row may fail.
    pub(crate) attempts: u32,
    /// What the author asks for.
    pub(crate) original: Request,
    /// Where redirects have led from there.
    redirected: Option<Request>,
    redirects: u32,
    /// How many attempts in a row ended without a byte of a body.
    failures: u32,
    /// A byte of the present body has come.
    received: bool,
}

impl Connection {
    pub(crate) fn new(original: Request) -> Connection {
        Connection {
            kind: Kind::EventStream,
            repeat: None,
            backoff: Backoff { retry: Duration::from_secs(3), max: Duration::from_secs(30) },
            attempts: 10,
            original,
            redirected: None,
            redirects: 0,
            failures: 0,
            received: false,
        }
    }

    /// The request to send now.
    pub(crate) fn request(&self, last_event_id: &str) -> Result<Request, Error> {
        let mut request = self.redirected.as_ref().unwrap_or(&self.original).clone();
        if !is_http(&request.uri) {
            return Err(Error::Invalid(format!("the URL {} does not begin with http:// or https://", request.uri)));
        }
        if self.kind == Kind::EventStream {
            request.ask_for_events();
            request.set_last_event_id(last_event_id)?;
        }
        Ok(request)
    }

    /// The response head has come.
    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap, random: f64) -> Next {
        if let Some(location) = headers.get(LOCATION).filter(|_| is_redirect(status)) {
            return match self.redirect(status, location.as_bytes()) {
                Ok(()) => Next::Send,
                // "unless the user agent knows that to be futile"
                Err(error) => Next::Fail(error),
            };
        }
        match (self.kind, status) {
            // "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting using the
            // HTTP 204 No Content response code."
            (_, StatusCode::NO_CONTENT) => Next::Finish,
            (Kind::EventStream, StatusCode::OK) => match essence(headers) {
                Some(essence) if essence == "text/event-stream" => Next::Read,
                // "Otherwise, if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then
                // fail the connection."
                other => Next::Fail(Error::ContentType(other)),
            },
            (Kind::Text, status) if status.is_success() => Next::Read,
            (_, status) => match self.fail(Error::Status(status), random) {
                Next::Wait(wait) => Next::Wait(wait.max(retry_after(headers))),
                next => next,
            },
        }
    }

    /// Bytes of the body have come.
    pub(crate) fn received(&mut self) {
        self.received = true;
        self.failures = 0;
    }

    /// "If the field name is `retry`: if the field value consists of only ASCII digits, then interpret the field value
    /// as an integer in base ten, and set the event stream's reconnection time to that integer."
    pub(crate) fn set_retry(&mut self, retry: Duration) {
        self.backoff.retry = retry;
    }

    /// The body has ended as it should.
    pub(crate) fn ended(&mut self, random: f64) -> Next {
        if self.kind == Kind::Text || !self.is_repeated() {
            return Next::Finish;
        }
        // "Let processEventSourceEndOfBody given response res be the following step: if res is not a network error,
        // then reestablish the connection."
        self.reestablish(Error::Connection("the stream ended before a byte of it came".to_owned()), random)
    }

    /// "Otherwise, if res is a network error, then reestablish the connection, unless the user agent knows that to be
    /// futile, in which case the user agent may fail the connection."
    pub(crate) fn fail(&mut self, error: Error, random: f64) -> Next {
        // A text has no ids by which it could go on where it was cut.
        let is_lost = self.kind == Kind::Text && self.received;
        if is_lost || !self.is_repeated() || !error.is_passing() {
            return Next::Fail(error);
        }
        self.reestablish(error, random)
    }

    fn is_repeated(&self) -> bool {
        self.repeat.unwrap_or(self.original.is_safe())
    }

    /// Waits, and asks again what the author asked for. `error` is why, if no byte of a body came.
    fn reestablish(&mut self, error: Error, random: f64) -> Next {
        if !std::mem::take(&mut self.received) {
            self.failures = self.failures.saturating_add(1);
        }
        self.redirected = None;
        self.redirects = 0;
        if self.failures >= self.attempts.max(1) {
            return match self.attempts {
                0 | 1 => Next::Fail(error),
                attempts => Next::Fail(Error::GaveUp { attempts, last: Box::new(error) }),
            };
        }
        Next::Wait(self.backoff.wait(self.failures, random))
    }

    fn redirect(&mut self, status: StatusCode, location: &[u8]) -> Result<(), Error> {
        if self.redirects >= REDIRECTS {
            return Err(Error::Redirect(format!("that was the {REDIRECTS}th time")));
        }
        self.redirects = self.redirects.saturating_add(1);
        let mut request = self.redirected.take().unwrap_or_else(|| self.original.clone());
        let text = String::from_utf8_lossy(location);
        let Some(location) = resolve(&request.uri, &text) else {
            return Err(Error::Redirect(format!("{text:?} is no URL")));
        };
        // "If locationURL's scheme is not an HTTP(S) scheme, then return a network error."
        if !is_http(&location) {
            return Err(Error::Redirect(format!("{text:?} is not reached by HTTP")));
        }
        request.redirect(status, location);
        self.redirected = Some(request);
        Ok(())
    }
}

fn is_http(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https"))
}

/// Fetch: "A redirect status is a status that is 301, 302, 303, 307, or 308."
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// RFC 9110, 10.2.3, in seconds. A date would need a clock that agrees with the server's.
fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

#[cfg(test)]
mod tests;
