//! Which part answers a request.

use http::Method;
use spin_sse_hub::{METADATA_PATH, PATH as HUB};

/// What the edge function can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `GET /`: the page.
    Page,
    /// `GET /sse`: the clock.
    Clock,
    /// The hub, which knows its methods itself.
    Hub,
    /// What is below the hub's path, which is the hub's too if it says who subscribes.
    Subscriptions,
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
        (HUB, _) => Route::Hub,
        (path, _) if path.starts_with(METADATA_PATH) => Route::Hub,
        (path, _) if is_of_subscriptions(path) => Route::Subscriptions,
        _ => Route::NotFound,
    }
}

fn is_of_subscriptions(path: &str) -> bool {
    let below = path.strip_prefix(HUB).and_then(|below| below.strip_prefix("/subscriptions"));
    below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
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
        for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::PUT] {
            check(&method, HUB, Route::Hub);
        }
        check(&Method::GET, "/.well-known/oauth-protected-resource/.well-known/mercure", Route::Hub);
        for path in ["/.well-known/mercure/subscriptions", "/.well-known/mercure/subscriptions/exact/a%2Fb/c"] {
            check(&Method::GET, path, Route::Subscriptions);
        }
        for path in ["/.well-known/mercure/subscriptions-x", "/.well-known/mercure/subscriptionsx/exact/a"] {
            check(&Method::GET, path, Route::NotFound);
        }
        check(&Method::GET, "/.well-known/mercure/", Route::NotFound);
        check(&Method::GET, "/.well-known/mercure/other", Route::NotFound);
        check(&Method::GET, "/sse/", Route::NotFound);
        check(&Method::POST, "/nothing", Route::NotFound);
    }
}
