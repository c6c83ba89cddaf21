//! Which part answers a request.

use http::Method;

use crate::hub::PATH as HUB;

/// What the edge function can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `GET /`: the page.
    Page,
    /// `GET /sse`: the clock.
    Clock,
    /// `GET` of the hub: a stream of updates.
    Subscribe,
    /// `POST` to the hub: an update, or many.
    Publish,
    /// `OPTIONS` of the hub: what a page of another origin may do.
    Preflight,
    /// A path that exists, with a method it does not have; holds the value of `allow`.
    MethodNotAllowed(&'static str),
    /// No such path.
    NotFound,
}

/// Finds the route of a method and a path.
pub fn route(method: &Method, path: &str) -> Route {
    match (path, method) {
        ("/", &Method::GET | &Method::HEAD) => Route::Page,
        ("/sse", &Method::GET | &Method::HEAD) => Route::Clock,
        ("/" | "/sse", _) => Route::MethodNotAllowed("GET, HEAD"),
        (HUB, &Method::GET | &Method::HEAD) => Route::Subscribe,
        (HUB, &Method::POST) => Route::Publish,
        (HUB, &Method::OPTIONS) => Route::Preflight,
        (HUB, _) => Route::MethodNotAllowed("GET, HEAD, POST, OPTIONS"),
        _ => Route::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &Method, path: &str, expected: Route) {
        assert_eq!(route(method, path), expected);
    }

    #[test]
    fn a_path_and_a_method_have_one_route() {
        check(&Method::GET, "/", Route::Page);
        check(&Method::HEAD, "/", Route::Page);
        check(&Method::GET, "/sse", Route::Clock);
        check(&Method::HEAD, "/sse", Route::Clock);
        check(&Method::POST, "/sse", Route::MethodNotAllowed("GET, HEAD"));
        check(&Method::DELETE, "/", Route::MethodNotAllowed("GET, HEAD"));
        check(&Method::GET, HUB, Route::Subscribe);
        check(&Method::HEAD, HUB, Route::Subscribe);
        check(&Method::POST, HUB, Route::Publish);
        check(&Method::OPTIONS, HUB, Route::Preflight);
        check(&Method::PUT, HUB, Route::MethodNotAllowed("GET, HEAD, POST, OPTIONS"));
        check(&Method::GET, "/.well-known/mercure/", Route::NotFound);
        check(&Method::GET, "/sse/", Route::NotFound);
        check(&Method::POST, "/nothing", Route::NotFound);
    }
}
