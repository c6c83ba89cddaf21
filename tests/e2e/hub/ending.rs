//! Topics that end: their streams end, and their clients are told to stop.

use hyper::StatusCode;
use tokio::task::JoinSet;

use crate::support::client::{EventStream, Item, Reply, fetch_with};
use crate::support::follower::{Follower, check_numbers, numbers};
use crate::support::hub::{HUB, Publisher, follow};
use crate::support::log::Log;
use crate::support::server::Server;
use crate::support::within;

/// Asks as a client does that comes back with an id, and is told to stop.
async fn is_told_to_stop(server: &Server, topics: &str, last: &str) {
    let path = format!("{HUB}?match={topics}");
    let headers = [("last-event-id", last), ("origin", "https://page.example")];
    let reply = fetch_with(server.address(), hyper::Method::GET, &path, &headers, "").await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::NO_CONTENT, ""), "{topics} after {last}");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("access-control-allow-origin"), "https://page.example");
}

#[track_caller]
fn is_refused(reply: &Reply, topic: &str) {
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            StatusCode::CONFLICT,
            format!("topic {topic:?} has ended: nothing was published, publish to another topic\n").as_str()
        )
    );
}

/// The data of the rest of a stream that ends.
async fn rest(mut stream: EventStream) -> (Vec<String>, String) {
    let (events, end) = stream.rest_of_updates().await;
    assert_eq!(end, Item::End);
    (events.into_iter().map(|event| event.data).collect(), stream.last_event_id().to_owned())
}

fn hub(log: &Log) -> crate::support::server::Setup {
    log.hub().variable("cors_origins", "https://page.example")
}

pub(super) async fn a_stream_ends_after_the_last_update_and_its_client_is_told_to_stop(log: Log) {
    let server = hub(&log).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let first = publisher.publish("demo", "0").await;
    let live = follow(server.address(), "demo", &first).await;
    publisher.publish("demo", "1").await;
    // One that only those may read who are granted it: the others learn where it was.
    let last = publisher.publish_with("demo", "2", "&last=true&private=on").await;
    assert_eq!(rest(live).await, (vec!["1".to_owned()], last.clone()));
    is_told_to_stop(&server, "demo", &last).await;
    let late = follow(server.address(), "demo", &first).await;
    assert_eq!(rest(late).await, (vec!["1".to_owned()], last.clone()));
    let early = follow(server.address(), "demo", "earliest").await;
    assert_eq!(rest(early).await, (vec!["0".to_owned(), "1".to_owned()], last.clone()));
    // It is answered before the history is asked, and told to stop when it comes back.
    let (events, place) = rest(follow(server.address(), "demo", "").await).await;
    assert_eq!(events, [""; 0]);
    is_told_to_stop(&server, "demo", &place).await;
    server.logged("hub: stream ended: its topics have ended", 4).await;
    is_refused(&publisher.try_publish("demo", "3").await.unwrap(), "demo");
}

