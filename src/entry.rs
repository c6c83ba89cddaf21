//! The component's entry: the one place that ties a request to what answers it.

use http::{Method, StatusCode};
use spin_sdk::http::{Error, IntoResponse, Request};
use spin_sdk::http_service;
use spin_sse::Head;
use wasi::http::types::{ErrorCode, Response};

use crate::hub::endpoint;
use crate::hub::instance::{Shared, shared};
use crate::route::{Route, route};
use crate::{clock, page, reply};

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
        Route::NotFound => reply::not_found(path),
        route => match shared().await {
            Ok(shared) => return with_settings(route, request, &shared).await,
            Err(error) => {
                eprintln!("{error:#}");
                reply::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
            }
        },
    };
    reply::for_method(&method, reply).into_response()
}

async fn with_settings(route: Route, request: Request, shared: &Shared) -> Result<Response, ErrorCode> {
    match route {
        Route::Publish => endpoint::publish(request, shared).await.into_response(),
        Route::Subscribe => endpoint::subscribe(request, shared).await,
        Route::Preflight => endpoint::preflight(&request, shared).into_response(),
        _ if request.method() == Method::HEAD => Head::default().open().map(|(response, _)| response),
        _ => {
            let last_event_id = spin_sse::last_event_id(request.headers(), request.uri());
            clock::stream(last_event_id, &shared.settings).into_response()
        }
    }
}

fn nonce() -> u128 {
    let (high, low) = (wasi::random::random::get_random_u64(), wasi::random::random::get_random_u64());
    u128::from(high) << 64 | u128::from(low)
}
