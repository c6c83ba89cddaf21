//! The worst that clients can make of an instance: it stays below 64 MiB, and serves others.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::{Method, StatusCode};
use rusqlite::Connection;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::subscriptions::ALL;
use crate::support::client::fetch_with;
use crate::support::hub::{FORM, HUB, Publisher, follow, hub_with_key, token};
use crate::support::{within, within_time};

const MEMORY: usize = 64 * 1024 * 1024;
/// As many as an instance takes by default.
const STREAMS: usize = 128;
/// Of updates that are as large as they may be.
const HISTORY: usize = 12;

/// A text that is as long as a topic may be.
fn long(stream: usize, number: usize) -> String {
    let name = format!("{stream}-{number}-");
    let rest = 1_024 - name.len();
    name + &"x".repeat(rest)
}

/// An update of nearly 1 MiB.
fn large() -> String {
    "x".repeat(1_000_000)
}

/// Begins a request with a body that an anonymous client may send.
async fn ask(address: SocketAddr, body: &str, length: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // So that the network does not take what the client does not read.
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut connection = within("a connection", socket.connect(address)).await.unwrap();
    let fields = format!("host: {address}\r\ncontent-type: {FORM}\r\ncontent-length: {length}");
    let request = format!("QUERY {HUB} HTTP/1.1\r\n{fields}\r\n\r\n{body}");
    within("a request to be taken", connection.write_all(request.as_bytes())).await.unwrap();
    connection
}

/// Opens a stream that follows as much as it may, from a place of its own, and is never read.
async fn open(address: SocketAddr, stream: usize, ids: &[String]) -> TcpStream {
    let mut body = String::from("match=demo");
    for number in 0..99 {
        // Patterns have 32 KiB together.
        let name = if stream.is_multiple_of(4) && number < 15 { "match_urlpattern" } else { "match" };
        body += &format!("&{name}={}", long(stream, number));
    }
    match stream % 8 {
        0 => body += &format!("&last_event_id={}", ids[stream % ids.len()].replace('#', "%23")),
        // Of no update. It is quoted, with six bytes for each.
        1 => body += &format!("&last_event_id={}", "\u{1}".repeat(900_000)),
        _ => {}
    }
    follow_unread(address, &body).await
}

/// Opens a stream that is never read.
async fn follow_unread(address: SocketAddr, body: &str) -> TcpStream {
    let mut connection = ask(address, body, body.len()).await;
    let mut head = [0; 500];
    let length = within("a response head", connection.read(&mut head)).await.unwrap();
    let head = String::from_utf8_lossy(&head[..length]);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    connection
}

/// Waits until the log has so many subscriptions.
async fn are_kept(database: &Connection, count: usize) {
    let kept = || database.query_row("SELECT count(*) FROM subscriptions", [], |row| row.get::<_, usize>(0));
    within_time(Duration::from_secs(60), format!("{count} subscriptions"), async {
        while kept() != Ok(count) {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_instance_in_its_worst_state_stays_below_64_mib_and_serves_others() {
    let server = hub_with_key().reuse(100_000).variable("gather", false).memory(MEMORY).start().await;
    let address = server.address();
    let mut publisher = Publisher::new(address).await;
    let mut ids = Vec::new();
    for _ in 0..HISTORY {
        ids.push(publisher.publish("demo", &large()).await);
    }
    let mut held = Vec::new();
    for number in 0..STREAMS {
        held.push(open(address, number, &ids).await);
    }
    // Bodies that stop before their end, and publications meanwhile: each of the largest size.
    for _ in 0..7 {
        held.push(ask(address, &"x".repeat(1 << 20), (1 << 20) + 1).await);
    }
    let mut published = JoinSet::new();
    let topics = (0..100).map(|number| long(0, number)).collect::<Vec<_>>().join("&topic=");
    let list = format!("{{\"topic\":[{}\"demo\"]}}", "\"a\",".repeat(250_000));
    for (content_type, body, status) in [
        (FORM, format!("topic=demo&data={}", large()), StatusCode::OK),
        (FORM, format!("topic=demo&data={}", "%0A".repeat(149_000)), StatusCode::OK),
        (FORM, format!("topic={topics}&data={}", "x".repeat(900_000)), StatusCode::OK),
        ("application/x-ndjson", list, StatusCode::BAD_REQUEST),
    ] {
        for _ in 0..2 {
            let mut publisher = Publisher::new(address).await;
            let body = body.clone();
            published.spawn(async move {
                let reply = publisher.send(content_type, body).await.unwrap();
                assert_eq!(reply.status, status, "{}", reply.body);
            });
        }
    }
    published.join_all().await;
    let mut plain = follow(address, "plain", "").await;
    for number in 0..20 {
        publisher.publish("demo", &large()).await;
        publisher.publish("plain", &number.to_string()).await;
        assert_eq!(plain.event().await.data, number.to_string());
    }
    drop(held);
    // An instance that would take more is ended, and that is said.
    assert_eq!(server.lines().iter().find(|line| line.contains("failed")), None);
}

#[tokio::test]
async fn what_strangers_follow_is_told_after_a_failure_and_listed_in_64_mib() {
    let state = tempfile::tempdir().unwrap();
    let setup = hub_with_key().state(state.path()).reuse(100_000).variable("gather", false);
    let server = setup.variable("subscriptions", true).memory(MEMORY).start().await;
    let address = server.address();
    // What takes most space where it is encoded for a path, and for a document.
    let topics = |number| (0..99).map(move |topic| format!("&match={number}-{topic}-{}", "%22".repeat(1_000)));
    // The dev host of the tests is not optimised.
    let streams = if std::env::var_os("SPIN_BIN").is_some() { STREAMS } else { STREAMS / 4 };
    let mut held = Vec::new();
    for number in 0..streams {
        held.push(follow_unread(address, &format!("match=demo{}", topics(number).collect::<String>())).await);
    }
    let database = Connection::open(state.path().join("sqlite_db.db")).unwrap();
    are_kept(&database, 100 * streams).await;
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    held.push(follow_unread(address, "match=other").await);
    let failed = || server.lines().iter().any(|line| line.contains("cannot be written"));
    within("a failure", async {
        while !failed() {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    database.execute_batch("ROLLBACK").unwrap();
    are_kept(&database, 100 * streams + 1).await;
    let authorization = format!("Bearer {}", token(&[], &["*"]));
    let headers = [("authorization", authorization.as_str())];
    for _ in 0..3 {
        let listed = fetch_with(address, Method::GET, ALL, &headers, "").await;
        assert_eq!((listed.status, listed.body.len() >> 20), (StatusCode::OK, 3), "it is cut");
        assert!(serde_json::from_str::<Value>(&listed.body).unwrap()["subscriptions"].is_array());
    }
    follow(address, "plain", "").await;
    are_kept(&database, 100 * streams + 2).await;
    assert_eq!(server.lines().iter().find(|line| line.contains("failed")), None);
}
