//! What subscribers are told of others, by whom they may be followed, and what a host that dies leaves.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use test_redis::Redis;

use super::subscriptions::{ALL, are_listed, history, setup};
use crate::support::client::{EventStream, Item, fetch_with};
use crate::support::hub::{HUB, Publisher, follow, token_with};
use crate::support::log::{Log, hub_on};
use crate::support::within_time;

/// The lease of a host that died, and the pause until another one looks, twice: the machine may be busy.
const TIME: Duration = Duration::from_secs(60);

/// A stream with a token that has these claims.
async fn open(address: SocketAddr, query: &str, claims: &str) -> EventStream {
    let authorization = format!("Bearer {}", token_with(claims));
    let headers = [("authorization", authorization.as_str())];
    let mut stream = EventStream::open_with(address, &format!("{HUB}?{query}"), &headers).await;
    assert_eq!(stream.event().await.name, "ready");
    stream
}

/// What is said next of a subscription to `a`.
async fn said_of_a(watcher: &mut EventStream) -> Value {
    said(watcher, |document| document["match"] == "a").await
}

/// What is said next of a subscription to something else than everything.
async fn said_of_others(watcher: &mut EventStream) -> Value {
    said(watcher, |document| document["match"].is_string() && document["match"] != "*").await
}

/// What is said next of a subscription that is `wanted`.
async fn said(watcher: &mut EventStream, wanted: impl Fn(&Value) -> bool) -> Value {
    within_time(TIME, "what is said of a subscription", async {
        loop {
            let document: Value = match watcher.wait().await {
                Item::Event(event) => serde_json::from_str(&event.data).unwrap_or_default(),
                Item::Retry(_) => continue,
                ended => panic!("the stream ended: {ended:?}"),
            };
            if wanted(&document) {
                return document;
            }
        }
    })
    .await
}

pub(super) async fn a_payload_of_the_token_is_in_what_is_said_and_listed(log: Log) {
    let server = setup(&log).start().await;
    let mut watcher = open(server.address(), "match=*", r#"{"mercure":{"subscribe":["*"]}}"#).await;
    let claims = r#"{"mercure":{"subscribe":["b"],"payload":{"name":"Ann","tags":["<b>",null]}}}"#;
    let stream = open(server.address(), "match=a", claims).await;
    let payload = json!({"name": "Ann", "tags": ["<b>", null]});
    assert_eq!(said_of_a(&mut watcher).await["payload"], payload);
    assert_eq!(are_listed(server.address(), 1).await[0]["payload"], payload);
    drop(stream);
    let ended = said_of_a(&mut watcher).await;
    assert_eq!((&ended["payload"], &ended["active"]), (&payload, &json!(false)));
}

pub(super) async fn a_pattern_of_the_topics_follows_all_subscriptions(log: Log) {
    let server = setup(&log).start().await;
    let pattern = format!("{ALL}/:match_type/:match/:subscriber");
    let grant = json!({"mercure": {"subscribe": [{"match": pattern, "match_type": "urlpattern"}]}}).to_string();
    let query = format!("match_urlpattern={pattern}");
    let mut watcher = open(server.address(), &query, &grant).await;
    let mut stranger = open(server.address(), &format!("{query}&match=c"), r#"{"mercure":{"subscribe":["b"]}}"#).await;
    let stream = follow(server.address(), "a", "").await;
    assert_eq!(said_of_a(&mut watcher).await["active"], json!(true));
    drop(stream);
    assert_eq!(said_of_a(&mut watcher).await["active"], json!(false));
    Publisher::new(server.address()).await.publish("c", "public").await;
    assert_eq!(stranger.update().await.data, "public", "a pattern alone shows nothing private");
}

pub(super) async fn what_a_component_lets_its_clients_follow_is_a_subscription_while_they_are_there(log: Log) {
    let setup = log.component().variable("subscriptions", true).variable("hub_url", "https://hub.example/hub");
    let server = setup.start().await;
    let authorization = format!("Bearer {}", token_with(r#"{"mercure":{"subscribe":["*"]}}"#));
    let headers = [("authorization", authorization.as_str())];
    let mut watcher = EventStream::open_with(server.address(), "/hub?match=*", &headers).await;
    assert_eq!(watcher.event().await.name, "ready");
    // The component decides, and not what the client asks for.
    let stream = EventStream::open(server.address(), "/follow/a,b/books?match=c&match=*").await;
    let begun =
        [said_of_others(&mut watcher).await, said_of_others(&mut watcher).await, said_of_others(&mut watcher).await];
    let mut followed: Vec<_> = begun.iter().map(|said| format!("{} {}", said["match_type"], said["match"])).collect();
    followed.sort();
    assert_eq!(followed, [r#""exact" "a""#, r#""exact" "b""#, r#""urlpattern" "/books/:id""#]);
    for said in &begun {
        let path = said["id"].as_str().unwrap();
        assert!(path.starts_with("/hub/subscriptions/") && said["subscriber"] == begun[0]["subscriber"], "{said}");
        let reply = fetch_with(server.address(), Method::GET, path, &headers, "").await;
        assert_eq!(&serde_json::from_str::<Value>(&reply.body).unwrap(), said);
        assert_eq!((&said["active"], said.get("payload")), (&json!(true), None));
    }
    drop(stream);
    for _ in 0..3 {
        let ended = said_of_others(&mut watcher).await;
        assert_eq!(ended["active"], json!(false));
        assert!(begun.iter().any(|said| said["id"] == ended["id"]), "{ended}");
    }
    assert_eq!(
        fetch_with(server.address(), Method::GET, begun[0]["id"].as_str().unwrap(), &headers, "").await.status,
        404
    );
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn what_a_killed_machine_had_is_ended_once_by_another() {
    let redis = Redis::start();
    let hub = || hub_on(&redis).variable("subscriptions", true).process();
    let (first, second) = (hub().start().await, hub().start().await);
    let mut watcher = open(second.address(), "match=*", r#"{"mercure":{"subscribe":["*"]}}"#).await;
    let streams = [follow(first.address(), "a", "").await, follow(first.address(), "a", "").await];
    let stays = follow(second.address(), "a", "").await;
    for _ in 0..3 {
        assert_eq!(said_of_a(&mut watcher).await["active"], json!(true));
    }
    first.stop().await;
    drop(streams);
    for _ in 0..2 {
        assert_eq!(said_of_a(&mut watcher).await["active"], json!(false));
    }
    assert_eq!(history(second.address(), "a").await, [true, true, true, false, false]);
    drop(stays);
}
