//! What others cost a publisher and a subscriber.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::client::EventStream;
use crate::support::follower::numbers;
use crate::support::hub::{HUB, Publisher, follow, hub_with_key};
use crate::support::log::Log;
use crate::support::{within, within_time};

/// A machine that does other things too answers thousands later.
const MINUTE: Duration = Duration::from_secs(60);

/// Reads all of the history, again and again.
async fn read_all(address: SocketAddr, updates: usize) {
    loop {
        let path = format!("{HUB}?match=*&last_event_id=earliest");
        let Some(mut stream) = EventStream::try_open(address, &path, &[]).await else { continue };
        for _ in 0..updates {
            stream.event().await;
        }
    }
}

pub(super) async fn strangers_who_read_all_history_again_and_again_delay_no_update(log: Log) {
    const HISTORY: usize = 2_000;
    let server = log.hub().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    for from in (0..HISTORY).step_by(500) {
        publisher.publish_all("history", numbers(from, from + 500)).await;
    }
    let mut strangers = JoinSet::new();
    for _ in 0..10 {
        strangers.spawn(read_all(server.address(), HISTORY));
    }
    let mut stream = follow(server.address(), "demo", "").await;
    for n in 0..100 {
        publisher.publish("demo", &n.to_string()).await;
        assert_eq!(stream.event().await.data, n.to_string());
    }
    assert!(strangers.try_join_next().is_none(), "they have all been served");
}

pub(super) async fn a_publisher_of_large_updates_delays_none_of_small_ones(log: Log) {
    let server = log.hub().start().await;
    let address = server.address();
    let large = tokio::spawn(async move {
        let mut publisher = Publisher::new(address).await;
        let data = "x".repeat(1_000_000);
        loop {
            publisher.publish("large", &data).await;
        }
    });
    let mut all = follow(address, "*", "").await;
    let mut stream = follow(address, "demo", "").await;
    let mut publisher = Publisher::new(address).await;
    for n in 0..50 {
        publisher.publish("demo", &n.to_string()).await;
        assert_eq!(stream.event().await.data, n.to_string());
    }
    assert!(!large.is_finished(), "each of them was taken");
    large.abort();
    let mut small = Vec::new();
    while small.len() < 50 {
        small.extend(Some(all.event().await.data).filter(|data| data.len() < 9));
    }
    assert_eq!(small, numbers(0, 50).collect::<Vec<_>>());
}

#[tokio::test]
async fn connections_that_say_nothing_or_half_of_a_head_hinder_nobody() {
    let server = hub_with_key().start().await;
    let mut silent = Vec::new();
    for n in 0..300 {
        let mut connection = TcpStream::connect(server.address()).await.unwrap();
        let half = format!("POST {HUB} HTTP/1.1\r\nhost: x\r\nx-half: ");
        connection.write_all(&half.as_bytes()[..if n % 2 == 0 { 0 } else { half.len() }]).await.unwrap();
        silent.push(connection);
    }
    let mut stream = follow(server.address(), "demo", "").await;
    let mut publisher = Publisher::new(server.address()).await;
    for n in 0..20 {
        for connection in silent.iter_mut().skip(1).step_by(2) {
            // One byte after the other.
            let _ = connection.write_all(b"x").await;
        }
        publisher.publish("demo", &n.to_string()).await;
        assert_eq!(stream.event().await.data, n.to_string());
    }
    let instances = server.lines().iter().filter(|line| line.contains("hub: instance started")).count();
    assert!(instances <= 3, "{instances}: what has no head is not with an instance");
}

/// So many streams on Spin. The dev host of the tests is not optimised, and other tests run beside this one.
fn at_once(streams: usize) -> usize {
    if std::env::var_os("SPIN_BIN").is_some() { streams } else { 200 }
}

#[tokio::test]
async fn streams_that_a_stranger_opens_and_does_not_read_hinder_nobody() {
    let server = hub_with_key().start().await;
    let address = server.address();
    let mut opened = JoinSet::new();
    for _ in 0..at_once(400) {
        opened.spawn(async move {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let head = format!("GET {HUB}?match=* HTTP/1.1\r\nhost: {address}\r\n\r\n");
            connection.write_all(head.as_bytes()).await.unwrap();
            connection
        });
    }
    let opened = opened.join_all().await;
    let mut stream = follow(address, "demo", "").await;
    let mut publisher = Publisher::new(address).await;
    for n in 0..20 {
        let data = format!("{n} {}", "x".repeat(50_000));
        publisher.publish("demo", &data).await;
        assert_eq!(stream.event().await.data, data);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(opened);
}

/// Opens so many streams at once, each of a topic of its own, and reads nothing but their response heads.
async fn open_at_once(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut opened = JoinSet::new();
    for number in 0..count {
        opened.spawn(async move {
            let mut connection = within("a connection", TcpStream::connect(address)).await.unwrap();
            let head = format!("GET {HUB}?match=demo&match={number} HTTP/1.1\r\nhost: {address}\r\n\r\n");
            connection.write_all(head.as_bytes()).await.unwrap();
            let mut status = [0; 12];
            within_time(MINUTE, "a response head", connection.read_exact(&mut status)).await.unwrap();
            assert_eq!(&status, b"HTTP/1.1 200");
            connection
        });
    }
    opened.join_all().await
}

#[tokio::test]
async fn many_streams_at_once_and_again_are_answered_and_hinder_nobody() {
    let streams = at_once(2_000);
    let server = hub_with_key().start().await;
    let address = server.address();
    let mut stream = follow(address, "plain", "").await;
    let mut publisher = Publisher::new(address).await;
    for round in 0..2 {
        let opened = open_at_once(address, streams).await;
        for n in 0..10 {
            publisher.publish("demo", &"x".repeat(10_000)).await;
            publisher.publish("plain", &format!("{round} {n}")).await;
            assert_eq!(stream.event().await.data, format!("{round} {n}"));
        }
        // Then all of them come back.
        drop(opened);
    }
    let failed = server.lines().into_iter().find(|line| line.contains("failed"));
    assert_eq!(failed, None);
}
