//! Bodies that come slowly, stop, or never come.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::hub::{FORM, HUB, Publisher, follow, hub_with_key, token, token_until};
use crate::support::{unix_time, within};

/// A request to publish whose body is announced and does not come.
async fn announce(address: SocketAddr, framing: &str, authorization: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {HUB} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {FORM}\r\n{framing}\r\n{authorization}connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

fn authorization() -> String {
    format!("authorization: Bearer {}\r\n", token(&["*"], &[]))
}

/// The status that a request is answered with, and all of the answer.
async fn answer(mut stream: TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    within("an answer", async {
        // A connection may be reset when it was answered before its body had come.
        while !matches!(stream.read_buf(&mut bytes).await, Ok(0) | Err(_)) {}
    })
    .await;
    let text = String::from_utf8(bytes).unwrap();
    (text.split(' ').nth(1).unwrap_or_default().to_owned(), text)
}

/// Sends `piece` each `pause`, until the server closes the connection.
async fn trickle(stream: &mut TcpStream, piece: &[u8], pause: Duration) {
    while tokio::time::timeout(pause, stream.readable()).await.is_err() {
        if stream.write_all(piece).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn bodies_that_do_not_come_are_given_up_and_hinder_nobody() {
    const LENGTH: &str = "content-length: 100000";
    const CHUNKED: &str = "transfer-encoding: chunked";
    let server = hub_with_key().start().await;
    let address = server.address();
    let mut stream = follow(address, "demo", "").await;
    let mut held = JoinSet::new();
    for n in 0..200 {
        held.spawn(async move {
            let framing = if n % 2 == 0 { LENGTH } else { CHUNKED };
            let mut stream = announce(address, framing, &authorization()).await;
            match n % 4 {
                0 | 1 => {}
                2 => trickle(&mut stream, b"x", Duration::from_secs(1)).await,
                _ => {
                    // Half of a chunk, and then pieces of what may be the rest.
                    stream.write_all(b"4000\r\ntopic=demo&data=").await.unwrap();
                    trickle(&mut stream, b"half", Duration::from_secs(3)).await;
                }
            }
            (n % 4 < 2, answer(stream).await)
        });
    }
    server.logged("hub: instance started", 200 / 16).await;
    let mut publisher = Publisher::new(address).await;
    publisher.publish("demo", "meanwhile").await;
    assert_eq!(stream.event().await.data, "meanwhile");
    while let Some(answer) = within("the rest of the answers", held.join_next()).await {
        let (silent, (status, text)) = answer.unwrap();
        // Who still sends may lose a part of the answer.
        assert!(status == "408" || (!silent && status.is_empty()), "{text}");
        assert!(!silent || text.contains("the body did not arrive in time: nothing was published"), "{text}");
    }
    publisher.publish("demo", "afterwards").await;
    assert_eq!(stream.event().await.data, "afterwards", "nothing of what was given up is published");
}

#[tokio::test]
async fn a_body_that_is_cut_publishes_nothing_and_is_not_waited_for() {
    let server = hub_with_key().start().await;
    let mut stream = follow(server.address(), "demo", "").await;
    for (framing, half) in
        [("content-length: 100", "topic=demo&data=half"), ("transfer-encoding: chunked", "20\r\ntopic=demo&data=half")]
    {
        let mut cut = announce(server.address(), framing, &authorization()).await;
        cut.write_all(half.as_bytes()).await.unwrap();
        // The client sends no more, but would read an answer.
        cut.shutdown().await.unwrap();
        let (status, text) = answer(cut).await;
        assert!(status == "400", "{text}");
    }
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish("demo", "whole").await;
    assert_eq!(stream.event().await.data, "whole");
}

#[tokio::test]
async fn a_body_without_a_token_is_not_waited_for() {
    let server = hub_with_key().start().await;
    let stream = announce(server.address(), "content-length: 1000", "").await;
    assert_eq!(answer(stream).await.0, "401");
}

#[tokio::test]
async fn a_token_that_ends_while_the_body_comes_publishes_nothing() {
    let server = hub_with_key().start().await;
    let expires = unix_time() + 2;
    let authorization = format!("authorization: Bearer {}\r\n", token_until(&["*"], &[], Some(expires)));
    let body = "topic=demo&data=late";
    let mut slow = announce(server.address(), &format!("content-length: {}", body.len()), &authorization).await;
    slow.write_all(&body.as_bytes()[..10]).await.unwrap();
    within("the token to end", async {
        while unix_time() < expires {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    slow.write_all(&body.as_bytes()[10..]).await.unwrap();
    let (status, text) = answer(slow).await;
    assert!(status == "401" && text.contains("error=\"invalid_token\""), "{text}");
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish("demo", "after").await;
    let mut stream = follow(server.address(), "demo", "earliest").await;
    assert_eq!(stream.event().await.data, "after");
}

#[tokio::test]
async fn a_body_that_comes_slowly_but_comes_is_published() {
    let server = hub_with_key().start().await;
    let mut stream = follow(server.address(), "demo", "").await;
    let body = format!("topic=demo&data={}", "x".repeat(1_000));
    let length = format!("content-length: {}", body.len());
    let mut slow = announce(server.address(), &length, &authorization()).await;
    for piece in body.as_bytes().chunks(100) {
        slow.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, text) = answer(slow).await;
    assert_eq!(status, StatusCode::OK.as_str(), "{text}");
    assert_eq!(stream.event().await.data.len(), 1_000);
}

#[tokio::test]
async fn a_body_that_is_far_too_large_is_refused_with_a_sentence() {
    let server = hub_with_key().start().await;
    let (chunk, size) = (format!("10000\r\n{}\r\n", "x".repeat(0x10000)), 0x10000);
    // As much as is read, and as much more as nobody reads.
    for (bytes, answered) in [(16 * 1024 * 1024, true), (64 * 1024 * 1024, false)] {
        let mut large = announce(server.address(), "transfer-encoding: chunked", &authorization()).await;
        let mut sent = 0;
        while sent < bytes && large.write_all(chunk.as_bytes()).await.is_ok() {
            sent += size;
        }
        let _ = large.write_all(b"0\r\n\r\n").await;
        let (status, text) = answer(large).await;
        assert!(status == "413" || (!answered && status.is_empty()), "{text}");
        assert!(answered || sent < bytes, "it is not read for ever");
    }
}
