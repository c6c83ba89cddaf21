//! The hub's one address: which part answers a request.

use std::pin::Pin;

use bytes::Bytes;
use http::Method;
use spin_sdk::http::{FullBody, IntoResponse, Request};
use wasi::http::types::{ErrorCode, Response};

use crate::access::metadata::METADATA_PATH;
use crate::access::origins::METHODS;
use crate::spin::hub::Hub;
use crate::spin::metadata::metadata;
use crate::spin::publish::publish;
use crate::spin::reply;
use crate::spin::subscribe::{query, subscribe};
#[cfg(feature = "subscriptions")]
use crate::spin::subscriptions::subscriptions;

impl Hub {
    /// Answers a request to the hub, under whatever path: a `GET` or a `QUERY` with a stream of updates, a `POST` by
    /// storing updates, `HEAD` and `OPTIONS` accordingly, any other method with 405. A `GET` below
    /// [`METADATA_PATH`](crate::METADATA_PATH) is answered with the hub's protected resource metadata.
    ///
    /// Where [`Config::subscriptions`](crate::Config::subscriptions) is on, a `GET` for `subscriptions` below the hub's
    /// path, `subscriptions/{match_type}/{match}` or `subscriptions/{match_type}/{match}/{subscriber}` is answered with
    /// who follows what.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InternalError`] when the host refuses the response.
    pub async fn serve(&self, request: Request) -> Result<Response, ErrorCode> {
        boxed(self, request).await
    }
}

/// The work of [`Hub::serve`]. The compiler makes the parts of a future anew in each crate that has it in a future of
/// its own; a box keeps them in this crate, where the dispatcher has most of them too.
fn boxed(hub: &Hub, request: Request) -> Pin<Box<dyn Future<Output = Result<Response, ErrorCode>> + '_>> {
    Box::pin(async move {
        if request.uri().path().starts_with(METADATA_PATH) {
            return metadata(&request, hub).into_response();
        }
        #[cfg(feature = "subscriptions")]
        if hub.has_api_at(request.uri().path()) {
            return subscriptions(request, hub).await.into_response();
        }
        match *request.method() {
            Method::GET | Method::HEAD => subscribe(request, hub).await,
            Method::POST => publish(request, hub).await.into_response(),
            Method::OPTIONS => {
                let reply = hub.config.origins.preflight(request.headers());
                reply.map(|()| FullBody::new(Bytes::new())).into_response()
            }
            ref method if method == "QUERY" => query(request, hub).await,
            _ => reply::method_not_allowed(METHODS).into_response(),
        }
    })
}
