//! The last event that a client received before it reconnected.

use http::{HeaderMap, HeaderValue, Uri};

#[track_caller]
fn resumes<'a>(header: impl Into<Option<&'a [u8]>>, uri: &str, expected: Option<&str>) {
    let header = header.into().map(|value| ("Last-Event-ID".parse().unwrap(), HeaderValue::from_bytes(value).unwrap()));
    let headers = HeaderMap::from_iter(header);
    assert_eq!(spin_sse::last_event_id(&headers, &uri.parse::<Uri>().unwrap()).as_deref(), expected);
}

#[track_caller]
fn query_resumes(query: &str, expected: Option<&str>) {
    resumes(None, &format!("https://example.org/sse?{query}"), expected);
}

#[test]
fn a_new_client_has_none() {
    resumes(None, "/sse", None);
    resumes(None, "/sse?", None);
    resumes(&b""[..], "/sse", None);
    query_resumes("last_event_id=", None);
    query_resumes("last_event_id", None);
    query_resumes("last_event=1&LAST_EVENT_ID=2&last-event-id=3", None);
}

#[test]
fn the_header_is_utf8() {
    resumes(&b"42"[..], "/sse", Some("42"));
    resumes("né 1".as_bytes(), "/sse", Some("né 1"));
    resumes(&b"a%20b+c"[..], "/sse", Some("a%20b+c"));
    resumes(&b"n\xE9"[..], "/sse", Some("n\u{FFFD}"));
}

#[test]
fn the_header_wins() {
    resumes(&b"1"[..], "/sse?last_event_id=2", Some("1"));
    resumes(&b""[..], "/sse?last_event_id=2", Some("2"));
}

#[test]
fn a_parameter_serves_as_well() {
    query_resumes("last_event_id=1", Some("1"));
    query_resumes("lastEventID=1", Some("1"));
    query_resumes("lastEventId=1", Some("1"));
    query_resumes("Last-Event-ID=1", Some("1"));
    query_resumes("a=b&lastEventId=1&c", Some("1"));
}

#[test]
fn the_first_parameter_that_is_not_empty_wins() {
    query_resumes("last_event_id=4&Last-Event-ID=3&lastEventID=2&lastEventId=1", Some("1"));
    query_resumes("last_event_id=4&Last-Event-ID=3&lastEventID=2&lastEventId=", Some("2"));
    query_resumes("last_event_id=4&Last-Event-ID=3", Some("3"));
    query_resumes("last_event_id=&last_event_id=1&last_event_id=2", Some("1"));
}

#[test]
fn a_parameter_is_decoded_as_a_form() {
    query_resumes("last_event_id=n%C3%A9", Some("né"));
    query_resumes("last_event_id=a+b%2Bc%20d%26e=f", Some("a b+c d&e=f"));
    query_resumes("last%5Fevent%5fid=1", Some("1"));
    query_resumes("last_event_id=100%25%zz%4", Some("100%%zz%4"));
    query_resumes("last_event_id=%FF%00", Some("\u{FFFD}\0"));
}
