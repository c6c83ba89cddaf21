//! The worst that clients can make of an instance: it stays below 64 MiB.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::hub::{HUB, Publisher, follow, hub_with_key, token};
use crate::support::within;

const MEMORY: usize = 64 * 1024 * 1024;
const STREAMS: usize = 128;

/// A topic of 1 KiB.
fn topic(stream: usize, number: usize) -> String {
    format!("{stream}-{number}-{}", "x".repeat(1_000))
}

/// Asks for a stream from after `last`, with as many topics as a URL takes, and a token with as many as a token takes.
async fn subscribe(address: SocketAddr, stream: usize, last: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let topics: String = (0..60).map(|number| format!("&match={}", topic(stream, number))).collect();
    let granted: Vec<String> = (0..99).map(|number| topic(stream, number)).collect();
    let token = token(&[], &granted.iter().map(String::as_str).collect::<Vec<_>>());
    let head = format!(
        "GET {HUB}?match=demo{topics} HTTP/1.1\r\nhost: {address}\r\nlast-event-id: {last}\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    within("a request to be taken", connection.write_all(head.as_bytes())).await.unwrap();
    let mut first = [0; 12];
    within("a response head", tokio::io::AsyncReadExt::read_exact(&mut connection, &mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    connection
}

#[tokio::test]
async fn an_instance_in_its_worst_state_stays_below_64_mib() {
    let server = hub_with_key().reuse(100_000).variable("gather", false).memory(MEMORY).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut live = follow(server.address(), "demo", "").await;
    let mut ids = Vec::new();
    for _ in 0..STREAMS {
        ids.push(publisher.publish("demo", &"x".repeat(1_000_000)).await);
        assert_eq!(live.event().await.data.len(), 1_000_000);
    }
    let mut stopped = Vec::new();
    for (stream, id) in ids.iter().enumerate() {
        // Each is in another update.
        stopped.push(subscribe(server.address(), stream, id).await);
    }
    for n in 0..200 {
        publisher.publish("demo", &n.to_string()).await;
        assert_eq!(live.event().await.data, n.to_string());
    }
    let lines = server.lines();
    let started = lines.iter().filter(|line| line.contains("hub: instance started")).count();
    assert!(started <= 2, "{started}");
    assert_eq!(lines.iter().find(|line| line.contains("fail")), None);
}
