//! Subscribes: who makes a `GET`, and whom a component lets follow.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use spin_sdk::http::{IntoResponse, Request};
use spin_sse::{Head, last_event_id, last_event_id_in, timer};
use wasi::http::types::{ErrorCode, Response};

#[cfg(feature = "subscriptions")]
use crate::access::grant::Grant;
use crate::access::policy;
use crate::pattern::Base;
#[cfg(feature = "subscriptions")]
use crate::presence::follows::{Follow, Follows};
use crate::request::form::{self, FORM};
use crate::request::refusal::Refusal;
use crate::request::subscribe::{self, Query, Start};
use crate::request::subscription::Subscription;
use crate::spin::answer::{Subscriber, answer};
use crate::spin::detached::detached;
use crate::spin::endpoint::{Purpose, base, cors, grant, refuse, unix_time};
use crate::spin::hub::Hub;
use crate::spin::publish::read;
use crate::spin::reply;
#[cfg(feature = "subscriptions")]
use crate::topic::matcher::MatchType;
#[cfg(feature = "subscriptions")]
use crate::topic::reserved::PATH;
use crate::topic::selector::Selector;

const LAST_EVENT_ID: &str = "last-event-id";

impl Hub {
    /// Answers a request with a stream of topics that the component chose, whatever the request's method and query. A
    /// `HEAD` is answered with the stream's head.
    ///
    /// The client goes on after its last event id, from the header `last-event-id` or the query; so do clients that
    /// come back by themselves. It needs no token: who may follow what is for the component to decide. Pages of the
    /// origins that the configuration lists may read the answer.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InternalError`] when the host refuses the response.
    pub async fn subscribe<B>(
        &self,
        request: &http::Request<B>,
        subscription: Subscription,
    ) -> Result<Response, ErrorCode> {
        let wants = match Subscriber::chosen(request, subscription, self) {
            Ok(wants) => wants,
            Err(refusal) => return refuse(&refusal, &self.config).into_response(),
        };
        answer_to_the_end(wants, self).await
    }
}

/// Answers a `GET` with a stream, or a `HEAD` with its head.
///
/// # Errors
///
/// Those of [`Head::open`].
pub(crate) async fn subscribe(request: Request, hub: &Hub) -> Result<Response, ErrorCode> {
    let wants = Subscriber::read(&request, &[], hub).await;
    answer_or_refuse(&request, wants, hub).await
}

/// Answers a `QUERY`: what it asks for may also be in its body, as a form.
///
/// # Errors
///
/// Those of [`Head::open`].
pub(crate) async fn query(request: Request, hub: &Hub) -> Result<Response, ErrorCode> {
    let (parts, body) = request.into_parts();
    let request = http::Request::from_parts(parts, ());
    let wants = read_query(&request, body, hub).await;
    answer_or_refuse(&request, wants, hub).await
}

async fn read_query(
    request: &http::Request<()>,
    body: impl http_body::Body<Data = Bytes, Error: Display> + Unpin,
    hub: &Hub,
) -> Result<Subscriber, Refusal> {
    if !hub.config.anonymous {
        // Without a token there is nothing to read the body for.
        let grant = grant(request.headers(), request.uri(), hub, Purpose::Subscribe).await?;
        policy::may_subscribe(grant.as_ref(), false)?;
    }
    let body = read(body).await?;
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if !body.is_empty() && !form::media_type(content_type).eq_ignore_ascii_case(FORM) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body has another content-type: send application/x-www-form-urlencoded, or no body",
        ));
    }
    Subscriber::read(request, &body, hub).await
}

async fn answer_or_refuse<B>(
    request: &http::Request<B>,
    wants: Result<Subscriber, Refusal>,
    hub: &Hub,
) -> Result<Response, ErrorCode> {
    match wants {
        Ok(wants) => answer_to_the_end(wants, hub).await,
        Err(refusal) => {
            let mut reply = refuse(&refusal, &hub.config);
            reply.headers_mut().extend(cors(request.headers(), &hub.config));
            reply::for_method(request.method(), reply).into_response()
        }
    }
}

