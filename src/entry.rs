//! The component's entry: the one place that ties a request to what answers it.

use http::{Method, StatusCode};
use spin_sdk::http::{Error, IntoResponse, Request};
use spin_sdk::http_service;
use spin_sse::Head;
use spin_sse_hub::{Hub, reply};
use wasi::http::types::{ErrorCode, Response};

use crate::route::{Route, route};
use crate::{clock, page};

#[http_service]
async fn serve(request: Request) -> Result<Response, Error> {
    answer(request).await.map_err(Error::from)
}

async fn answer(request: Request) -> Result<Response, ErrorCode> {
    let method = request.method().clone();
    let path = request.uri().path();
    let reply = match route(&method, path) {
        Route::Page => page::page(nonce()),
        Route::MethodNotAllowed(allow) => reply::method_not_allowed(allow),
        Route::NotFound => nothing(path),
        route => match Hub::from_variables().await {
            Ok(hub) if route == Route::Hub => return hub.serve(request).await,
            Ok(hub) if route == Route::Clock => return clock(&request, &hub),
            Ok(hub) if hub.config().subscriptions => return hub.serve(request).await,
            Ok(_) => nothing(path),
            Err(error) => reply::text(StatusCode::INTERNAL_SERVER_ERROR, error),
        },
    };
    reply::for_method(&method, reply).into_response()
}

fn nothing(path: &str) -> reply::Reply {
    reply::text(StatusCode::NOT_FOUND, format!("there is nothing at {path}: try / or /sse"))
}

fn clock(request: &Request, hub: &Hub) -> Result<Response, ErrorCode> {
    if request.method() == Method::HEAD {
        return Head::default().open().map(|(response, _)| response);
    }
    let last_event_id = spin_sse::last_event_id(request.headers(), request.uri());
    clock::stream(last_event_id, hub.config()).into_response()
}

fn nonce() -> u128 {
    let (high, low) = (wasi::random::random::get_random_u64(), wasi::random::random::get_random_u64());
    u128::from(high) << 64 | u128::from(low)
}
