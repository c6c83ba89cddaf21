//! Subscribes: who makes a `GET`, and whom a component lets follow.

use std::time::Duration;

use http::Method;
use spin_sdk::http::{IntoResponse, Request};
use spin_sse::{Head, timer};
use wasi::http::types::{ErrorCode, Response};

use crate::access::policy;
use crate::request::refusal::Refusal;
use crate::request::subscribe::{self, Query, Start};
use crate::request::subscription::Subscription;
use crate::spin::answer::{Subscriber, answer};
use crate::spin::detached::detached;
use crate::spin::endpoint::{Purpose, cors, grant, refuse, unix_time};
use crate::spin::hub::Hub;
use crate::spin::reply;
use crate::topic::selector::Selector;

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
        let wants = Subscriber::chosen(request, subscription, self);
        if wants.start == Start::Now && !wants.existing && !wants.unended {
            return answer(wants, self.clone()).await;
        }
        detached(answer(wants, self.clone())).await
    }
}

/// Answers a `GET` with a stream, or a `HEAD` with its head.
///
/// # Errors
///
/// Those of [`Head::open`].
pub(crate) async fn subscribe(request: Request, hub: &Hub) -> Result<Response, ErrorCode> {
    match Subscriber::read(&request, hub) {
        Ok(wants) => answer(wants, hub.clone()).await,
        Err(refusal) => {
            let mut reply = refuse(&refusal);
            reply.headers_mut().extend(cors(request.headers(), &hub.config));
            reply::for_method(request.method(), reply).into_response()
        }
    }
}

impl Subscriber {
    /// Whom a component lets follow what it chose.
    pub(crate) fn chosen<B>(request: &http::Request<B>, subscription: Subscription, hub: &Hub) -> Subscriber {
        let Subscription { selector, from_start, existing, unended, quiet, headers } = subscription;
        let start = match Start::from(spin_sse::last_event_id(request.headers(), request.uri())) {
            Start::Now if from_start => Start::Earliest,
            start => start,
        };
        let mut head = Head::default();
        head.headers.extend(cors(request.headers(), &hub.config));
        head.headers.extend(headers);
        Subscriber {
            grant: selector.clone(),
            selector,
            start,
            existing,
            unended,
            quiet,
            head_only: request.method() == Method::HEAD,
            head,
            asked: timer::now(),
            expires: timer::Instant::MAX,
        }
    }

    /// Who makes a request to the protocol's address.
    fn read(request: &Request, hub: &Hub) -> Result<Subscriber, Refusal> {
        let Query { selector, quiet } = subscribe::parse(request.uri().query())?;
        let grant = grant(request.headers(), request.uri(), &hub.config, Purpose::Subscribe)?;
        policy::may_subscribe(grant.as_ref(), hub.config.anonymous)?;
        let asked = timer::now();
        let expires = grant.as_ref().and_then(|grant| grant.expires).map_or(timer::Instant::MAX, |expires| {
            timer::after(asked, Duration::from_secs(expires).saturating_sub(unix_time()))
        });
        let mut head = Head::default();
        head.headers.extend(cors(request.headers(), &hub.config));
        Ok(Subscriber {
            selector,
            grant: grant.map_or(Selector::none(), |grant| grant.subscribe),
            start: Start::from(spin_sse::last_event_id(request.headers(), request.uri())),
            existing: false,
            unended: false,
            quiet,
            head_only: request.method() == Method::HEAD,
            head,
            asked,
            expires,
        })
    }
}
