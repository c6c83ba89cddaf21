//! A refusal: why the hub does not do what a request asks for, and what to change.

use std::error::Error;
use std::fmt;

use http::{HeaderValue, StatusCode};

/// An answer that refuses, for whoever made the request. Its text is the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 401, 403, 408, 409, 413, 415, 429 or 503.
    pub status: StatusCode,
    /// One sentence: what is wrong, and what to change.
    pub reason: String,
    /// What the header `www-authenticate` says, when it is about a token.
    pub challenge: Option<Challenge>,
}

impl Refusal {
    /// A refusal that has nothing to do with a token.
    pub fn new(status: StatusCode, reason: impl Into<String>) -> Refusal {
        Refusal { status, reason: reason.into(), challenge: None }
    }

    /// 400: something in the request is not as it must be.
    pub fn bad_request(reason: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, reason)
    }

    /// 413: something in the request is too long, or there is too much of it.
    pub fn too_large(reason: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
    }

    /// A refusal about the token; its status follows from the challenge.
    pub fn token(challenge: Challenge, reason: impl Into<String>) -> Refusal {
        Refusal { challenge: Some(challenge), ..Refusal::new(challenge.status(), reason) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Refusal {}

/// What is wrong with the token of a request: the codes of RFC 6750, section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// There is none, and there has to be one. "The resource server SHOULD NOT include an error code" then.
    Missing,
    /// It is not presented as it must be.
    InvalidRequest,
    /// It is not valid, or not valid now.
    InvalidToken,
    /// It does not cover what the request asks for.
    InsufficientScope,
}

impl Challenge {
    /// The value of the header `www-authenticate`. `metadata` is the URL of the hub's protected resource metadata, by
    /// which clients find out how to get a token.
    pub fn header(self, metadata: Option<&str>) -> HeaderValue {
        let code = match self {
            Challenge::Missing => None,
            Challenge::InvalidRequest => Some("invalid_request"),
            Challenge::InvalidToken => Some("invalid_token"),
            Challenge::InsufficientScope => Some("insufficient_scope"),
        };
        let mut value = "Bearer".to_owned();
        let mut separator = " ";
        for (name, text) in [("error", code), ("resource_metadata", metadata)] {
            if let Some(text) = text {
                for part in [separator, name, "=\"", text, "\""] {
                    value.push_str(part);
                }
                separator = ", ";
            }
        }
        HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("Bearer"))
    }

    fn status(self) -> StatusCode {
        match self {
            Challenge::InvalidRequest => StatusCode::BAD_REQUEST,
            Challenge::Missing | Challenge::InvalidToken => StatusCode::UNAUTHORIZED,
            Challenge::InsufficientScope => StatusCode::FORBIDDEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(challenge: Challenge, status: u16, header: &str) {
        let refusal = Refusal::token(challenge, "why");
        assert_eq!(
            (refusal.status.as_u16(), refusal.challenge, refusal.to_string()),
            (status, Some(challenge), "why".into())
        );
        assert_eq!(challenge.header(None), header);
        let separator = if header == "Bearer" { " " } else { ", " };
        let expected = format!("{header}{separator}resource_metadata=\"https://hub.example/x\"");
        assert_eq!(challenge.header(Some("https://hub.example/x")), expected);
    }

    #[test]
    fn a_challenge_has_the_status_and_the_code_of_rfc_6750() {
        check(Challenge::Missing, 401, "Bearer");
        check(Challenge::InvalidRequest, 400, r#"Bearer error="invalid_request""#);
        check(Challenge::InvalidToken, 401, r#"Bearer error="invalid_token""#);
        check(Challenge::InsufficientScope, 403, r#"Bearer error="insufficient_scope""#);
    }
}
