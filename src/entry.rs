//! The component's entry: the one place that ties a request to what answers it.

use std::cell::RefCell;

use http::{Method, StatusCode};
use spin_sdk::http::{Error, IntoResponse, Request};
use spin_sdk::http_service;
use spin_sse::{Head, report};
use spin_sse_hub::{Hub, reply};
use wasi::http::types::{ErrorCode, Response};

use crate::route::{Route, route};
use crate::{clock, page, settings};

thread_local! {
    static HUB: RefCell<Option<Hub>> = const { RefCell::new(None) };
}

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
        Route::NotFound => reply::text(StatusCode::NOT_FOUND, format!("there is nothing at {path}: try / or /sse")),
        route => match hub().await {
            Ok(hub) if route == Route::Hub => return hub.serve(request).await,
            Ok(hub) => return clock(&request, &hub),
            Err(error) => {
                report(format_args!("{error}"));
                reply::text(StatusCode::INTERNAL_SERVER_ERROR, error)
            }
        },
    };
    reply::for_method(&method, reply).into_response()
}

fn clock(request: &Request, hub: &Hub) -> Result<Response, ErrorCode> {
    if request.method() == Method::HEAD {
        return Head::default().open().map(|(response, _)| response);
    }
    let last_event_id = spin_sse::last_event_id(request.headers(), request.uri());
    clock::stream(last_event_id, hub.config()).into_response()
}

/// The instance's hub. A variable that cannot be understood is looked at again by the next request.
async fn hub() -> Result<Hub, String> {
    if let Some(hub) = HUB.with_borrow(Clone::clone) {
        return Ok(hub);
    }
    let config = settings::read().await?;
    // Another request may have been as early: all must share one.
    Ok(HUB.with_borrow_mut(|hub| hub.get_or_insert_with(|| Hub::new(config)).clone()))
}

fn nonce() -> u128 {
    let (high, low) = (wasi::random::random::get_random_u64(), wasi::random::random::get_random_u64());
    u128::from(high) << 64 | u128::from(low)
}
