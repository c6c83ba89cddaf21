//! What the hub's errors answer, where a component passes them on with `?`.

use http::StatusCode;
use spin_sdk::http::{Error, IntoResponse};

use crate::request::refusal::Refusal;
use crate::spin::publication::PublishError;
use crate::spin::relay::RelayError;
use crate::spin::reply::{self, Reply};
use crate::topic::invalid_selector::InvalidSelector;
use crate::topic::update::InvalidUpdate;

/// What a publisher is told whose updates were not published.
pub(crate) fn unpublished(error: &PublishError) -> Reply {
    match error {
        PublishError::Invalid(reason) => refusal(&Refusal::from(reason.clone())),
        PublishError::TooMuch => reply::text(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
        PublishError::Ended(_) => reply::text(StatusCode::CONFLICT, error.to_string()),
        PublishError::Unavailable { .. } => reply::unavailable(error.to_string()),
    }
}

/// None of these is about a token.
fn refusal(refusal: &Refusal) -> Reply {
    reply::text(refusal.status, refusal.reason.as_str())
}

fn response(reply: Reply) -> Error {
    reply.into_response().map_or_else(Error::ErrorCode, Error::Response)
}

/// What the protocol answers: 400 or 413, 409, or 503 with `retry-after`, with the error as the text.
impl From<PublishError> for Error {
    fn from(error: PublishError) -> Error {
        response(unpublished(&error))
    }
}

/// 400 or 413, with the error as the text.
impl From<InvalidUpdate> for Error {
    fn from(error: InvalidUpdate) -> Error {
        response(refusal(&Refusal::from(error)))
    }
}

/// 400, with the error as the text.
impl From<InvalidSelector> for Error {
    fn from(error: InvalidSelector) -> Error {
        response(refusal(&Refusal::bad_request(error.to_string())))
    }
}

/// 400 for what is no topic, 409 for one that has ended or has a relay, or 503 with `retry-after`, with the error as
/// the text.
impl From<RelayError> for Error {
    fn from(error: RelayError) -> Error {
        response(match error {
            RelayError::Invalid(reason) => refusal(&Refusal::bad_request(reason.to_string())),
            RelayError::Ended(_) | RelayError::Running(_) => reply::text(StatusCode::CONFLICT, error.to_string()),
            RelayError::Unavailable => reply::unavailable(error.to_string()),
        })
    }
}
