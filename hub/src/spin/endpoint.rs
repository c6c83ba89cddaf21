//! What the answers to publishers and to subscribers have in common.

use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode, Uri};
use spin_sse::report;

use crate::access::credentials;
use crate::access::grant::Grant;
use crate::access::invalid_token::InvalidToken;
use crate::access::key::Key;
use crate::access::keys::Keys;
use crate::access::metadata;
use crate::access::token::Unverified;
use crate::access::tokens::Tokens;
use crate::config::Config;
use crate::pattern::Base;
use crate::request::refusal::Refusal;
use crate::spin::hub::Hub;
use crate::spin::reply::{self, Reply};

/// What publishers and holders of tokens are told while there is no key.
const NO_SECRET: &str = "this hub has no key to check tokens with: set the variable jwt_secret, \
    for example with `spin up --variable jwt_secret=...`, or SPIN_VARIABLE_JWT_SECRET";

/// What holders of tokens are told while the keys are elsewhere and do not come.
#[cfg(feature = "keys")]
const NO_KEYS: &str = "the hub cannot fetch the keys to check the token with: try again in a moment";

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

/// The hub's URL: the setting, else the scheme, the host and the path of the request.
pub(crate) fn hub_url(headers: &HeaderMap, uri: &Uri, config: &Config) -> String {
    config.hub_url.clone().unwrap_or_else(|| url(headers, uri, uri.path()))
}

/// The URL of a path on the request's host.
pub(crate) fn url(headers: &HeaderMap, uri: &Uri, path: &str) -> String {
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
    format!("{}://{host}{path}", uri.scheme_str().unwrap_or("http"))
}

/// The hub's URL, against which a subscriber's own patterns are resolved; `None` where the request does not tell it.
pub(crate) fn base(headers: &HeaderMap, uri: &Uri, config: &Config) -> Option<Base> {
    Base::parse(&hub_url(headers, uri, config))
}

/// What the request's token grants; `None` without a token.
pub(crate) async fn grant(
    headers: &HeaderMap,
    uri: &Uri,
    hub: &Hub,
    purpose: Purpose,
) -> Result<Option<Grant>, Refusal> {
    let tokens = &hub.config.tokens;
    let credentials = credentials::find(headers, uri.query(), tokens)?;
    if keys(tokens, purpose).is_empty() {
        // Without a key no token is worth anything, and a subscriber without one reads what is public. A cookie came by
        // itself: it may be that of another application of the host, or for publishing.
        return match (purpose, credentials) {
            (Purpose::Publish, _) => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_SECRET)),
            (Purpose::Subscribe, Some(credentials)) if !credentials.ambient => Err(InvalidToken::Key.into()),
            (Purpose::Subscribe, _) => Ok(None),
        };
    }
    let Some(credentials) = credentials else { return Ok(None) };
    if purpose == Purpose::Publish && credentials.ambient {
        hub.config.origins.may_publish(headers, uri, hub.config.hub_url.as_deref())?;
    }
    let base = Base::configured(hub.config.hub_url.as_deref());
    verify(&credentials.token, hub, purpose, base.as_ref()).await.map(Some)
}

fn keys(tokens: &Tokens, purpose: Purpose) -> &Keys {
    match purpose {
        Purpose::Publish => &tokens.publishers,
        Purpose::Subscribe => &tokens.subscribers,
    }
}

async fn verify(token: &str, hub: &Hub, purpose: Purpose, base: Option<&Base>) -> Result<Grant, Refusal> {
    let invalid = |invalid: InvalidToken| {
        report(format_args!("hub: a request was refused: {invalid}"));
        Refusal::from(invalid)
    };
    let mode = hub.config.tokens.mode(hub.config.hub_url.as_deref());
    let token = Unverified::read(token, mode).map_err(invalid)?;
    let known = &keys(&hub.config.tokens, purpose).known;
    let fetched = fetched(&token, hub, purpose).await?;
    token.verify(known.iter().chain(&*fetched), mode, unix_time().as_secs(), base).map_err(invalid)
}

/// The keys that are not in the configuration.
#[cfg(feature = "keys")]
async fn fetched(token: &Unverified<'_>, hub: &Hub, purpose: Purpose) -> Result<Rc<[Key]>, Refusal> {
    let [publishers, subscribers] = &hub.key_sources;
    let source = if purpose == Purpose::Publish { publishers } else { subscribers };
    match source {
        Some(source) if token.is_of_a_key_pair() => {
            source.keys(token).await.ok_or_else(|| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_KEYS))
        }
        _ => Ok(Rc::default()),
    }
}

#[cfg(not(feature = "keys"))]
#[allow(clippy::unused_async, reason = "it waits where keys are fetched")]
async fn fetched(_: &Unverified<'_>, _: &Hub, _: Purpose) -> Result<Rc<[Key]>, Refusal> {
    Ok(Rc::default())
}

/// The answer to a request that is refused.
pub(crate) fn refuse(refusal: &Refusal, config: &Config) -> Reply {
    let mut reply = match refusal.status {
        StatusCode::SERVICE_UNAVAILABLE => reply::unavailable(refusal.reason.as_str()),
        status => reply::text(status, refusal.reason.as_str()),
    };
    if let Some(challenge) = refusal.challenge {
        let metadata = config.hub_url.as_deref().and_then(metadata::url);
        reply.headers_mut().insert(WWW_AUTHENTICATE, challenge.header(metadata.as_deref()));
    }
    reply
}

/// The time since 1970.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
