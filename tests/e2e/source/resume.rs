//! What is asked again, and with which last event id.

use std::net::TcpListener;

use crate::source::{all, open, said};
use crate::support::client::EventStream;
use crate::support::server::streams;
use crate::support::upstream::{Step, Upstream, chunk, status, stream};

#[tokio::test]
async fn a_stream_that_ends_is_asked_for_again_from_the_last_event_id() {
    let server = streams().start().await;
    let upstream =
        Upstream::start([stream([chunk("id: 1\ndata: a\n\n"), Step::End]), stream([chunk("data: b\n\n"), Step::End])])
            .await;
    assert_eq!(all(&server, &upstream, "").await, said(&["a", "b"], "finished"));
    let asked = upstream.asked();
    let ids: Vec<_> = asked.iter().map(|asked| asked.header("last-event-id")).collect();
    assert_eq!(ids, ["", "1", "1"]);
    assert!(!asked[0].has("last-event-id"), "an empty id is not sent");
    for asked in &asked {
        assert_eq!((asked.method.as_str(), asked.header("accept")), ("GET", "text/event-stream"));
        assert_eq!((asked.header("cache-control"), asked.header("authorization")), ("no-cache", "Bearer secret"));
    }
}

#[tokio::test]
async fn an_author_may_begin_with_a_last_event_id() {
    let server = streams().start().await;
    let upstream = Upstream::start([]).await;
    assert_eq!(all(&server, &upstream, "last=7").await, said(&[], "finished"));
    assert_eq!(upstream.asked()[0].header("last-event-id"), "7");
}

#[tokio::test]
async fn the_last_event_id_is_sent_as_utf_8() {
    let server = streams().start().await;
    let upstream = Upstream::start([stream([chunk("id: caf\u{e9}\ndata: a\n\n"), Step::End])]).await;
    all(&server, &upstream, "").await;
    assert_eq!(upstream.asked()[1].header("last-event-id"), "caf\u{e9}");
}

#[tokio::test]
async fn half_an_event_is_dropped_when_a_stream_is_cut_or_ends() {
    let server = streams().start().await;
    let upstream = Upstream::start([
        stream([chunk("id: 1\ndata: a\n\nid: 2\ndata: b")]),
        stream([chunk("id: 2\ndata: b\n\ndata: c\n"), Step::End]),
        stream([chunk("data: d\n\n"), Step::End]),
    ])
    .await;
    assert_eq!(all(&server, &upstream, "").await, said(&["a", "b", "d"], "finished"));
    let ids: Vec<_> = upstream.asked().iter().map(|asked| asked.header("last-event-id").to_owned()).collect();
    assert_eq!(ids, ["", "1", "2", "2"]);
}

#[tokio::test]
async fn a_cut_inside_a_character_leaves_nothing_behind() {
    let server = streams().start().await;
    let upstream = Upstream::start([
        stream([chunk(b"data: \xe2\x82")]),
        stream([chunk(b"data: \xe2"), chunk(b"\x82\xac\n\n"), Step::End]),
    ])
    .await;
    assert_eq!(all(&server, &upstream, "").await, said(&["\u{20ac}"], "finished"));
}

#[tokio::test]
async fn bytes_that_come_one_by_one_are_the_same_events() {
    let server = streams().start().await;
    let bytes = "\u{feff}: hello\r\n\r\nid: 1\r\nevent: price\r\ndata: 1 \u{20ac}\r\ndata: 2\r\n\r\n";
    let upstream = Upstream::start([stream([Step::Slowly(bytes.into()), Step::End])]).await;
    let mut stream = open(&server, &upstream.url("/"), "").await;
    let event = stream.event().await;
    assert_eq!((event.name.as_str(), event.data.as_str(), event.id.as_str()), ("price", "1 \u{20ac}\n2", "1"));
}

#[tokio::test]
async fn a_server_that_fails_for_a_while_is_asked_again() {
    let server = streams().start().await;
    let upstream =
        Upstream::start([status(500), status(503), Vec::new(), stream([chunk("data: a\n\n"), Step::End])]).await;
    assert_eq!(all(&server, &upstream, "").await, said(&["a"], "finished"));
    assert_eq!(upstream.asked().len(), 5);
}

#[tokio::test]
async fn a_silent_upstream_is_asked_again() {
    let server = streams().start().await;
    let upstream = Upstream::start([
        stream([chunk("id: 1\ndata: a\n\n"), Step::Hold]),
        vec![Step::Hold],
        stream([chunk("data: b\n\n"), Step::End]),
    ])
    .await;
    assert_eq!(all(&server, &upstream, "silence_ms=3000").await, said(&["a", "b"], "finished"));
    // Each time the connection was closed.
    upstream.left(2).await;
    assert_eq!(upstream.asked()[2].header("last-event-id"), "1");
}

