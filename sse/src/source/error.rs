//! Why a source has failed.

use std::error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::frame::TooLarge;

/// Why a [`Source`](crate::source::Source) has failed for good.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The request cannot be sent: its URL, a header, its method or the last event id, as the text says.
    Invalid(String),
    /// The host does not let the component connect to this address, `scheme://host:port`.
    Refused(String),
    /// The upstream answered with a status that will not change by itself, or the request is not repeated.
    Status(StatusCode),
    /// The upstream answered with another content type than `text/event-stream`. `None` is none.
    ContentType(Option<String>),
    /// A redirect that cannot be followed, as the text says.
    Redirect(String),
    /// The upstream cannot be reached, and another attempt would not help, as the text says.
    Unreachable(String),
    /// The connection failed or was cut, as the text says, and the request is not repeated.
    Connection(String),
    /// The upstream was silent for this long, and the request is not repeated.
    Silent(Duration),
    /// An event is larger than the [limit](crate::source::Source::limit).
    TooLarge(TooLarge),
    /// So many attempts failed one after the other.
    GaveUp {
        /// How many.
        attempts: u32,
        /// Why the last one failed.
        last: Box<Error>,
    },
}

impl Error {
    /// Whether it may be over at another attempt.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Error::Connection(_) | Error::Silent(_) => true,
            Error::Status(status) => is_passing(*status),
            _ => false,
        }
    }
}

/// By the letter of the standard each status but 200 fails the connection: a person sees that, and loads the page
/// again. A component has no such person, so it tries again after what servers and proxies answer while they are
/// overloaded or restarted.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(reason) => write!(f, "the request to the upstream cannot be sent: {reason}"),
            Error::Refused(address) => {
                write!(f, "the host refused to connect to {address}: add it to allowed_outbound_hosts in spin.toml")
            }
            Error::Status(status) => write!(f, "the upstream answered {status}"),
            Error::ContentType(Some(name)) => write!(f, "the upstream sent {name}, and not text/event-stream"),
            Error::ContentType(None) => f.write_str("the upstream sent no content-type, and not text/event-stream"),
            Error::Redirect(reason) => write!(f, "the upstream redirected the request, but {reason}"),
            Error::Unreachable(reason) => write!(f, "the upstream cannot be reached: {reason}"),
            Error::Connection(reason) => write!(f, "the connection to the upstream failed: {reason}"),
            Error::Silent(time) => write!(f, "the upstream sent nothing for {} ms", time.as_millis()),
            Error::TooLarge(too_large) => write!(f, "the upstream sent too much: {too_large}"),
            Error::GaveUp { attempts, last } => write!(f, "{last}; gave up after {attempts} attempts"),
        }
    }
}

impl error::Error for Error {}

impl From<TooLarge> for Error {
    fn from(too_large: TooLarge) -> Error {
        Error::TooLarge(too_large)
    }
}
