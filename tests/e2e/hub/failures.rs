//! Hosts and logs that fail.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use hyper::StatusCode;
use tokio::task::JoinSet;

use super::many_topics::{all_topics, all_up_to, check, drawn, subscribers};
use crate::support::client::{EventStream, Item};
use crate::support::follower::{Dice, numbers};
use crate::support::hub::{HUB, Publisher, follow, hub_with_key};
use crate::support::log::Log;
use crate::support::within;

const SUBSCRIBERS: usize = 24;
const PUBLISHERS: usize = 3;

/// What a publisher published, until its host was killed: the topics of each update. The last one was not answered.
async fn publish_until_killed(address: SocketAddr, name: String, seed: u64) -> Vec<(String, Vec<String>)> {
    let mut publisher = Publisher::new(address).await;
    let mut dice = Dice(seed);
    let mut published = Vec::new();
    for n in 0.. {
        let (topics, data) = (drawn(&mut dice, n), format!("{name}-{n}"));
        let reply = publisher.try_publish(&topics.join("&topic="), &data).await;
        published.push((data, topics));
        if reply.is_none_or(|reply| reply.status != StatusCode::OK) {
            break;
        }
    }
    published
}

pub(super) async fn a_killed_host_loses_nothing_that_it_answered_and_doubles_nothing(log: Log) {
    let start = || log.hub().reuse(8).process().start();
    let mut server = start().await;
    let mut subscribers = subscribers(server.address(), SUBSCRIBERS);
    let mut published = Vec::new();
    for round in 0..3 {
        let address = server.address();
        let publishers: JoinSet<_> = (0..PUBLISHERS)
            .map(|publisher| {
                publish_until_killed(address, format!("{round}.{publisher}"), (round * 8 + publisher) as u64)
            })
            .collect();
        // Whoever follows several topics has some by then.
        subscribers = all_up_to(subscribers, format!("{round}.")).await;
        subscribers[0].follower.until(published.iter().map(Vec::len).sum::<usize>() + 60).await;
        // In the middle of publishing and of following.
        server.stop().await;
        published.extend(within("the publishers to notice", publishers.join_all()).await);
        server = start().await;
        subscribers.iter_mut().for_each(|subscriber| subscriber.follower.moves_to(server.address()));
    }
    Publisher::new(server.address()).await.publish_on(&all_topics(), "end").await;
    let subscribers = all_up_to(subscribers, "end".to_owned()).await;
    let topics = published.iter().flatten().cloned().chain([("end".to_owned(), all_topics())]).collect();
    let order = check(&subscribers, &topics);
    assert_eq!(order.iter().collect::<HashSet<_>>().len(), order.len(), "an update is doubled");
    for own in published {
        let prefix = own[0].0.strip_suffix('0').unwrap();
        let received: Vec<_> = order.iter().filter(|data| data.starts_with(prefix)).collect();
        // An update whose answer was lost may have been stored.
        let answered = own.len() - 1;
        assert!(received.len() == answered || received.len() == own.len(), "{} of {answered}", received.len());
        assert!(
            received.iter().zip(&own).all(|(received, (data, _))| **received == data),
            "out of order: {received:?}"
        );
    }
}

pub(super) async fn a_log_that_fails_ends_no_stream_of_many_topics_and_loses_nothing(mut log: Log) {
    let server = log.hub().reuse(8).start().await;
    let mut subscribers = subscribers(server.address(), SUBSCRIBERS);
    let mut publisher = Publisher::new(server.address()).await;
    let mut dice = Dice(1);
    let mut published: HashMap<_, _> = [("0", all_topics()), ("refused", vec!["demo".to_owned()])]
        .map(|(data, topics)| (data.to_owned(), topics))
        .into();
    publisher.publish_on(&all_topics(), "0").await;
    for failure in 1..3 {
        subscribers = all_up_to(subscribers, (failure - 1).to_string()).await;
        log.fail();
        publisher.is_told_to_wait().await;
        server.logged("hub: the log cannot be read: ", failure).await;
        log.mend();
        for n in 0..40 {
            let (topics, data) = (drawn(&mut dice, n), format!("after {failure}: {n}").replace(' ', "_"));
            publisher.publish_as_told(&topics.join("&topic="), &data).await;
            published.insert(data, topics);
        }
        publisher.publish_as_told(&all_topics().join("&topic="), &failure.to_string()).await;
        published.insert(failure.to_string(), all_topics());
    }
    let subscribers = all_up_to(subscribers, "2".to_owned()).await;
    let order = check(&subscribers, &published);
    assert_eq!(order.len() + 1, published.len(), "what was refused was not stored");
    let connections: Vec<_> = subscribers.iter().map(|subscriber| subscriber.follower.connections).collect();
    assert_eq!(connections, [1; SUBSCRIBERS], "no stream has ended");
}

pub(super) async fn a_log_that_fails_ends_no_stream_and_loses_nothing(mut log: Log) {
    let server = log.hub().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut stream = follow(server.address(), "demo", "").await;
    publisher.publish("demo", "0").await;
    assert_eq!(stream.event().await.data, "0");
    log.fail();
    server.logged("hub: the log cannot be read: ", 1).await;
    for _ in 0..2 {
        let sentence = publisher.is_told_to_wait().await;
        assert!(sentence.ends_with(", publish again later\n"), "{sentence}");
    }
    let path = format!("{HUB}?match=demo&last_event_id=earliest");
    let mut refused = EventStream::open(server.address(), &path).await;
    assert_eq!(refused.status, StatusCode::OK, "an error would make EventSource stop for good");
    assert!(matches!(refused.item().await, Item::Retry(_)));
    assert_eq!(refused.item().await, Item::End);
    log.mend();
    server.logged("hub: the log can be read again", 1).await;
    publisher.publish("demo", "1").await;
    assert_eq!(stream.event().await.data, "1");
    server.logged("hub: the log can be written again", 1).await;
    for once in [
        "streams stay open and go on when it is back",
        "can be read again",
        "publishers are told to wait",
        "can be written again",
    ] {
        let said = server.lines().iter().filter(|line| line.contains(once)).count();
        assert_eq!(said, 1, "{once}: {:?}", server.lines());
    }
}

#[tokio::test]
async fn a_log_that_is_replaced_under_a_running_hub_is_a_gap_for_those_who_knew_the_old_one() {
    let state = tempfile::tempdir().unwrap();
    // Polled so seldom that who comes knows the new log before the tail does.
    let server = hub_with_key().state(state.path()).variable("poll_ms", 3_000).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish_all("demo", numbers(0, 5)).await;
    let mut old = follow(server.address(), "demo", "").await;
    let database = rusqlite::Connection::open(state.path().join("sqlite_db.db")).unwrap();
    assert_eq!(database.execute("UPDATE hub SET epoch = 'eeee'", []).unwrap(), 1);
    let mut new = follow(server.address(), "demo", "#eeee-3").await;
    assert_eq!(new.event().await.data, "3");
    assert_eq!(new.event().await.data, "4");
    assert_eq!(old.event().await.name, "gap");
    for n in 0..5 {
        assert_eq!(old.event().await.data, n.to_string());
    }
}
