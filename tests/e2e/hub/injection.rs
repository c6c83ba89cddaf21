//! Texts that try to be something else: fields of an event, lines of a log, headers, statements, the hub's own names.

use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::{EventStream, fetch_with};
use crate::support::hub::{FORM, HUB, Publisher, follow, hub_with_key, token};
use crate::support::log::Log;
use crate::support::within;

/// What is in a field, percent-encoded, and whether an update may have it there as a name.
const TEXTS: [(&str, bool); 14] = [
    ("a%0Ab", false),
    ("a%0D%0Aevent:%20evil%0D%0A%0D%0A", false),
    ("a%00b", false),
    ("a%1Bb", false),
    ("%EF%BB%BFa", false),
    ("a%E2%80%AEb", false),
    ("a%C2%85b", false),
    // Half of a surrogate pair, an overlong slash, a byte alone.
    ("a%ED%A0%80b", false),
    ("a%C0%AFb", false),
    ("a%FFb", false),
    ("a%E2%80%A8b", true),
    ("'; DROP TABLE updates; --", true),
    ("]]%20redis.call('FLUSHALL')%20--", true),
    ("<script>alert(1)</script>", true),
];

#[tokio::test]
async fn a_name_that_could_be_taken_for_something_else_is_refused_in_every_field() {
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut stream = follow(server.address(), "demo", "").await;
    for (text, is_name) in TEXTS {
        for field in ["topic", "id", "type"] {
            let reply = publisher.send(FORM, format!("topic=demo&data=x&{field}={text}")).await.unwrap();
            assert_eq!(reply.status.is_success(), is_name, "{field}={text}: {}", reply.body);
            assert!(is_name || reply.status == 400, "{field}={text}: {}", reply.status);
            assert_eq!(reply.body.trim_end_matches('\n').lines().count(), 1, "{field}={text}: {:?}", reply.body);
            if is_name {
                assert_eq!(stream.event().await.data, "x", "{field}={text}");
            }
        }
        let path = format!("{HUB}?match={}", text.replace(' ', "%20").replace(['<', '>'], "%3C"));
        let answered = EventStream::open(server.address(), &path).await;
        assert_eq!(answered.status == 200, is_name, "match={text}");
    }
    let lines = server.lines();
    assert_eq!(lines.iter().find(|line| line.contains("evil")), None);
}

pub(super) async fn data_is_nothing_but_data(log: Log) {
    let server = log.hub().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut stream = follow(server.address(), "demo", "").await;
    for (data, received) in [
        ("a%0A%0Aevent:%20evil%0Adata:%20b", "a\n\nevent: evil\ndata: b"),
        ("a%0D%0Did:%20evil%0D%0A%0Aretry:%201", "a\n\nid: evil\n\nretry: 1"),
        ("%0A%0A", "\n\n"),
        ("%EF%BB%BFa", "\u{feff}a"),
        ("a%00b", "a\0b"),
        ("a%E2%80%A8b%E2%80%A9%C2%85", "a\u{2028}b\u{2029}\u{85}"),
        (":comment", ":comment"),
        ("'); DROP TABLE updates; -- %25s %25n {}", "'); DROP TABLE updates; -- %s %n {}"),
    ] {
        let id = publisher.publish("demo", data).await;
        let event = stream.event().await;
        assert_eq!((event.name.as_str(), event.data.as_str(), event.id), ("message", received, id), "{data}");
    }
    let reply = publisher.send(FORM, "topic=demo&data=a%ED%A0%80b").await.unwrap();
    assert_eq!(reply.status, 400);
    let json = |data: &str| format!("{{\"topic\":\"demo\",\"data\":\"{data}\"}}");
    for lone in ["a\\ud800b", "\\udc00", "\\ud800\\ud800"] {
        let reply = publisher.send("application/x-ndjson", json(lone)).await.unwrap();
        assert_eq!(reply.status, 400, "{lone}");
    }
    publisher.publish("demo", "last").await;
    assert_eq!(stream.event().await.data, "last");
}