#[tokio::test]
async fn comments_are_no_silence() {
    let server = streams().start().await;
    // More than three seconds of comments, and then the event.
    let upstream =
        Upstream::start([stream([Step::Slowly(":\n".repeat(1_800).into()), chunk("data: a\n\n"), Step::End])]).await;
    assert_eq!(all(&server, &upstream, "silence_ms=3000").await, said(&["a"], "finished"));
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn the_upstream_sets_the_reconnection_time() {
    let server = streams().start().await;
    let upstream = Upstream::start([stream([chunk("retry: 1\n\ndata: a\n\n"), Step::End])]).await;
    // The author's would be an hour.
    assert_eq!(all(&server, &upstream, "retry_ms=3600000").await, said(&["a"], "finished"));
}

#[tokio::test]
async fn a_refused_connection_is_tried_as_often_as_the_author_says() {
    let server = streams().start().await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut stream = open(&server, &format!("http://{closed}/"), "attempts=2").await;
    let said = stream.event().await.data;
    assert!(said.contains("ConnectionRefused") && said.ends_with("gave up after 2 attempts"), "{said}");
}

#[tokio::test]
async fn a_source_that_is_dropped_and_called_again_loses_nothing() {
    let server = streams().start().await;
    let numbers: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let bytes: String = numbers.iter().map(|number| format!("data: {number}\n\n")).collect();
    let upstream = Upstream::start([stream([Step::Slowly(bytes.into()), Step::End])]).await;
    let (data, end) = all(&server, &upstream, "impatience_ms=1").await;
    assert_eq!((data, end.as_str()), (numbers, "finished"));
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn a_post_is_repeated_when_it_is_told_to() {
    let server = streams().start().await;
    let upstream = Upstream::start([
        status(503),
        stream([chunk("id: 1\ndata: a\n\n")]),
        stream([chunk("data: b\n\n"), Step::End]),
    ])
    .await;
    assert_eq!(all(&server, &upstream, "post=1&repeat=1").await, said(&["a", "b"], "finished"));
    for asked in upstream.asked() {
        assert_eq!((asked.method.as_str(), asked.body.as_str()), ("POST", "a question"));
    }
    assert_eq!(upstream.asked()[2].header("last-event-id"), "1");
}

#[tokio::test]
async fn a_client_that_leaves_closes_the_connection_to_the_upstream() {
    let server = streams().start().await;
    let upstream = Upstream::start([stream([chunk("data: a\n\n"), Step::Hold])]).await;
    let mut stream = open(&server, &upstream.url("/"), "keep_alive_ms=50").await;
    stream.event().await;
    drop(stream);
    upstream.left(1).await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_back_a_request_without_an_answer() {
    let server = streams().start().await;
    let upstream = Upstream::start([vec![Step::Hold]]).await;
    let stream = open(&server, &upstream.url("/"), "keep_alive_ms=50").await;
    upstream.asked_times(1).await;
    drop(stream);
    upstream.left(1).await;
}

#[tokio::test]
async fn a_slow_client_slows_the_upstream() {
    const ENOUGH: usize = 64 << 20;
    let server = streams().start().await;
    let event = format!("data: {}\n\n", "x".repeat(10_000));
    let upstream = Upstream::start([stream([Step::Endlessly(event.into())])]).await;
    // The component passes on one event, and then sleeps.
    let mut stream = open(&server, &upstream.url("/"), "pause_ms=3600000&keep_alive_ms=50").await;
    stream.event().await;
    let mut before = 0;
    // The upstream stands still when the buffers between are full.
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let taken = upstream.taken();
        assert!(taken < ENOUGH, "{taken} bytes were taken, though nobody reads them");
        if taken == before {
            break;
        }
        before = taken;
    }
    drop(stream);
    upstream.left(1).await;
}

#[tokio::test]
async fn a_source_connects_before_its_first_message_is_asked_for() {
    let server = streams().start().await;
    let upstream = Upstream::start([stream([chunk("data: a\n\n"), Step::End]), status(404), status(204)]).await;
    for expected in [["true", "a"], ["the upstream answered 404 Not Found", "finished"], ["false", "finished"]] {
        let query = "/connect?repeat=0";
        let mut stream = EventStream::open_with(server.address(), query, &[("x-upstream", &upstream.url("/"))]).await;
        assert_eq!([stream.event().await.data, stream.event().await.data], expected);
    }
}
