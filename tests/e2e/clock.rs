//! `GET /sse`, `GET /`, and what is not there.

use hyper::{Method, StatusCode};

use crate::support::client::{Event, EventStream, Item, fetch};
use crate::support::server::{Server, hub};
use crate::support::unix_time;

/// The events' ids are seconds that follow each other.
#[track_caller]
fn check_consecutive(events: &[Event]) {
    let ids: Vec<u64> = events.iter().map(|event| event.id.parse().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a + 1 == *b), "{ids:?}");
}

async fn events(stream: &mut EventStream, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(stream.event().await);
    }
    events
}

#[tokio::test]
async fn the_first_event_comes_at_once_and_the_head_says_what_it_is() {
    let server = hub().start().await;
    let mut stream = EventStream::open(server.address(), "/sse").await;
    assert_eq!(stream.status, StatusCode::OK);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("transfer-encoding", "chunked"),
    ] {
        assert_eq!(stream.headers.get(name).map(|value| value.as_bytes()), Some(value.as_bytes()), "{name}");
    }
    let Item::Retry(retry) = stream.item().await else { panic!("the retry hint is first") };
    assert!((500..1500).contains(&retry.as_millis()), "{retry:?}");
    let event = stream.event().await;
    assert_eq!(event.name, "timestamp");
    let second: u64 = event.id.parse().unwrap();
    assert!(unix_time() - second <= 2, "{second}");
    assert!(event.data.ends_with('Z') && event.data.len() == "2026-01-01T00:00:00Z".len(), "{}", event.data);
}

#[tokio::test]
async fn events_come_one_by_one_and_not_at_the_end() {
    let server = hub().start().await;
    let mut stream = EventStream::open(server.address(), "/sse").await;
    let (mut seen, mut alone) = (Vec::new(), 0);
    for _ in 0..4 {
        let event = stream.event().await;
        // Nothing had come after it yet: it was sent by itself. (A busy machine may send two seconds at once.)
        alone += usize::from(stream.raw.ends_with(format!("data: {}\n\n", event.data).as_bytes()));
        seen.push(event);
    }
    check_consecutive(&seen);
    assert!(alone >= 2, "{}", stream.text());
    assert!(!server.lines().iter().any(|line| line.contains("stream ended")));
}

async fn resumes(server: &Server, path: impl Fn(u64) -> String, header: impl Fn(u64) -> Vec<(&'static str, String)>) {
    let last = unix_time() - 10;
    let headers = header(last);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut stream = EventStream::open_with(server.address(), &path(last), &headers).await;
    let events = events(&mut stream, 13).await;
    check_consecutive(&events);
    assert_eq!(events[0].id, (last + 1).to_string());
}

#[tokio::test]
async fn a_last_event_id_in_the_header_resumes_with_every_second_once() {
    let server = hub().start().await;
    resumes(&server, |_| "/sse".to_owned(), |last| vec![("last-event-id", last.to_string())]).await;
}

#[tokio::test]
async fn a_last_event_id_in_the_query_resumes_with_every_second_once() {
    let server = hub().start().await;
    for name in ["last_event_id", "lastEventID", "lastEventId"] {
        resumes(&server, |last| format!("/sse?{name}={last}"), |_| vec![]).await;
    }
    // The header is newer than the URL: a browser sends both when it reconnects.
    resumes(
        &server,
        |last| format!("/sse?last_event_id={}", last - 30),
        |last| vec![("last-event-id", last.to_string())],
    )
    .await;
}

#[tokio::test]
async fn seconds_that_are_too_long_ago_are_announced_as_a_gap() {
    let server = hub().start().await;
    let last = unix_time() - 3600;
    let mut stream = EventStream::open(server.address(), &format!("/sse?last_event_id={last}")).await;
    let gap = stream.event().await;
    assert_eq!(gap.name, "gap");
    let events = events(&mut stream, 61).await;
    check_consecutive(&events);
    assert_eq!(gap.data, format!(r#"{{"lastEventId":"{last}","oldest":"{}"}}"#, events[0].id));
    assert!(unix_time() - events[0].id.parse::<u64>().unwrap() >= 59);
}

#[tokio::test]
async fn a_last_event_id_that_is_no_second_of_the_past_counts_as_absent() {
    let server = hub().start().await;
    for id in ["abc", "-1", "99999999999", "99999999999999999999999", "%23e-1", "%00", "%FF", "%F0%9F%A6%80"] {
        let mut stream = EventStream::open(server.address(), &format!("/sse?last_event_id={id}")).await;
        assert_eq!(stream.status, StatusCode::OK, "{id}");
        let second: u64 = stream.event().await.id.parse().unwrap();
        assert!(unix_time() - second <= 2, "{id}");
    }
}

#[tokio::test]
async fn a_client_that_is_cut_again_and_again_sees_every_second_once() {
    let server = hub().variable("stream_seconds", 2).start().await;
    let mut seen: Vec<Event> = Vec::new();
    for _ in 0..4 {
        let last = seen.last().map_or(String::new(), |event| event.id.clone());
        let mut stream = EventStream::open_with(server.address(), "/sse", &[("last-event-id", &last)]).await;
        let (events, end) = stream.rest().await;
        assert_eq!(end, Item::End, "the budget ends a stream properly");
        seen.extend(events);
    }
    check_consecutive(&seen);
    assert!(seen.len() >= 6, "{}", seen.len());
    server.logged("clock: stream ended: the stream has used its budget", 4).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let server = hub().start().await;
    let mut stream = EventStream::open(server.address(), "/sse").await;
    stream.event().await;
    drop(stream);
    server.logged("clock: stream ended: the client has gone", 1).await;
}

#[tokio::test]
async fn forty_streams_run_at_once() {
    let server = hub().start().await;
    let streams = (0..40).map(|_| {
        let address = server.address();
        tokio::spawn(async move {
            let mut stream = EventStream::open(address, "/sse").await;
            check_consecutive(&events(&mut stream, 4).await);
        })
    });
    for stream in streams.collect::<Vec<_>>() {
        stream.await.unwrap();
    }
    server.logged("clock: stream ended: the client has gone", 40).await;
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let server = hub().start().await;
    for (path, content_type) in [("/sse", "text/event-stream"), ("/", "text/html; charset=utf-8")] {
        let reply = fetch(server.address(), Method::HEAD, path).await;
        assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, ""), "{path}");
        assert_eq!(reply.header("content-type"), content_type);
    }
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let server = hub().start().await;
    for path in ["/nothing", "/sse/", "/sse/more", "/%2e%2e/sse", "/favicon.ico"] {
        let reply = fetch(server.address(), Method::GET, path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert!(reply.body.starts_with("there is nothing at "), "{}", reply.body);
    }
    for (method, path) in [(Method::POST, "/sse"), (Method::DELETE, "/"), (Method::OPTIONS, "/sse")] {
        let reply = fetch(server.address(), method, path).await;
        assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"), "{path}");
    }
}

#[tokio::test]
async fn the_page_is_self_contained_and_allows_nothing_but_itself() {
    let server = hub().start().await;
    let reply = fetch(server.address(), Method::GET, "/").await;
    let policy = reply.header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert_eq!(nonce.len(), 32);
    assert!(reply.body.contains(&format!("<script nonce=\"{nonce}\">")));
    assert!(!reply.body.contains("{{nonce}}"));
    for external in ["src=\"http", "href=\"http", "src=\"//", "@import", "url(http"] {
        assert!(!reply.body.contains(external), "{external}");
    }
    let again = fetch(server.address(), Method::GET, "/").await;
    assert!(!again.body.contains(nonce), "a nonce is used once");
}
