//! The hub's one address: what becomes of a request to `/.well-known/mercure`.

mod publishing;
mod subscribing;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use spin_sdk::http::{FullBody, Request};

pub use publishing::publish;
pub use subscribing::subscribe;

use crate::hub::authorize;
use crate::hub::claims::Grant;
use crate::hub::instance::Shared;
use crate::hub::refusal::Refusal;
use crate::hub::token;
use crate::reply::{self, Reply};

/// What publishers and holders of tokens are told while there is no key.
const NO_SECRET: &str = "this hub has no key to check tokens with: set the variable jwt_secret, \
    for example with `spin up --variable jwt_secret=...`, or SPIN_VARIABLE_JWT_SECRET";

/// Answers `OPTIONS`.
pub fn preflight(request: &Request, shared: &Shared) -> Reply {
    shared.settings.origins.preflight(request.headers()).map(|()| FullBody::new(Bytes::new()))
}

/// What lets the page that asked read the answer.
fn cors(headers: &HeaderMap, shared: &Shared) -> HeaderMap {
    let mut cors = HeaderMap::new();
    shared.settings.origins.allow(headers, &mut cors);
    cors
}

/// What the request's token grants; `None` without a token.
fn grant(headers: &HeaderMap, uri: &Uri, shared: &Shared, publishing: bool) -> Result<Option<Grant>, Refusal> {
    let presented = authorize::presented(headers, uri.query())?;
    let Some(secret) = &shared.settings.secret else {
        // Without a key no token is worth anything, and whoever subscribes reads what is public.
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_SECRET);
        return if publishing { Err(refusal) } else { Ok(None) };
    };
    let Some(presented) = presented else { return Ok(None) };
    if publishing && presented.ambient {
        shared.settings.origins.may_publish(headers, uri)?;
    }
    match token::verify(presented.token, secret, unix_time().as_secs()) {
        Ok(grant) => Ok(Some(grant)),
        Err(invalid) => {
            println!("hub: a request was refused: {invalid}");
            Err(invalid.into())
        }
    }
}

fn refuse(refusal: &Refusal) -> Reply {
    let mut reply = reply::text(refusal.status, refusal.reason.as_str());
    if let Some(challenge) = refusal.challenge {
        reply.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge.header());
    }
    reply
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
