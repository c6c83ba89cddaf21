//! Who subscribes and who leaves: what updates and the API say.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::client::{EventStream, Reply, fetch_with};
use crate::support::follower::Follower;
use crate::support::hub::{HUB, Publisher, follow, token};
use crate::support::log::Log;
use crate::support::server::Setup;
use crate::support::within;

pub(super) const ALL: &str = "/.well-known/mercure/subscriptions";

pub(super) fn setup(log: &Log) -> Setup {
    log.hub().variable("subscriptions", true)
}

/// Asks with a token for these topics.
async fn ask(address: SocketAddr, path: &str, grant: &[&str], headers: &[(&str, &str)]) -> Reply {
    let authorization = format!("Bearer {}", token(&[], grant));
    let headers: Vec<_> = headers.iter().copied().chain([("authorization", authorization.as_str())]).collect();
    fetch_with(address, Method::GET, path, &headers, "").await
}

/// A stream of all private updates.
async fn watch(address: SocketAddr, last: &str) -> EventStream {
    let authorization = format!("Bearer {}", token(&[], &["*"]));
    let headers = [("authorization", authorization.as_str()), ("last-event-id", last)];
    let headers = &headers[..if last.is_empty() { 1 } else { 2 }];
    let mut stream = EventStream::open_with(address, &format!("{HUB}?match=*"), headers).await;
    assert_eq!(stream.event().await.name, "ready");
    stream
}

/// The next update about a subscription to something else than everything.
async fn said(watcher: &mut EventStream) -> (Value, String) {
    loop {
        let event = watcher.update().await;
        assert_eq!(event.name, "mercure");
        let document: Value = serde_json::from_str(&event.data).unwrap();
        if document["match"] != "*" {
            return (document, event.id);
        }
    }
}

/// All that was ever said of subscriptions to `topic`: whether it began.
pub(super) async fn history(address: SocketAddr, topic: &str) -> Vec<bool> {
    Publisher::new(address).await.publish("end", "end").await;
    let mut stream = watch(address, "earliest").await;
    let mut said = Vec::new();
    loop {
        let event = stream.event().await;
        if event.data == "end" {
            return said;
        }
        let document: Value = serde_json::from_str(&event.data).unwrap_or_default();
        if document["match"] == topic {
            said.push(document["active"].as_bool().unwrap());
        }
    }
}

