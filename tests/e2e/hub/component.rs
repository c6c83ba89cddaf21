//! A hub in a component of its own, `tests/hub-component`: what the component publishes, and to what it lets clients
//! subscribe.

use std::net::SocketAddr;

use hyper::{Method, StatusCode};

use crate::support::client::{EventStream, Item, Reply, fetch, fetch_with};
use crate::support::follower::{Follower, check_numbers, numbers};
use crate::support::hub::{FORM, SECRET, token};
use crate::support::log::Log;
use crate::support::server::hub_component;
use crate::support::within;

async fn ask(address: SocketAddr, path: &str, body: &str) -> Reply {
    fetch_with(address, Method::POST, path, &[], body).await
}

/// Publishes as the component does by itself, and returns what it is answered: ids, a line each.
pub(super) async fn publish(address: SocketAddr, path: &str, body: &str) -> String {
    let reply = ask(address, path, body).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
    reply.body
}

/// Opens a stream, and waits until it has begun: what is published then is in it.
async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> EventStream {
    let mut stream = EventStream::open_with(address, path, headers).await;
    assert_eq!((stream.status, stream.event().await.name.as_str()), (StatusCode::OK, "ready"), "{path}");
    stream
}

pub(super) async fn a_component_publishes_and_its_clients_get_the_topics_that_it_chose(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let mut stream = open(address, "/follow/a,b/header?match=c&topic=*&quiet=true", &[]).await;
    assert_eq!(stream.headers["x-chat"], "7");
    publish(address, "/publish/c", "not heard").await;
    let id = publish(address, "/publish/b/name:word", "1").await;
    publish(address, "/publish/c,a,b/id:urn:2", "2").await;
    publish(address, "/publish/a", "3\nlines").await;
    let event = stream.event().await;
    assert_eq!((event.name.as_str(), event.data.as_str(), event.id), ("word", "1", id));
    assert_eq!((stream.event().await.data.as_str(), stream.last_event_id()), ("2", "urn:2"));
    assert_eq!(stream.event().await.data, "3\nlines");
    let mut all = open(address, "/follow/*/from_start", &[]).await;
    for data in ["not heard", "1", "2", "3\nlines"] {
        assert_eq!(all.event().await.data, data);
    }
}

pub(super) async fn a_component_lets_its_clients_read_private_updates_of_the_topics_that_it_chose(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let mut stream = open(address, "/follow/a", &[]).await;
    publish(address, "/publish/b/private", "of another topic").await;
    publish(address, "/publish/a/private", "1").await;
    publish(address, "/publish/a", "2").await;
    publish(address, "/end/a", "").await;
    for data in ["1", "2", "over"] {
        assert_eq!(stream.event().await.data, data);
    }
    // Who comes by the protocol has no token.
    let mut other = open(address, "/hub?match=a&last_event_id=earliest", &[]).await;
    assert_eq!(other.event().await.data, "2");
}

pub(super) async fn a_component_chooses_where_a_client_starts_that_does_not_say_so(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let first = publish(address, "/publish/a", "0").await;
    publish(address, "/publish/a/id:urn:one", "1").await;
    publish(address, "/publish/a", "2").await;
    let mut now = open(address, "/follow/a", &[]).await;
    assert!(!now.headers.contains_key("mercure-last-event-id"));
    for (path, last, expected) in [
        ("/follow/a/from_start", "", "0"),
        ("/follow/a/from_start", first.as_str(), "1"),
        ("/follow/a", first.as_str(), "1"),
        ("/follow/a", "urn:one", "2"),
        ("/follow/a?last_event_id=urn:one", "", "2"),
        ("/follow/a/from_start?last_event_id=urn:one", "", "2"),
    ] {
        let headers = [("last-event-id", last)];
        let mut stream = open(address, path, if last.is_empty() { &[] } else { &headers }).await;
        assert_eq!(stream.event().await.data, expected, "{path} {last}");
    }
    publish(address, "/publish/a", "3").await;
    let mut received = vec![now.event().await.data];
    while received.last().is_none_or(|last| last != "3") {
        received.push(now.event().await.data);
    }
    // It may get what was published a moment before it came.
    assert!(["0", "1", "2", "3"].map(str::to_owned).ends_with(&received), "{received:?}");
}

pub(super) async fn what_one_instance_of_a_component_publishes_reaches_the_clients_of_others(log: Log) {
    const INSTANCES: usize = 3;
    let server = log.component().reuse(1).start().await;
    let address = server.address();
    let mut streams = Vec::new();
    for _ in 0..INSTANCES {
        streams.push(open(address, "/follow/a/from_start", &[]).await);
    }
    for n in numbers(0, 10) {
        publish(address, "/publish/a", &n).await;
    }
    for stream in &mut streams {
        for n in numbers(0, 10) {
            assert_eq!(stream.event().await.data, n);
        }
    }
    server.logged("hub: instance started", INSTANCES + 10).await;
}