pub(super) async fn a_stream_of_several_topics_ends_with_the_last_of_them(log: Log) {
    let server = hub(&log).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut both = follow(server.address(), "a&match=b", "").await;
    let mut all = follow(server.address(), "*", "").await;
    publisher.publish_with("a", "0", "&last").await;
    assert_eq!(both.event().await.data, "0");
    // One that comes now is told by a read, and not by an update, that one of its topics has ended.
    let mut late = follow(server.address(), "b&match=a", "").await;
    for body in ["topic=b&topic=a&data=x", "topic=a&data=x&last", "topic=c&topic=a&data=x"] {
        is_refused(&publisher.send(crate::support::hub::FORM, body).await.unwrap(), "a");
    }
    let lines = ["b", "a", "c"].map(|topic| format!(r#"{{"topic":"{topic}","data":"x"}}"#)).join("\n");
    is_refused(&publisher.send("application/x-ndjson", lines).await.unwrap(), "a");
    let lines = r#"{"topic":"d","last":true}"#.to_owned() + "\n" + r#"{"topic":["c","d"]}"#;
    is_refused(&publisher.send("application/x-ndjson", lines).await.unwrap(), "d");
    publisher.publish("b", "1").await;
    let last = publisher.publish_with("b", "2", "&topic=c&id=urn:end&last").await;
    assert_eq!(last, "urn:end");
    let (events, place) = rest(both).await;
    assert_eq!(events, ["1", "2"]);
    assert!(place.starts_with('#'), "the place is named by the hub: {place}");
    while late.event().await.data != "2" {}
    assert_eq!(rest(late).await.0, [""; 0]);
    is_told_to_stop(&server, "a&match=b&match=c", &place).await;
    is_told_to_stop(&server, "a&match=b", "urn:end").await;
    // Who follows more goes on.
    publisher.publish("d", "3").await;
    let mut more = follow(server.address(), "a&match=d", "earliest").await;
    for expected in ["0", "3"] {
        assert_eq!(more.event().await.data, expected);
    }
    for expected in ["0", "1", "2", "3"] {
        assert_eq!(all.event().await.data, expected);
    }
}

pub(super) async fn clients_that_are_cut_receive_all_of_a_topic_that_ends_and_stop(log: Log) {
    const UPDATES: usize = 300;
    let start = || hub(&log).reuse(4).variable("stream_seconds", 2).variable("retry_ms", 10).start();
    let server = start().await;
    let mut followers = JoinSet::new();
    for seed in 0..12 {
        let topics = ["demo", "demo&match=other"][seed as usize % 2];
        let mut follower = Follower::new(server.address(), topics, "earliest");
        followers.spawn(async move {
            follower.until_it_is_told_to_stop(seed).await;
            follower
        });
    }
    let mut publisher = Publisher::new(server.address()).await;
    for n in 0..UPDATES - 1 {
        publisher.publish("demo", &n.to_string()).await;
    }
    publisher.publish_with("other&topic=demo", &(UPDATES - 1).to_string(), "&last").await;
    while let Some(follower) = within("a client to stop", followers.join_next()).await {
        let follower = follower.unwrap();
        check_numbers(&follower.data(), UPDATES);
        assert_eq!(follower.gaps, 0);
    }
    server.stop().await;
    let server = start().await;
    let mut publisher = Publisher::new(server.address()).await;
    is_refused(&publisher.try_publish("other", "x").await.unwrap(), "other");
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    follower.until_it_is_told_to_stop(99).await;
    check_numbers(&follower.data(), UPDATES);
}

pub(super) async fn an_end_is_remembered_when_its_update_is_pruned(log: Log) {
    let server = hub(&log).variable("history_updates", 10).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let last = publisher.publish_with("demo", "0", "&last").await;
    publisher.publish_all("other", numbers(0, 300)).await;
    is_refused(&publisher.try_publish("demo", "1").await.unwrap(), "demo");
    is_told_to_stop(&server, "demo", &last).await;
    is_told_to_stop(&server, "demo", "earliest").await;
}

pub(super) async fn one_request_to_a_topic_that_has_ended_fails_no_other(log: Log) {
    let server = hub(&log).start().await;
    let names = ["has ended", "a\"b", "c\\d", "\u{e9}"];
    let mut publisher = Publisher::new(server.address()).await;
    for name in names {
        publisher.publish_with(&encoded(name), "0", "&last").await;
    }
    let mut publishers = JoinSet::new();
    for n in 0..60_usize {
        let address = server.address();
        publishers.spawn(async move {
            let mut publisher = Publisher::new(address).await;
            for m in 0..10 {
                if n % 3 == 0 {
                    let name = names[n % names.len()];
                    is_refused(&publisher.try_publish(&encoded(name), "x").await.unwrap(), name);
                } else if n % 3 == 1 {
                    publisher.publish_with(&format!("own-{n}-{m}"), "x", "&last=true").await;
                } else {
                    publisher.publish("demo", "x").await;
                }
            }
        });
    }
    while let Some(publisher) = within("a publisher", publishers.join_next()).await {
        publisher.unwrap();
    }
    let mut follower = Follower::new(server.address(), "*", "earliest");
    follower.until(names.len() + 400).await;
    assert_eq!(follower.gaps, 0);
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