/// Answers a subscriber, and finishes what others wait for too when the component no longer waits for the answer.
async fn answer_to_the_end(wants: Subscriber, hub: &Hub) -> Result<Response, ErrorCode> {
    // It waits for nothing.
    if wants.start == Start::Now && !wants.existing && !wants.unended {
        return answer(wants, hub.clone()).await;
    }
    detached(answer(wants, hub.clone())).await
}

/// What is said of a subscriber of the hub at `path`, if anything is.
#[cfg(feature = "subscriptions")]
fn follows(selector: &Selector, grant: Option<&Grant>, path: &str, hub: &Hub) -> Option<Follows> {
    let follow = |(match_type, matcher): (MatchType, &str)| {
        let payload = grant.and_then(|grant| grant.payload(matcher));
        Follow { match_type: match_type.name(), matcher: matcher.to_owned(), payload }
    };
    hub.config.subscriptions.then(|| Follows::new(hub.config.path(path), selector.matchers().map(follow).collect()))
}

impl Subscriber {
    /// Whom a component lets follow what it chose.
    ///
    /// # Errors
    ///
    /// 400 for a pattern that is none with the URL of the hub, although it was one without it.
    pub(crate) fn chosen<B>(
        request: &http::Request<B>,
        subscription: Subscription,
        hub: &Hub,
    ) -> Result<Subscriber, Refusal> {
        let base = Base::configured(hub.config.hub_url.as_deref());
        let selector = subscription.selector(base.as_ref());
        let selector = selector.map_err(|error| Refusal::bad_request(error.to_string()))?;
        let Subscription { from_start, existing, unended, quiet, headers, .. } = subscription;
        #[cfg(feature = "subscriptions")]
        let follows = follows(&selector, None, PATH, hub);
        let start = match Start::from(last_event_id(request.headers(), request.uri())) {
            Start::Now if from_start => Start::Earliest,
            start => start,
        };
        let mut head = Head::default();
        head.headers.extend(cors(request.headers(), &hub.config));
        head.headers.extend(headers);
        Ok(Subscriber {
            grant: selector.clone(),
            selector,
            start,
            names_place: request.headers().contains_key(LAST_EVENT_ID),
            existing,
            unended,
            quiet: quiet || hub.config.quiet,
            head_only: request.method() == Method::HEAD,
            head,
            asked: timer::now(),
            expires: timer::Instant::MAX,
            #[cfg(feature = "subscriptions")]
            follows,
        })
    }

    /// Who makes a request to the protocol's address.
    async fn read<B>(request: &http::Request<B>, body: &[u8], hub: &Hub) -> Result<Subscriber, Refusal> {
        let base = base(request.headers(), request.uri(), &hub.config);
        let Query { selector, quiet, names_place } = subscribe::parse(request.uri().query(), body, base.as_ref())?;
        let grant = grant(request.headers(), request.uri(), hub, Purpose::Subscribe).await?;
        policy::may_subscribe(grant.as_ref(), hub.config.anonymous)?;
        let asked = timer::now();
        let expires = grant.as_ref().and_then(|grant| grant.expires).map_or(timer::Instant::MAX, |expires| {
            timer::after(asked, Duration::from_secs(expires).saturating_sub(unix_time()))
        });
        let mut head = Head::default();
        head.headers.extend(cors(request.headers(), &hub.config));
        #[cfg(feature = "subscriptions")]
        let follows = follows(&selector, grant.as_ref(), request.uri().path(), hub);
        Ok(Subscriber {
            #[cfg(feature = "subscriptions")]
            follows,
            selector,
            grant: grant.map_or(Selector::none(), |grant| grant.subscribe),
            start: Start::from(
                // "The hub MUST use the value from the query component", and the header before either.
                last_event_id(request.headers(), request.uri()).or_else(|| last_event_id_in(body)),
            ),
            names_place: names_place || request.headers().contains_key(LAST_EVENT_ID),
            existing: false,
            unended: false,
            quiet: quiet.unwrap_or(hub.config.quiet),
            head_only: request.method() == Method::HEAD,
            head,
            asked,
            expires,
        })
    }
}
