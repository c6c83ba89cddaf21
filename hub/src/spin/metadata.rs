//! Answers a `GET` of the hub's protected resource metadata.

use http::{HeaderMap, Method, StatusCode};
use spin_sdk::http::Request;

use crate::access::metadata;
use crate::spin::endpoint::cors;
use crate::spin::hub::Hub;
use crate::spin::reply::{self, Reply};

/// Answers with the document about the hub, or 404 where there is none: one that names another address than its clients
/// use would be refused by them, and only the configuration knows that address for certain.
pub(crate) fn metadata(request: &Request, hub: &Hub) -> Reply {
    let config = &hub.config;
    let mut reply = match *request.method() {
        Method::GET | Method::HEAD => match &config.hub_url {
            Some(hub_url) if metadata::is_at(request.uri().path(), hub_url) => {
                let document = metadata::document(hub_url, &config.tokens, config.subscriptions);
                reply::typed(StatusCode::OK, "application/json", document)
            }
            Some(_) => reply::text(StatusCode::NOT_FOUND, "there is no hub of this address: ask at that of hub_url"),
            None => reply::text(StatusCode::NOT_FOUND, "this hub does not know its address: set the variable hub_url"),
        },
        _ => reply::method_not_allowed("GET, HEAD"),
    };
    reply.headers_mut().extend::<HeaderMap>(cors(request.headers(), config));
    reply::for_method(request.method(), reply)
}
