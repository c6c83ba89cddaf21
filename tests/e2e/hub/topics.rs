//! Many topics: each subscriber has exactly what it follows, whether or not instances are woken.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::follower::{Dice, Follower, check_numbers};
use crate::support::hub::{Publisher, hub_with_key};
use crate::support::log::Log;
use crate::support::within;

const TOPICS: usize = 60;
const SUBSCRIBERS: usize = 40;
/// Those that come while others publish, without a last event id.
const LATE: usize = 10;
const PUBLISHERS: usize = 4;
/// How many updates each publisher publishes.
const EACH: usize = 80;

/// So many topics, the same step apart for updates and subscribers: they often have several in common.
fn topics(first: usize, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("topic-{}", (first + n * 13) % TOPICS)).collect()
}

/// What a subscriber follows.
fn followed(subscriber: usize) -> Vec<String> {
    if subscriber.is_multiple_of(10) { vec!["*".to_owned()] } else { topics(subscriber * 7, 1 + subscriber % 4) }
}

async fn follow(address: SocketAddr, subscriber: usize) -> Follower {
    let follower = Follower::of(address, &followed(subscriber), "earliest");
    match subscriber.is_multiple_of(3) {
        true => follower.up_to("end").await,
        false => follower.with_cuts_at_any_moment("end", subscriber as u64).await,
    }
}

async fn follow_late(address: SocketAddr, subscriber: usize) -> Follower {
    tokio::time::sleep(Duration::from_millis(50 * subscriber as u64)).await;
    Follower::of(address, &followed(subscriber), "").up_to("end").await
}

/// Returns the topics of each update.
async fn publish(address: SocketAddr, publisher: usize) -> Vec<(String, Vec<String>)> {
    let mut connection = Publisher::new(address).await;
    let mut dice = Dice(publisher as u64);
    let mut draw = |bound: usize| dice.below(bound as u64) as usize;
    let mut published = Vec::new();
    for n in 0..EACH {
        let several = if n % 3 == 0 { 1 + draw(4) } else { 1 };
        let (topics, data) = (topics(draw(TOPICS), several), format!("{publisher}-{n}"));
        connection.publish_on(&topics, &data).await;
        published.push((data, topics));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    published
}

/// Publishes, and checks what every subscriber has of it.
async fn check_delivery(address: SocketAddr) {
    let mut followers = JoinSet::new();
    for subscriber in 0..SUBSCRIBERS {
        followers.spawn(async move { (subscriber, true, follow(address, subscriber).await) });
    }
    for subscriber in 0..LATE {
        followers.spawn(async move { (subscriber, false, follow_late(address, subscriber).await) });
    }
    let publishers: JoinSet<_> = (0..PUBLISHERS).map(|publisher| publish(address, publisher)).collect();
    let published = within("the publishers", publishers.join_all()).await;
    let mut published: HashMap<_, _> = published.into_iter().flatten().collect();
    let all = topics(0, TOPICS);
    Publisher::new(address).await.publish_on(&all, "end").await;
    published.insert("end".to_owned(), all);
    let followers = within("the subscribers", followers.join_all()).await;
    let (_, _, first) = followers.iter().find(|(subscriber, whole, _)| *subscriber == 0 && *whole).unwrap();
    let order = first.data();
    assert_eq!(order.len(), published.len());
    for publisher in 0..PUBLISHERS {
        let prefix = format!("{publisher}-");
        let own: Vec<_> = order.iter().filter_map(|data| data.strip_prefix(&prefix)).collect();
        check_numbers(&own, EACH);
    }
    for (subscriber, whole, follower) in &followers {
        let own = followed(*subscriber);
        let hears = |data: &&&str| own[0] == "*" || published[**data].iter().any(|topic| own.contains(topic));
        let mut expected: Vec<_> = order.iter().filter(hears).copied().collect();
        let received = follower.data();
        if !whole {
            // From its beginning on.
            expected.drain(..expected.len().saturating_sub(received.len()));
        }
        assert_eq!(received, expected, "{subscriber}, which follows {own:?}");
        assert_eq!(follower.gaps, 0, "{subscriber}");
    }
    let cuts = followers.iter().map(|(_, _, follower)| follower.connections - 1).sum::<usize>();
    assert!(cuts > SUBSCRIBERS / 2, "{cuts}");
}

pub(super) async fn each_subscriber_receives_exactly_what_it_follows(log: Log) {
    let server = log.hub().reuse(8).start().await;
    check_delivery(server.address()).await;
}

pub(super) async fn wakeups_that_are_lost_cost_no_update(log: Log) {
    let server = log.hub().reuse(8).start().await;
    let forgotten = Cell::new(0);
    tokio::select! {
        () = check_delivery(server.address()) => {}
        never = log.forget_listeners(|count| forgotten.set(forgotten.get() + count)) => match never {},
    }
    assert!(forgotten.get() > SUBSCRIBERS / 8, "nobody was to be woken: {forgotten:?}");
}

#[tokio::test]
async fn instances_that_cannot_wake_each_other_say_so_and_lose_nothing() {
    let server = hub_with_key().without_udp().reuse(8).start().await;
    check_delivery(server.address()).await;
    server.logged("hub: instances cannot wake each other", 1).await;
    let lines = server.lines();
    let said = lines.iter().find(|line| line.contains("hub: instances cannot wake each other")).unwrap();
    assert!(said.ends_with("allowed_outbound_hosts needs \"udp://127.0.0.1:*\""), "{said}");
}
