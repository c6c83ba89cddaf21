//! What the answers to publishers and to subscribers have in common.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, StatusCode, Uri};
use spin_sse::report;

use crate::access::credentials;
use crate::access::grant::Grant;
use crate::access::token;
use crate::config::Config;
use crate::request::refusal::Refusal;
use crate::spin::reply::{self, Reply};

/// What publishers and holders of tokens are told while there is no key.
const NO_SECRET: &str = "this hub has no key to check tokens with: set the variable jwt_secret, \
    for example with `spin up --variable jwt_secret=...`, or SPIN_VARIABLE_JWT_SECRET";

/// What the request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Publish,
    Subscribe,
}

/// The headers that let the page that asked read the answer.
pub(crate) fn cors(headers: &HeaderMap, config: &Config) -> HeaderMap {
    let mut cors = HeaderMap::new();
    config.origins.allow(headers, &mut cors);
    cors
}

/// What the request's token grants; `None` without a token.
pub(crate) fn grant(
    headers: &HeaderMap,
    uri: &Uri,
    config: &Config,
    purpose: Purpose,
) -> Result<Option<Grant>, Refusal> {
    let credentials = credentials::find(headers, uri.query())?;
    let Some(secret) = &config.secret else {
        // Without a key no token is worth anything, and a subscriber reads what is public.
        return match purpose {
            Purpose::Publish => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_SECRET)),
            Purpose::Subscribe => Ok(None),
        };
    };
    let Some(credentials) = credentials else { return Ok(None) };
    if purpose == Purpose::Publish && credentials.ambient {
        config.origins.may_publish(headers, uri)?;
    }
    match token::verify(credentials.token, secret, unix_time().as_secs()) {
        Ok(grant) => Ok(Some(grant)),
        Err(invalid) => {
            report(format_args!("hub: a request was refused: {invalid}"));
            Err(invalid.into())
        }
    }
}

/// The answer to a request that is refused.
pub(crate) fn refuse(refusal: &Refusal) -> Reply {
    let mut reply = reply::text(refusal.status, refusal.reason.as_str());
    if let Some(challenge) = refusal.challenge {
        reply.headers_mut().insert(WWW_AUTHENTICATE, challenge.header());
    }
    reply
}

/// The time since 1970.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