#[tokio::test]
async fn an_id_that_comes_back_is_no_header_and_no_block() {
    let server = hub_with_key().start().await;
    for id in [
        "%0D%0Ax-evil:%201",
        "a%0A%0Adata:%20evil",
        "%00",
        "%FF",
        "%ED%A0%80",
        "%EF%BB%BF",
        "%22%2C%22evil%22:%22",
        "%23--1",
        "%23a-18446744073709551616",
        "%23a-18446744073709551615",
        "%2523a-1",
    ] {
        let mut stream = EventStream::open(server.address(), &format!("{HUB}?match=demo&last_event_id={id}")).await;
        assert_eq!(stream.status, 200, "{id}");
        assert!(!stream.headers.contains_key("x-evil"), "{id}");
        let ready = stream.event().await;
        assert_eq!(ready.name, "ready", "{id}");
        let data: serde_json::Value = serde_json::from_str(&ready.data).unwrap();
        assert_eq!(data.as_object().unwrap().len(), 2, "{id}: {}", ready.data);
        assert!(!stream.text().lines().any(|line| line == "data: evil"), "{id}");
    }
}

#[tokio::test]
async fn an_id_of_a_mebibyte_is_refused_and_one_that_is_long_is_not_known() {
    let server = hub_with_key().start().await;
    for (length, in_header) in [(60_000, false), (300_000, true), (1 << 20, false), (1 << 20, true)] {
        let id = "x".repeat(length);
        let (query, header) = match in_header {
            true => (String::new(), format!("last-event-id: {id}\r\n")),
            false => (format!("&last_event_id={id}"), String::new()),
        };
        let head = format!("GET {HUB}?match=demo{query} HTTP/1.1\r\nhost: x\r\n{header}\r\n");
        let mut connection = TcpStream::connect(server.address()).await.unwrap();
        let mut answer = Vec::new();
        within("an answer", async {
            let _ = connection.write_all(head.as_bytes()).await;
            while answer.len() < 12 && matches!(connection.read_buf(&mut answer).await, Ok(1..)) {}
        })
        .await;
        // The host refuses what is too large for it, or closes the connection.
        let status = String::from_utf8(answer[..answer.len().min(12)].to_vec()).unwrap();
        let expected = ["HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 414", "HTTP/1.1 431", ""];
        assert!(expected.contains(&status.as_str()), "{length}: {status}");
        assert!(length > 300_000 || !status.is_empty(), "{length}");
    }
    let headers = [("content-type", FORM), ("authorization", &*format!("Bearer {}", token(&["*"], &[])))];
    let body = format!("topic=demo&id={}", "x".repeat(500_000));
    let reply = fetch_with(server.address(), Method::POST, HUB, &headers, body).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (413, "id is longer than 1024 bytes: shorten it\n"));
    follow(server.address(), "demo", "").await;
}

pub(super) async fn what_is_private_shows_in_nothing_that_a_stranger_gets(log: Log) {
    let server = log.hub().variable("stream_seconds", 2).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let before = publisher.publish("demo", "public").await;
    let mut strangers = vec![follow(server.address(), "*", "").await, follow(server.address(), "demo", "").await];
    let private = "&private=on&id=urn:secret&type=secret-type&topic=secret-topic";
    publisher.publish_with("demo", "secret-data", private).await;
    let anonymous = publisher.publish_with("secret-topic", "secret-data", "&private=on").await;
    // A right that was lost: these ids were given out while it was there.
    for (topic, last) in
        [("*", "earliest"), ("demo", &*before), ("*", &before), ("*", &anonymous), ("other", "earliest")]
    {
        strangers.push(follow(server.address(), topic, last).await);
    }
    // One that may read it shares the pages of the history with them.
    let reader = format!("Bearer {}", token(&[], &["demo"]));
    let path = format!("{HUB}?match=demo&last_event_id=earliest");
    let mut reader = EventStream::open_with(server.address(), &path, &[("authorization", &reader)]).await;
    while reader.event().await.data != "secret-data" {}
    publisher.publish("demo", "last").await;
    for mut stream in strangers {
        let _ = stream.rest().await;
        let text = stream.text();
        assert!(!text.contains("secret"), "{text}");
        assert!(!format!("{:?}", stream.headers).contains("secret"));
    }
    let other = format!("Bearer {}", token(&["other"], &["other"]));
    let headers = [("authorization", &*other), ("content-type", FORM)];
    for query in ["", "?match=demo", "?topic=demo&match_x=1"] {
        let path = format!("{HUB}{query}");
        let reply = fetch_with(server.address(), Method::POST, &path, &headers, "topic=demo&data=x").await;
        assert!(reply.status == 403 && !reply.body.contains("secret"), "{}", reply.body);
    }
}