pub(super) async fn clients_of_a_component_that_are_cut_get_every_update_once_and_in_order(log: Log) {
    const UPDATES: usize = 300;
    let setup = log.component().reuse(8).variable("stream_seconds", 1).variable("retry_ms", 10);
    let server = setup.start().await;
    let address = server.address();
    let follower = Follower::at(address, "/follow/a/from_start", "");
    let cut = tokio::spawn(async move { follower.with_cuts(&(UPDATES - 1).to_string(), 3).await });
    let mut rotated = Follower::at(address, "/follow/a/from_start", "");
    let rotated = tokio::spawn(async move {
        rotated.until(UPDATES).await;
        rotated
    });
    for n in 0..UPDATES {
        publish(address, "/publish/a/private", &n.to_string()).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    for follower in [cut, rotated] {
        let follower = within("a follower", follower).await.unwrap();
        check_numbers(&follower.data(), UPDATES);
        assert!(follower.gaps == 0 && follower.connections > 1, "{}", follower.connections);
    }
}

pub(super) async fn several_updates_are_published_all_or_none(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let lines = |count| numbers(0, count).map(|n| format!("a {n}\n")).collect::<String>();
    let large = "x".repeat(1024 * 1024);
    let megabyte = "x".repeat(1024 * 1024 - 100);
    for (body, status, sentence) in [
        (format!("a 0\na {large}\n"), 413, "the update's event would be larger than 1048576 bytes"),
        ("a 0\n* 1\n".to_owned(), 400, "topic is *, which stands for every topic"),
        ("a 0\n/.well-known/mercure 1\n".to_owned(), 400, "resolves to /.well-known/mercure or below"),
        (lines(1_001), 413, "more than 1000 updates at once, or more than 4194304 bytes"),
        (format!("a {megabyte}\n").repeat(5), 413, "more than 1000 updates at once, or more than 4194304 bytes"),
    ] {
        let reply = ask(address, "/batch", &body).await;
        assert_eq!((reply.status.as_u16(), reply.body.contains(sentence)), (status, true), "{}", reply.body);
    }
    assert_eq!(publish(address, "/batch", "").await, "");
    let ids = publish(address, "/batch", &lines(1_000)).await;
    let mut follower = Follower::at(address, "/follow/a/from_start", "");
    follower.until(1_000).await;
    check_numbers(&follower.data(), 1_000);
    let received: Vec<_> = follower.updates.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(received, ids.lines().collect::<Vec<_>>());
}

pub(super) async fn a_component_whose_log_is_away_says_so_and_loses_nothing(mut log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let mut stream = open(address, "/follow/a", &[]).await;
    publish(address, "/batch", "a 0\na 1").await;
    assert_eq!((stream.event().await.data, stream.event().await.data), ("0".to_owned(), "1".to_owned()));
    log.fail();
    for body in ["a lost", "a lost\na lost"] {
        let reply = ask(address, "/batch", body).await;
        assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
        let sentences = [
            "the log cannot be written now: nothing was published, publish again later\n",
            "the log does not answer now: it is not known whether this was published, publish again later\n",
        ];
        assert!(sentences.contains(&reply.body.as_str()), "{}", reply.body);
    }
    for path in ["/follow/a/from_start", "/follow/a/existing,from_start"] {
        let mut refused = EventStream::open(address, path).await;
        assert_eq!(refused.status, StatusCode::OK, "an error would make EventSource stop for good");
        assert!(matches!(refused.item().await, Item::Retry(_)));
        assert_eq!(refused.item().await, Item::End);
    }
    log.mend();
    within("the log to be back", async {
        while ask(address, "/batch", "a 2\na 3").await.status != StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut received = Vec::new();
    while received.last().is_none_or(|last| last != "3") {
        received.push(stream.event().await.data);
    }
    received.retain(|data| data != "lost");
    assert_eq!(received, ["2", "3"]);
}

pub(super) async fn a_publication_that_nobody_waits_for_hinders_no_other(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let mut stream = open(address, "/follow/a", &[]).await;
    assert_eq!(publish(address, "/forsake/a", "").await, "forsaken");
    publish(address, "/publish/a", "next").await;
    assert_eq!((stream.event().await.data, stream.event().await.data), ("forsaken".to_owned(), "next".to_owned()));
}

/// A component that serves the protocol, and answers itself when that takes too long.
#[tokio::test]
async fn a_request_to_the_protocol_that_is_given_up_hinders_no_other() {
    let log = Log::sqlite();
    let Log::Sqlite(directory) = &log else { unreachable!() };
    let server = log.component().start().await;
    let address = server.address();
    publish(address, "/publish/a", "first").await;
    let database = rusqlite::Connection::open(directory.path().join("sqlite_db.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let authorization = format!("Bearer {}", token(&["*"], &[]));
    let headers = [("authorization", authorization.as_str()), ("content-type", FORM)];
    let reply = fetch_with(address, Method::POST, "/late", &headers, "topic=a&data=late").await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    database.execute_batch("COMMIT").unwrap();
    publish(address, "/publish/a", "next").await;
    let mut stream = open(address, "/follow/a/from_start", &[]).await;
    for data in ["first", "late", "next"] {
        assert_eq!(stream.event().await.data, data);
    }
}

pub(super) async fn a_subscription_to_what_exists_is_answered_204_while_there_is_nothing(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    publish(address, "/publish/other", "x").await;
    for method in [Method::GET, Method::HEAD] {
        let reply = fetch(address, method, "/follow/a,b/existing,from_start,header").await;
        assert_eq!((reply.status, reply.body.as_str(), reply.header("x-chat")), (StatusCode::NO_CONTENT, "", "7"));
        assert_eq!((reply.header("cache-control"), reply.header("content-type")), ("no-store", ""));
    }
    publish(address, "/publish/b/private", "1").await;
    let mut stream = open(address, "/follow/a,b/existing,from_start", &[]).await;
    assert_eq!(stream.event().await.data, "1");
    open(address, "/follow/*/existing", &[]).await;
}

pub(super) async fn a_subscription_to_what_goes_on_is_answered_204_when_all_its_topics_have_ended(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let path = "/follow/a,b/unended,from_start";
    for topic in ["a", "b"] {
        let mut stream = open(address, path, &[]).await;
        publish(address, &format!("/publish/{topic}"), "1").await;
        assert_eq!(stream.event().await.data, "1");
        publish(address, &format!("/end/{topic}"), "").await;
    }
    assert_eq!(fetch(address, Method::GET, path).await.status, StatusCode::NO_CONTENT);
    open(address, "/follow/b,c/unended,from_start", &[]).await;
    open(address, "/follow/b/from_start", &[]).await;
}

pub(super) async fn a_component_reads_the_newest_update_of_a_topic(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    assert_eq!(ask(address, "/latest/a", "").await.body, "");
    let lines: String = (0..999).map(|n| format!("a {n}\nb other\n")).collect();
    for _ in 0..3 {
        for half in lines.lines().collect::<Vec<_>>().chunks(999) {
            publish(address, "/batch", &half.join("\n")).await;
        }
    }
    let id = publish(address, "/publish/c,a/private,name:word", "the newest\nof all").await;
    publish(address, "/publish/b", "another").await;
    assert_eq!(ask(address, "/latest/a", "").await.body, format!("{id} word the newest\nof all"));
}

pub(super) async fn a_component_serves_the_protocol_under_a_path_of_its_own(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let mut stream = open(address, "/hub?match=a", &[]).await;
    publish(address, "/publish/a", "of the component").await;
    let authorization = format!("Bearer {}", token(&["a"], &[]));
    let headers = [("authorization", authorization.as_str()), ("content-type", FORM)];
    let reply = fetch_with(address, Method::POST, "/hub", &headers, "topic=a&data=of+a+publisher").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(stream.event().await.data, "of the component");
    assert_eq!((stream.event().await.data, stream.last_event_id()), ("of a publisher".to_owned(), &*reply.body));
    let reply = fetch_with(address, Method::POST, "/hub", &[("content-type", FORM)], "topic=a").await;
    assert_eq!((reply.status, reply.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
    assert_eq!(fetch(address, Method::DELETE, "/hub").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn what_a_component_gets_wrong_is_said() {
    let server = hub_component().start().await;
    for (path, status, sentence) in [
        ("/follow/", 400, "no topic to follow: name at least one, or *\n"),
        ("/publish/*", 400, "topic is *, which stands for every topic: publish to a topic by its name\n"),
        ("/publish/a/name:mercure", 400, "type mercure is for the hub's own events: choose another\n"),
        ("/end/", 400, "topic is empty: give it a value\n"),
    ] {
        let reply = ask(server.address(), path, "x").await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (status, sentence), "{path}");
    }
}

#[tokio::test]
async fn a_setting_of_a_component_that_is_none_is_named() {
    let server = hub_component().variable("stream_seconds", "5\u{1e}retries=1").start().await;
    let reply = fetch(server.address(), Method::GET, "/follow/a").await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    server.logged("\"retries\" in the component's variable settings is no setting", 1).await;
}

#[tokio::test]
async fn pages_of_listed_origins_may_read_what_a_component_streams() {
    let setup = hub_component().variable("jwt_secret", SECRET);
    let server = setup.variable("cors_origins", "https://app.example").start().await;
    for path in ["/follow/a", "/follow/a/existing"] {
        for (origin, allowed) in [("https://app.example", true), ("https://evil.example", false)] {
            let stream = EventStream::open_with(server.address(), path, &[("origin", origin)]).await;
            let header = stream.headers.get("access-control-allow-origin");
            assert_eq!(header.is_some_and(|value| value == origin), allowed, "{path} {origin}");
        }
    }
}
