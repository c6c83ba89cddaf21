//! Each rule of the standard's connection handling.

use http::header::{CONTENT_TYPE, LAST_MODIFIED};
use http::{HeaderName, HeaderValue, Method};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn get() -> Connection {
    connection(Method::GET)
}

fn connection(method: Method) -> Connection {
    let mut connection = Connection::new(Request::new(method, Uri::from_static("http://a.example/one?q")));
    connection.backoff = Backoff { retry: SECOND, max: Duration::from_secs(8) };
    connection
}

fn cut() -> Error {
    Error::Connection("cut".to_owned())
}

fn head(headers: &[(HeaderName, &'static str)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
}

impl Connection {
    /// A response head with this status, and with these headers.
    fn head(&mut self, status: u16, headers: &[(HeaderName, &'static str)]) -> Next {
        self.answered(StatusCode::from_u16(status).unwrap(), &head(headers), 0.0)
    }

    /// An event stream is announced.
    fn opens(&mut self) {
        assert_eq!(self.head(200, &[(CONTENT_TYPE, "text/event-stream")]), Next::Read);
    }

    fn redirects(&mut self, status: u16, location: &'static str) -> Next {
        self.head(status, &[(LOCATION, location)])
    }

    fn target(&self) -> String {
        self.request("").unwrap().uri.to_string()
    }
}

#[test]
fn a_response_with_status_200_and_the_right_type_is_read() {
    for content_type in ["text/event-stream", "text/event-stream; charset=utf-8", "TEXT/EVENT-STREAM"] {
        assert_eq!(get().head(200, &[(CONTENT_TYPE, content_type)]), Next::Read, "{content_type}");
    }
}

#[test]
fn another_type_fails_the_connection() {
    for (headers, shown) in [
        (&[(CONTENT_TYPE, "text/html; charset=utf-8")][..], Some("text/html")),
        (&[(CONTENT_TYPE, "application/json")], Some("application/json")),
        (&[(LAST_MODIFIED, "text/event-stream")], None),
    ] {
        assert_eq!(get().head(200, headers), Next::Fail(Error::ContentType(shown.map(str::to_owned))));
    }
}

#[test]
fn another_status_fails_the_connection() {
    for status in [201, 202, 206, 300, 304, 400, 401, 403, 404, 405, 410, 418, 501, 505] {
        let next = get().head(status, &[(CONTENT_TYPE, "text/event-stream")]);
        assert_eq!(next, Next::Fail(Error::Status(StatusCode::from_u16(status).unwrap())));
    }
}

#[test]
fn status_204_ends_the_stream_for_good() {
    assert_eq!(get().head(204, &[]), Next::Finish);
    assert_eq!(connection(Method::POST).head(204, &[]), Next::Finish);
}

#[test]
fn a_status_that_passes_is_asked_again() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        assert_eq!(get().head(status, &[]), Next::Wait(SECOND), "{status}");
    }
}

#[test]
fn a_server_that_says_when_to_come_back_is_not_asked_earlier() {
    for (value, expected) in [("7", SECOND * 7), ("0", SECOND), ("Wed, 21 Oct 2015 07:28:00 GMT", SECOND)] {
        assert_eq!(get().head(503, &[(RETRY_AFTER, value)]), Next::Wait(expected), "{value}");
    }
}

#[test]
fn the_end_of_a_body_reestablishes_the_connection() {
    let mut connection = get();
    connection.opens();
    connection.received();
    assert_eq!(connection.ended(0.0), Next::Wait(SECOND));
}

#[test]
fn a_network_error_reestablishes_the_connection() {
    let mut connection = get();
    assert_eq!(connection.fail(cut(), 0.0), Next::Wait(SECOND));
    connection.opens();
    connection.received();
    assert_eq!(connection.fail(cut(), 0.0), Next::Wait(SECOND));
}

#[test]
fn silence_reestablishes_the_connection() {
    assert_eq!(get().fail(Error::Silent(SECOND), 0.0), Next::Wait(SECOND));
}

#[test]
fn an_error_that_will_not_go_away_fails_the_connection() {
    for error in [
        Error::Refused("http://a.example".into()),
        Error::Invalid("a".into()),
        Error::Unreachable("a prohibited address".into()),
    ] {
        assert_eq!(get().fail(error.clone(), 0.0), Next::Fail(error));
    }
}

#[test]
fn a_stream_sets_the_reconnection_time() {
    let mut connection = get();
    connection.opens();
    connection.received();
    connection.set_retry(SECOND * 5);
    assert_eq!(connection.ended(0.0), Next::Wait(SECOND * 5));
    // Also for the attempts after that.
    assert_eq!(connection.fail(cut(), 0.0), Next::Wait(SECOND * 5));
}

#[test]
fn attempts_that_fail_one_after_the_other_are_further_and_further_apart() {
    let mut connection = get();
    let waits: Vec<_> = (0..5).map(|_| connection.fail(cut(), 0.0)).collect();
    assert_eq!(waits, [1, 2, 4, 8, 8].map(|seconds| Next::Wait(SECOND * seconds)));
    connection.opens();
    connection.received();
    assert_eq!(connection.fail(cut(), 0.0), Next::Wait(SECOND), "a byte has come");
}

#[test]
fn a_stream_that_ends_before_a_byte_counts_as_failed() {
    let mut connection = get();
    let waits: Vec<_> = (0..3)
        .map(|_| {
            connection.opens();
            connection.ended(0.0)
        })
        .collect();
    assert_eq!(waits, [1, 2, 4].map(|seconds| Next::Wait(SECOND * seconds)));
}

#[test]
fn a_source_gives_up_after_as_many_failures_in_a_row_as_it_was_told() {
    let mut connection = get();
    connection.attempts = 3;
    for _ in 0..2 {
        assert!(matches!(connection.fail(cut(), 0.0), Next::Wait(_)));
    }
    connection.opens();
    connection.received();
    for _ in 0..3 {
        assert!(matches!(connection.fail(cut(), 0.0), Next::Wait(_)));
    }
    assert_eq!(connection.fail(cut(), 0.0), Next::Fail(Error::GaveUp { attempts: 3, last: Box::new(cut()) }));
}

#[test]
fn the_last_event_id_is_sent_again_and_not_when_it_is_empty() {
    let connection = get();
    assert_eq!(connection.request("7").unwrap().headers["last-event-id"], "7");
    assert!(!connection.request("").unwrap().headers.contains_key("last-event-id"));
}

#[test]
fn a_url_that_is_not_of_the_web_is_refused() {
    for uri in ["/one", "a.example", "ftp://a.example/"] {
        let connection = Connection::new(Request::new(Method::GET, Uri::from_static(uri)));
        assert!(matches!(connection.request(""), Err(Error::Invalid(_))), "{uri}");
    }
}

#[test]
fn a_redirect_is_followed_at_once() {
    for status in [301, 302, 303, 307, 308] {
        let mut connection = get();
        assert_eq!(connection.redirects(status, "/two"), Next::Send);
        assert_eq!(connection.target(), "http://a.example/two");
        assert_eq!(connection.redirects(status, "https://b.example/three"), Next::Send);
        assert_eq!(connection.target(), "https://b.example/three");
        assert_eq!(connection.request("7").unwrap().headers["last-event-id"], "7");
    }
}

#[test]
fn a_connection_is_reestablished_where_the_author_asked() {
    let mut connection = get();
    connection.redirects(308, "/two");
    connection.opens();
    connection.received();
    connection.ended(0.0);
    assert_eq!(connection.target(), "http://a.example/one?q");
}

#[test]
fn a_redirect_that_leads_nowhere_fails_the_connection() {
    for location in ["http://", "ftp://a.example/", "mailto:a@a.example", "http://a b/"] {
        let next = get().redirects(302, location);
        assert!(matches!(next, Next::Fail(Error::Redirect(_))), "{location}: {next:?}");
    }
    assert_eq!(get().head(302, &[]), Next::Fail(Error::Status(StatusCode::FOUND)), "no location");
    assert!(matches!(get().redirects(304, "/two"), Next::Fail(Error::Status(_))), "no redirect");
}

#[test]
fn the_21st_redirect_fails_the_connection() {
    let mut connection = get();
    for _ in 0..20 {
        assert_eq!(connection.redirects(307, "/one"), Next::Send);
    }
    assert!(matches!(connection.redirects(307, "/one"), Next::Fail(Error::Redirect(_))));
    // Each connection has its own.
    let mut connection = get();
    for _ in 0..30 {
        assert_eq!(connection.redirects(307, "/two"), Next::Send);
        connection.opens();
        connection.received();
        connection.ended(0.0);
    }
}

#[test]
fn a_request_that_could_do_harm_is_not_repeated() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let mut connection = connection(method);
        assert_eq!(connection.fail(cut(), 0.0), Next::Fail(cut()));
        assert_eq!(connection.head(503, &[]), Next::Fail(Error::Status(StatusCode::SERVICE_UNAVAILABLE)));
        connection.opens();
        connection.received();
        assert_eq!(connection.fail(Error::Silent(SECOND), 0.0), Next::Fail(Error::Silent(SECOND)));
        assert_eq!(connection.ended(0.0), Next::Finish);
    }
}

#[test]
fn the_author_decides_whether_a_request_is_repeated() {
    let mut post = connection(Method::POST);
    post.repeat = Some(true);
    assert_eq!(post.fail(cut(), 0.0), Next::Wait(SECOND));
    let mut get = get();
    get.repeat = Some(false);
    get.opens();
    assert_eq!(get.ended(0.0), Next::Finish);
    assert_eq!(get.fail(cut(), 0.0), Next::Fail(cut()));
}

#[test]
fn a_text_of_any_type_is_read_once() {
    let mut text = get();
    text.kind = Kind::Text;
    assert!(text.request("7").unwrap().headers.is_empty());
    for status in [200, 201, 206] {
        assert_eq!(text.head(status, &[(CONTENT_TYPE, "application/json")]), Next::Read);
    }
    assert_eq!(text.head(204, &[]), Next::Finish);
    assert_eq!(text.head(404, &[]), Next::Fail(Error::Status(StatusCode::NOT_FOUND)));
    assert_eq!(text.fail(cut(), 0.0), Next::Wait(SECOND), "nothing has come yet");
    text.received();
    assert_eq!(text.fail(cut(), 0.0), Next::Fail(cut()));
    assert_eq!(text.ended(0.0), Next::Finish);
}