/// The subscriptions that are there, apart from those to everything.
async fn listed(address: SocketAddr) -> Vec<Value> {
    let reply = ask(address, ALL, &["*"], &[]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let document: Value = serde_json::from_str(&reply.body).unwrap();
    let mut all = document["subscriptions"].as_array().unwrap().clone();
    all.retain(|subscription| subscription["match"] != "*");
    all
}

/// Waits until so many are there.
pub(super) async fn are_listed(address: SocketAddr, count: usize) -> Vec<Value> {
    within(format!("{count} subscriptions"), async {
        loop {
            let all = listed(address).await;
            if all.len() == count {
                return all;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

pub(super) async fn an_update_says_who_subscribes_and_who_leaves(log: Log) {
    let server = setup(&log).start().await;
    let mut watcher = watch(server.address(), "").await;
    let mut stranger = follow(server.address(), "*", "").await;
    let stream = follow(server.address(), "https://example.com/a%20b&match=b", "").await;
    let (first, id) = said(&mut watcher).await;
    let (second, _) = said(&mut watcher).await;
    let subscriber = first["subscriber"].as_str().unwrap();
    assert!(subscriber.starts_with("urn:uuid:") && subscriber.len() == 45, "{subscriber}");
    assert!(id.starts_with('#'));
    let encoded = subscriber.replace(':', "%3A");
    let expected = json!({
        "id": format!("{ALL}/exact/https%3A%2F%2Fexample.com%2Fa%20b/{encoded}"),
        "type": "subscription",
        "match_type": "exact",
        "match": "https://example.com/a b",
        "subscriber": subscriber,
        "active": true,
    });
    let topics = [first["match"].as_str().unwrap(), second["match"].as_str().unwrap()];
    assert!(topics.contains(&"b"), "{topics:?}");
    let (of_url, of_b) = if topics[1] == "b" { (&first, &second) } else { (&second, &first) };
    assert_eq!((of_url, &of_b["subscriber"]), (&expected, &first["subscriber"]));
    drop(stream);
    for _ in 0..2 {
        let (ended, _) = said(&mut watcher).await;
        assert_eq!((&ended["active"], &ended["subscriber"]), (&json!(false), &first["subscriber"]));
    }
    Publisher::new(server.address()).await.publish("c", "public").await;
    assert_eq!(stranger.update().await.data, "public", "what is said is private");
}

pub(super) async fn one_subscription_is_followed_by_its_topic(log: Log) {
    let server = setup(&log).start().await;
    let stream = follow(server.address(), "a", "").await;
    let listed = are_listed(server.address(), 1).await;
    let topic = listed[0]["id"].as_str().unwrap();
    let authorization = format!("Bearer {}", token(&[], &[topic]));
    let path = format!("{HUB}?match={}", topic.replace('%', "%25"));
    let headers = [("authorization", authorization.as_str())];
    let mut watcher = EventStream::open_with(server.address(), &path, &headers).await;
    assert_eq!(watcher.event().await.name, "ready");
    drop(stream);
    let (document, _) = said(&mut watcher).await;
    assert_eq!((&document["id"], &document["active"]), (&listed[0]["id"], &json!(false)));
}

pub(super) async fn the_api_lists_who_follows_what(log: Log) {
    let server = setup(&log).start().await;
    let address = server.address();
    let reply = ask(address, ALL, &["*"], &[]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&reply.body).unwrap(),
        json!({"id": ALL, "type": "subscriptions", "subscriptions": []})
    );
    assert!(reply.header("link").contains(r#"last-event-id="earliest""#), "{}", reply.header("link"));
    let _streams = [follow(address, "a", "").await, follow(address, "a&match=b%2Fc", "").await];
    are_listed(address, 3).await;
    let of_a = ask(address, &format!("{ALL}/exact/a"), &["*"], &[]).await;
    let document: Value = serde_json::from_str(&of_a.body).unwrap();
    assert_eq!(
        (&document["id"], document["subscriptions"].as_array().unwrap().len()),
        (&json!(format!("{ALL}/exact/a")), 2)
    );
    let of_b = ask(address, &format!("{ALL}/exact/b%2fc"), &["*"], &[]).await;
    let document: Value = serde_json::from_str(&of_b.body).unwrap();
    let one = &document["subscriptions"][0];
    let single = ask(address, one["id"].as_str().unwrap(), &["*"], &[]).await;
    assert_eq!(&serde_json::from_str::<Value>(&single.body).unwrap(), one);
    assert_eq!(single.header("content-type"), "application/json");
    assert_eq!(single.header("cache-control"), "private, must-revalidate");
    let tag = single.header("etag");
    let id = tag.trim_matches('"');
    let link =
        format!(r#"<{HUB}>; rel="mercure"; last-event-id="{id}"; type="mercure"; content-type="application/json""#);
    assert_eq!(single.header("link"), link);
    assert!(id.starts_with('#'), "{id}");
    let known = ask(address, ALL, &["*"], &[("if-none-match", tag)]).await;
    assert_eq!((known.status, known.body.as_str(), known.header("etag")), (StatusCode::NOT_MODIFIED, "", tag));
    // What came after the list is in the stream.
    let more = follow(address, "d", "").await;
    let mut watcher = watch(address, id).await;
    assert_eq!(said(&mut watcher).await.0["match"], "d");
    let changed = ask(address, ALL, &["*"], &[("if-none-match", tag)]).await;
    assert_eq!(changed.status, StatusCode::OK);
    drop(more);
}

pub(super) async fn the_api_is_for_who_may_subscribe_to_it(log: Log) {
    let server = setup(&log).variable("cors_origins", "https://page.example").start().await;
    let address = server.address();
    let of_a = format!("{ALL}/exact/a");
    let page = [("origin", "https://page.example")];
    let none = fetch_with(address, Method::GET, ALL, &page, "").await;
    assert_eq!((none.status, none.header("www-authenticate").starts_with("Bearer")), (StatusCode::UNAUTHORIZED, true));
    assert!(none.header("access-control-expose-headers").contains("link"));
    for (path, grant, status) in [
        (ALL, &["a", &of_a][..], 403),
        (&of_a, &[ALL], 403),
        (&of_a, &[&of_a], 200),
        (ALL, &[ALL], 200),
        (&format!("{ALL}/exact/a/urn%3Auuid%3A1"), &["*"], 404),
        (&format!("{ALL}/exact"), &["*"], 404),
    ] {
        let reply = ask(address, path, grant, &page).await;
        assert_eq!(reply.status, status, "{path} {grant:?}: {}", reply.body);
    }
    let reply = fetch_with(address, Method::POST, ALL, &[], "").await;
    assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS"));
    let authorization = format!("Bearer {}", token(&[], &["*"]));
    let reply = fetch_with(address, Method::HEAD, ALL, &[("authorization", &authorization)], "").await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, ""));
}

pub(super) async fn a_client_that_comes_back_after_a_rotation_is_the_same_subscriber(log: Log) {
    let server = setup(&log).variable("stream_seconds", 1).reuse(3).start().await;
    let address = server.address();
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(tokio::spawn(async move {
            let client = Follower::new(address, "demo", "").pausing(Duration::from_millis(200));
            client.up_to("last").await
        }));
    }
    are_listed(address, 6).await;
    sleep(Duration::from_secs(6)).await;
    let subscribers = listed(address).await;
    Publisher::new(address).await.publish("demo", "last").await;
    for client in clients {
        let client = client.await.unwrap();
        assert!(client.connections > 3 && client.gaps == 0, "{} {}", client.connections, client.gaps);
    }
    assert_eq!(subscribers.len(), 6);
    are_listed(address, 0).await;
    let said = history(address, "demo").await;
    assert_eq!(said.iter().filter(|active| **active).count(), 6, "{said:?}");
    assert_eq!(said.len(), 12);
}

pub(super) async fn many_that_come_at_once_are_all_there_once(log: Log) {
    let server = setup(&log).variable("gather", false).reuse(40).start().await;
    let address = server.address();
    // The dev host of the tests is not optimised: instances for 300 take it longer than a test waits for anything.
    let many = if std::env::var_os("SPIN_BIN").is_some() { 300 } else { 120 };
    let opening = (0..many).map(|number| async move { follow(address, &format!("topic{}", number % 7), "").await });
    let streams = opening.collect::<JoinSet<_>>().join_all().await;
    let all = are_listed(address, many).await;
    let mut subscribers: Vec<_> = all.iter().map(|one| one["subscriber"].to_string()).collect();
    subscribers.sort();
    subscribers.dedup();
    assert_eq!(subscribers.len(), many);
    drop(streams);
    are_listed(address, 0).await;
    for topic in 0..7 {
        let said = history(address, &format!("topic{topic}")).await;
        let begun = said.iter().filter(|active| **active).count();
        assert_eq!(said.len(), 2 * begun, "{said:?}");
    }
}

pub(super) async fn what_a_host_had_that_died_ends_once(log: Log) {
    let start = || setup(&log).reuse(1).process().start();
    let server = start().await;
    let streams = [follow(server.address(), "a", "").await, follow(server.address(), "a", "").await];
    are_listed(server.address(), 2).await;
    server.stop().await;
    drop(streams);
    log.expire_subscriptions();
    let server = start().await;
    // Each in an instance of its own, which all notice.
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(follow(server.address(), "b", "").await);
    }
    are_listed(server.address(), 5).await;
    assert_eq!(history(server.address(), "a").await, [true, true, false, false]);
    assert_eq!(history(server.address(), "b").await, [true; 5]);
}

pub(super) async fn nothing_is_said_or_kept_unless_it_is_asked_for(log: Log) {
    let server = log.hub().start().await;
    let stream = follow(server.address(), "a", "").await;
    assert_eq!(ask(server.address(), ALL, &["*"], &[]).await.status, StatusCode::NOT_FOUND);
    sleep(Duration::from_millis(300)).await;
    drop(stream);
    sleep(Duration::from_millis(300)).await;
    assert_eq!(history(server.address(), "a").await, [false; 0]);
    assert_eq!(log.subscriptions(), 0);
    let stream = follow(server.address(), "a", "").await;
    assert!(stream.last_event_id().ends_with("-1"), "only what was published is in the log");
}
