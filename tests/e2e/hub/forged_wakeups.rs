//! Datagrams that anyone on the machine may send to an instance.

use std::net::Ipv4Addr;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UdpSocket;

use crate::support::client::EventStream;
use crate::support::follower::Dice;
use crate::support::hub::{Publisher, follow, hub_with_key};
use crate::support::within;

/// What instances send to each other.
fn datagram(epoch: &[u8], sequence: u64, topics: &[&str]) -> Vec<u8> {
    let mut bytes = b"sse2".to_vec();
    bytes.push(epoch.len() as u8);
    bytes.extend_from_slice(epoch);
    bytes.extend_from_slice(&sequence.to_le_bytes());
    topics.iter().for_each(|topic| bytes.extend_from_slice(&key(topic).to_le_bytes()));
    bytes
}

/// FNV-1a.
fn key(topic: &str) -> u64 {
    topic.bytes().fold(0xcbf2_9ce4_8422_2325, |key, byte| (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn random(length: usize, dice: &mut Dice) -> Vec<u8> {
    (0..length).map(|_| dice.below(256) as u8).collect()
}

/// A datagram of each kind.
fn forgeries(epoch: &[u8]) -> Vec<Vec<u8>> {
    let mut dice = Dice(7);
    let good = datagram(epoch, u64::MAX, &["demo", "*"]);
    let mut all: Vec<_> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    all.extend([0, 1, 100, 1_500, 65_507].map(|length| random(length, &mut dice)));
    all.extend([100, 65_503].map(|length| [b"sse2".to_vec(), random(length, &mut dice)].concat()));
    for epoch in [epoch, b"ffffffffffffffff", b"", b"\xff\xfe", &[b'x'; 255]] {
        for sequence in [0, 1, 2, 1_000, u64::MAX - 1, u64::MAX] {
            all.push(datagram(epoch, sequence, &["demo", "*", "nothing", "\u{1}renew"]));
            all.push(datagram(epoch, sequence, &[]));
        }
    }
    all.push(datagram(epoch, u64::MAX, &["demo"; 8_000]));
    all.push([&good[..], b"more"].concat());
    // An epoch that is longer than the datagram.
    all.push(b"sse2\xffepoch".to_vec());
    all
}

/// The ports of `count` instances or more.
async fn ports(state: &TempDir, count: usize) -> Vec<u16> {
    let database = rusqlite::Connection::open(state.path().join("sqlite_db.db")).unwrap();
    let select = "SELECT DISTINCT listener FROM interests WHERE listener BETWEEN 1 AND 65535";
    within(format!("{count} instances to be registered"), async {
        loop {
            let mut query = database.prepare_cached(select).unwrap();
            let ports: Vec<u16> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            if ports.len() >= count {
                return ports;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

/// Each stream receives `data` next.
async fn check_next(streams: &mut [EventStream], data: &str) {
    for stream in streams {
        let event = stream.event().await;
        assert_eq!((event.name.as_str(), event.data.as_str()), ("message", data));
    }
}

#[tokio::test]
async fn forged_datagrams_deliver_nothing_and_end_no_stream() {
    let state = tempfile::tempdir().unwrap();
    let server = hub_with_key().state(state.path()).reuse(8).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let first = publisher.publish("elsewhere", "0").await;
    let (epoch, _) = first.strip_prefix('#').unwrap().rsplit_once('-').unwrap();
    let mut streams = Vec::new();
    for n in 0..12 {
        let topic = if n % 4 == 0 { "*" } else { "demo" };
        let last = if topic == "*" { first.as_str() } else { "" };
        streams.push(follow(server.address(), topic, last).await);
    }
    let ports = ports(&state, 2).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for forged in forgeries(epoch.as_bytes()) {
        for port in &ports {
            socket.send_to(&forged, (Ipv4Addr::LOCALHOST, *port)).await.unwrap();
        }
        // So that it is taken before the next one comes.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    publisher.publish("demo", "1").await;
    check_next(&mut streams, "1").await;
    let forged = datagram(epoch.as_bytes(), u64::MAX, &["demo", "*", "\u{1}renew"]);
    for n in 0..10_000 {
        socket.send_to(&forged, (Ipv4Addr::LOCALHOST, ports[n % ports.len()])).await.unwrap();
        if n % 100 == 0 {
            // No more than a socket holds.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if n == 5_000 {
            publisher.publish("demo", "2").await;
        }
    }
    check_next(&mut streams, "2").await;
    for _ in 0..4 {
        streams.push(follow(server.address(), "demo", "").await);
    }
    publisher.publish_with("demo", "3", "&topic=other").await;
    check_next(&mut streams, "3").await;
    publisher.publish("demo", "4").await;
    check_next(&mut streams, "4").await;
    let lines = server.lines();
    let lost = lines.iter().find(|line| line.contains("the log lost updates"));
    assert_eq!(lost, None, "a foreign epoch in a datagram is no other log");
}
