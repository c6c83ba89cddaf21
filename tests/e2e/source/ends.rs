//! What ends a source for good.

use crate::source::{all, open, said};
use crate::support::server::streams;
use crate::support::upstream::{Step, Upstream, chunk, status, stream};

#[tokio::test]
async fn status_204_ends_it_without_an_error() {
    let server = streams().start().await;
    let upstream = Upstream::start([stream([chunk("data: a\n\n"), Step::End]), status(204)]).await;
    assert_eq!(all(&server, &upstream, "").await, said(&["a"], "finished"));
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn a_status_that_will_not_change_ends_it() {
    let server = streams().start().await;
    let upstream = Upstream::start([status(404), status(401)]).await;
    assert_eq!(all(&server, &upstream, "").await, said(&[], "the upstream answered 404 Not Found"));
    assert_eq!(all(&server, &upstream, "").await, said(&[], "the upstream answered 401 Unauthorized"));
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn another_content_type_ends_it() {
    let server = streams().start().await;
    let page = Step::Head(200, vec![("content-type", "text/html".to_owned())]);
    let upstream = Upstream::start([
        vec![page, chunk("data: a\n\n"), Step::End],
        vec![Step::Head(200, Vec::new()), chunk("data: a\n\n"), Step::End],
    ])
    .await;
    assert_eq!(all(&server, &upstream, "").await, said(&[], "the upstream sent text/html, and not text/event-stream"));
    assert!(all(&server, &upstream, "").await.1.contains("no content-type"));
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn an_endless_line_ends_it_and_closes_the_connection() {
    let server = streams().start().await;
    let upstream =
        Upstream::start([stream([chunk("id: 1\ndata: a\n\ndata: "), Step::Endlessly("x".repeat(5_000).into())])]).await;
    let expected = "the upstream sent too much: an event is larger than 100000 bytes";
    assert_eq!(all(&server, &upstream, "limit=100000").await, said(&["a"], expected));
    upstream.left(1).await;
    assert_eq!(upstream.asked().len(), 1);
}

#[tokio::test]
async fn a_post_that_is_cut_is_not_repeated() {
    let server = streams().start().await;
    let upstream = Upstream::start([stream([chunk("data: a\n\ndata: b")])]).await;
    let (data, end) = all(&server, &upstream, "post=1").await;
    assert_eq!(data, ["a"]);
    assert!(end.starts_with("the connection to the upstream failed: "), "{end}");
    let [asked] = &upstream.asked()[..] else { panic!("it was repeated") };
    assert_eq!((asked.method.as_str(), asked.body.as_str()), ("POST", "a question"));
    assert_eq!(asked.header("content-length"), "10");
}

#[tokio::test]
async fn a_long_question_is_sent_whole() {
    let server = streams().start().await;
    let upstream = Upstream::start([stream([chunk("data: a\n\n"), Step::End])]).await;
    assert_eq!(all(&server, &upstream, "post=1&long=1").await, said(&["a"], "finished"));
    assert_eq!(upstream.asked()[0].body.len(), "a question".len() << 20);
}

#[tokio::test]
async fn a_post_that_ends_as_it_should_is_over() {
    let server = streams().start().await;
    let upstream = Upstream::start([stream([chunk("data: a\n\n"), Step::End])]).await;
    assert_eq!(all(&server, &upstream, "post=1").await, said(&["a"], "finished"));
    assert_eq!(upstream.asked().len(), 1);
}

#[tokio::test]
async fn a_post_that_fails_or_is_silent_is_not_repeated() {
    let server = streams().start().await;
    let upstream = Upstream::start([status(503), stream([chunk("data: a\n\n"), Step::Hold]), vec![Step::Hold]]).await;
    assert_eq!(all(&server, &upstream, "post=1").await, said(&[], "the upstream answered 503 Service Unavailable"));
    let silent = "the upstream sent nothing for 3000 ms";
    assert_eq!(all(&server, &upstream, "post=1&silence_ms=3000").await, said(&["a"], silent));
    assert_eq!(all(&server, &upstream, "post=1&silence_ms=3000").await, said(&[], silent));
    upstream.left(2).await;
}

#[tokio::test]
async fn an_address_that_the_manifest_does_not_allow_is_refused() {
    let server = streams().start().await;
    for (url, named) in [
        ("http://127.0.0.2:9/", "http://127.0.0.2:9"),
        ("http://localhost:9/?key=secret", "http://localhost:9"),
        ("https://localhost/", "https://localhost"),
    ] {
        let expected = format!("the host refused to connect to {named}: add it to allowed_outbound_hosts in spin.toml");
        assert_eq!(open(&server, url, "").await.event().await.data, expected);
    }
    if std::env::var_os("SPIN_BIN").is_none() {
        server.logged("add \"http://localhost:9\"", 1).await;
    }
}

#[tokio::test]
async fn what_is_no_url_of_the_web_is_refused() {
    let server = streams().start().await;
    for url in ["", "/relative", "localhost:9", "ftp://127.0.0.1/", "http://a b/"] {
        let said = open(&server, url, "").await.event().await.data;
        assert!(said.starts_with("the request to the upstream cannot be sent: "), "{url}: {said}");
    }
}

#[tokio::test]
async fn the_application_itself_is_an_upstream() {
    let server = streams().start().await;
    let mut stream = open(&server, "http://self.alt/each?events=2", "repeat=0").await;
    let (events, _) = stream.rest().await;
    let data: Vec<_> = events.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(data, ["event 0", "event 1", "finished"]);
}

#[tokio::test]
async fn a_server_without_tls_is_not_read_by_https() {
    let server = streams().start().await;
    let upstream = Upstream::start([]).await;
    let said = open(&server, &upstream.url("/").replace("http", "https"), "attempts=1").await.event().await.data;
    assert!(said.starts_with("the connection to the upstream failed: TlsProtocolError"), "{said}");
}
