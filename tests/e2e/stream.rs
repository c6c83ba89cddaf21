//! The library's streams, as the component of `tests/component` uses them.

use std::time::Duration;

use hyper::StatusCode;

use crate::support::client::{EventStream, Item};
use crate::support::server::{Server, streams};

async fn open(server: &Server, path: &str) -> EventStream {
    EventStream::open(server.address(), path).await
}

#[tokio::test]
async fn the_retry_hint_is_first_and_the_end_is_proper() {
    let server = streams().start().await;
    let mut stream = open(&server, "/each?events=3&retry_ms=1500").await;
    assert_eq!(stream.item().await, Item::Retry(Duration::from_millis(1500)));
    let (events, end) = stream.rest().await;
    let data: Vec<_> = events.iter().map(|event| event.data.as_str()).collect();
    assert_eq!((data.as_slice(), end), (["event 0", "event 1", "event 2"].as_slice(), Item::End));
    server.logged("ended: finished", 1).await;
}

#[tokio::test]
async fn without_options_nothing_but_the_events_is_sent() {
    let server = streams().start().await;
    let mut stream = open(&server, "/each?events=1").await;
    stream.rest().await;
    assert_eq!(stream.text(), "id: 0\ndata: event 0\n\n");
}

#[tokio::test]
async fn many_events_come_complete_and_in_order() {
    const EVENTS: usize = 100_000;
    let server = streams().start().await;
    for path in ["/all", "/each"] {
        let events = if path == "/all" { EVENTS } else { EVENTS / 20 };
        let mut stream = open(&server, &format!("{path}?events={events}")).await;
        let (received, end) = stream.rest().await;
        assert_eq!((received.len(), end), (events, Item::End), "{path}");
        assert!(received.iter().enumerate().all(|(n, event)| event.id == n.to_string()), "{path}");
    }
}

#[tokio::test]
async fn an_idle_stream_is_kept_alive_by_comments() {
    let server = streams().start().await;
    let mut stream = open(&server, "/idle?keep_alive_ms=50&max_ms=600").await;
    let (events, end) = stream.rest().await;
    assert_eq!((events.len(), end), (0, Item::End));
    let comments = stream.text();
    assert!(comments.len() >= 2 * 2 && comments.replace(":\n", "").is_empty(), "{comments:?}");
}

#[tokio::test]
async fn a_client_that_leaves_an_idle_stream_is_noticed_by_the_keep_alive() {
    let server = streams().start().await;
    drop(open(&server, "/idle?keep_alive_ms=100").await);
    server.logged("ended: the client has gone", 1).await;
}

#[tokio::test]
async fn the_time_budget_ends_a_stream_between_two_events() {
    let server = streams().start().await;
    for path in ["/each?events=1000000&max_ms=1000", "/each?events=1000&pause_ms=30&max_ms=1000", "/idle?max_ms=1000"] {
        let mut stream = open(&server, path).await;
        let (events, end) = stream.rest().await;
        assert_eq!(end, Item::End, "{path}");
        assert!(path.starts_with("/idle") || !events.is_empty(), "{path}");
        assert!(stream.raw.is_empty() || stream.raw.ends_with(b"\n\n"), "{path}");
        assert!(events.iter().enumerate().all(|(n, event)| event.id == n.to_string()), "{path}");
    }
    server.logged("ended: the stream has used its budget", 3).await;
}

#[tokio::test]
async fn the_byte_budget_ends_a_stream_between_two_events() {
    let server = streams().start().await;
    for path in ["/each?events=1000&max_bytes=500", "/all?events=100000&max_bytes=500000"] {
        let limit: usize = path.rsplit('=').next().unwrap().parse().unwrap();
        let mut stream = open(&server, path).await;
        let (_, end) = stream.rest().await;
        assert_eq!(end, Item::End, "{path}");
        assert!(stream.raw.ends_with(b"\n\n") && stream.raw.len() <= limit, "{path}: {}", stream.raw.len());
        assert!(stream.raw.len() > limit - 60, "{path}: {}", stream.raw.len());
    }
    server.logged("ended: the stream has used its budget", 2).await;
}

#[tokio::test]
async fn the_first_event_is_sent_however_small_the_byte_budget_is() {
    let server = streams().start().await;
    let mut stream = open(&server, "/each?events=10&max_bytes=1&retry_ms=10").await;
    let (events, end) = stream.rest().await;
    assert_eq!((events.len(), end), (1, Item::End));
}

#[tokio::test]
async fn an_author_that_fails_ends_its_stream_and_says_why() {
    let server = streams().start().await;
    let mut stream = open(&server, "/fail").await;
    let (events, end) = stream.rest().await;
    assert_eq!((events.len(), end), (1, Item::End));
    server.logged("ended: the model is not available", 1).await;
}

#[tokio::test]
async fn an_author_that_ignores_the_end_is_dropped() {
    let server = streams().start().await;
    let mut stream = open(&server, "/endless?max_bytes=100000").await;
    stream.rest().await;
    server.logged("ended: the stream has used its budget", 1).await;
    let mut stream = open(&server, "/endless").await;
    stream.event().await;
    drop(stream);
    server.logged("ended: the client has gone", 1).await;
}

#[tokio::test]
async fn an_author_may_do_its_last_work_when_the_client_has_gone() {
    let server = streams().start().await;
    let mut stream = open(&server, "/cleanup").await;
    stream.event().await;
    drop(stream);
    server.logged("cleaned up: the client has gone", 1).await;
    server.logged("ended: the client has gone", 1).await;
}

#[tokio::test]
async fn a_reader_that_stops_is_left_at_the_end_of_its_budget() {
    let server = streams().start().await;
    let stream = open(&server, "/all?events=10000000&max_ms=1500").await;
    server.logged("ended: the stream has used its budget", 1).await;
    drop(stream);
}

#[tokio::test]
async fn the_author_may_choose_the_status() {
    let server = streams().start().await;
    assert_eq!(open(&server, "/each?status=503").await.status, StatusCode::SERVICE_UNAVAILABLE);
}
