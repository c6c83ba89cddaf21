//! What is asked, and what is asked instead after a redirect.

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, PRAGMA, PROXY_AUTHORIZATION,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::error::Error;

/// A request, which may be sent more than once.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn new(method: Method, uri: Uri) -> Request {
        Request { method, uri, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Whether it may be sent again without harm.
    pub(crate) fn is_safe(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// The headers that ask for an event stream, where the author has not set them.
    pub(crate) fn ask_for_events(&mut self) {
        for (name, value) in [
            // "User agents may set (`Accept`, `text/event-stream`) in request's header list."
            (ACCEPT, "text/event-stream"),
            // "Set request's cache mode to `no-store`." Fetch sends two headers for that.
            (CACHE_CONTROL, "no-cache"),
            (PRAGMA, "no-cache"),
        ] {
            self.headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
    }

    /// "If the EventSource object's last event ID string is not the empty string: let lastEventIDValue be the
    /// EventSource object's last event ID string, encoded as UTF-8. Set (`Last-Event-ID`, lastEventIDValue) in
    /// request's header list."
    pub(crate) fn set_last_event_id(&mut self, id: &str) -> Result<(), Error> {
        let name = HeaderName::from_static("last-event-id");
        if id.is_empty() {
            self.headers.remove(name);
            return Ok(());
        }
        let Ok(value) = HeaderValue::from_bytes(id.as_bytes()) else {
            return Err(Error::Invalid(format!("no header can have the last event id {id:?}")));
        };
        self.headers.insert(name, value);
        Ok(())
    }

    /// Goes on at `location`: Fetch, "HTTP-redirect fetch".
    pub(crate) fn redirect(&mut self, status: StatusCode, location: Uri) {
        let becomes_get = match status {
            // "status is 301 or 302 and request's method is `POST`"
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            // "status is 303 and request's method is not `GET` or `HEAD`"
            StatusCode::SEE_OTHER => !self.is_safe(),
            _ => false,
        };
        if becomes_get {
            // "Set request's method to `GET` and request's body to null. For each headerName of request-body-header
            // name, delete headerName from request's header list."
            self.method = Method::GET;
            self.body = Bytes::new();
            self.remove(&[CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE]);
        }
        if origin(&self.uri) != origin(&location) {
            // "If request's current URL's origin is not same origin with locationURL's origin, then for each headerName
            // of CORS non-wildcard request-header name, delete headerName from request's header list." That is
            // `Authorization`. A browser's cookies are not in that list, because each host has its own.
            self.remove(&[AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION]);
        }
        self.uri = location;
    }

    fn remove(&mut self, names: &[HeaderName]) {
        for name in names {
            self.headers.remove(name);
        }
    }
}

/// Scheme, host and port.
fn origin(uri: &Uri) -> (Option<&str>, Option<String>, Option<u16>) {
    let port = uri.port_u16().or(match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    });
    (uri.scheme_str(), uri.host().map(str::to_ascii_lowercase), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> Request {
        let mut request = Request::new(Method::POST, Uri::from_static("https://a.example/one"));
        request.body = Bytes::from_static(b"{}");
        for (name, value) in [(CONTENT_TYPE, "application/json"), (AUTHORIZATION, "Bearer x"), (COOKIE, "a=b")] {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        request.headers.insert("x-own", HeaderValue::from_static("1"));
        request
    }

    #[test]
    fn a_redirect_changes_the_method_as_fetch_does() {
        for (status, method, expected) in [
            (301, Method::GET, Method::GET),
            (301, Method::POST, Method::GET),
            (301, Method::PUT, Method::PUT),
            (302, Method::POST, Method::GET),
            (302, Method::PUT, Method::PUT),
            (303, Method::POST, Method::GET),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (307, Method::POST, Method::POST),
            (308, Method::POST, Method::POST),
        ] {
            let mut request = post();
            request.method = method.clone();
            request.redirect(StatusCode::from_u16(status).unwrap(), Uri::from_static("https://a.example/two"));
            assert_eq!((&request.method, request.uri.path()), (&expected, "/two"), "{status} {method}");
            let keeps_body = method == expected;
            assert_eq!(!request.body.is_empty(), keeps_body, "{status} {method}");
            assert_eq!(request.headers.contains_key(CONTENT_TYPE), keeps_body, "{status} {method}");
            assert!(request.headers.contains_key(AUTHORIZATION) && request.headers.contains_key("x-own"));
        }
    }

    #[test]
    fn credentials_do_not_follow_a_redirect_to_another_origin() {
        for (location, kept) in [
            ("https://A.example:443/two", true),
            ("https://b.example/two", false),
            ("http://a.example/two", false),
            ("https://a.example:8443/two", false),
        ] {
            let mut request = post();
            request.redirect(StatusCode::TEMPORARY_REDIRECT, Uri::from_static(location));
            let has = |name: HeaderName| request.headers.contains_key(name);
            assert_eq!([has(AUTHORIZATION), has(COOKIE)], [kept, kept], "{location}");
            assert!(has(CONTENT_TYPE) && request.headers.contains_key("x-own"), "{location}");
        }
    }

    #[test]
    fn an_event_stream_is_asked_for_unless_the_author_asks_for_something_else() {
        let mut request = post();
        request.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
        request.ask_for_events();
        assert_eq!(request.headers[ACCEPT], "text/event-stream, application/json");
        assert_eq!(request.headers[CACHE_CONTROL], "no-cache");
        let mut request = post();
        request.ask_for_events();
        assert_eq!(request.headers[ACCEPT], "text/event-stream");
    }

    #[test]
    fn the_last_event_id_is_sent_as_utf_8_and_not_when_it_is_empty() {
        let mut request = post();
        request.set_last_event_id("caf\u{e9}").unwrap();
        assert_eq!(request.headers["last-event-id"].as_bytes(), "caf\u{e9}".as_bytes());
        request.set_last_event_id("").unwrap();
        assert!(!request.headers.contains_key("last-event-id"));
        assert!(matches!(request.set_last_event_id("a\u{1}"), Err(Error::Invalid(_))));
    }
}
