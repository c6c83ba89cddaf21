//! What a client is told whose request is refused.

use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;
use spin_sse_hub::reply::{self, Reply};

/// Why a request is refused: JSON as chat completions have it, `{"error": {"message": …}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    message: String,
    allow: Option<&'static str>,
}

impl Refusal {
    /// A status, and one sentence that says what to do.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into(), allow: None }
    }

    /// The request can be understood, and is not right.
    pub fn bad_request(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, message)
    }

    /// The log does not answer now.
    pub fn unavailable(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// The host does not take the answer.
    pub fn host(error: &impl std::fmt::Debug) -> Refusal {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the host refused the answer: {error:?}"))
    }

    /// The path has only these methods.
    pub fn method_not_allowed(allow: &'static str) -> Refusal {
        let message = format!("use one of: {allow}");
        Refusal { allow: Some(allow), ..Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message) }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Reply {
        let body = json!({"error": {"message": refusal.message}}).to_string();
        let mut reply = reply::typed(refusal.status, "application/json", body);
        if let Some(allow) = refusal.allow {
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_and_when() {
        let reply = Reply::from(Refusal::method_not_allowed("POST"));
        assert_eq!(
            (reply.status(), &reply.headers()[ALLOW]),
            (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
        );
        let reply = Reply::from(Refusal::unavailable("ask again later"));
        assert_eq!((reply.status().as_u16(), &reply.headers()[RETRY_AFTER]), (503, &"1".parse().unwrap()));
    }
}
