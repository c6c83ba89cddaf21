//! Many topics: each subscriber has exactly what it follows, whether or not instances are woken.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

use super::many_topics::{Subscriber, all_topics, check, drawn};
use crate::support::follower::{Dice, check_numbers};
use crate::support::hub::{Publisher, hub_with_key};
use crate::support::log::Log;
use crate::support::within;

const SUBSCRIBERS: usize = 40;
/// Those that come while others publish, without a last event id.
const LATE: usize = 10;
const PUBLISHERS: usize = 4;
/// How many updates each publisher publishes.
const EACH: usize = 80;

async fn follow(address: SocketAddr, number: usize) -> Subscriber {
    let mut subscriber = Subscriber::from_start(address, number);
    if number.is_multiple_of(3) {
        return subscriber.up_to("end").await;
    }
    subscriber.follower = subscriber.follower.with_cuts_at_any_moment("end", number as u64).await;
    subscriber
}

async fn follow_late(address: SocketAddr, number: usize) -> Subscriber {
    tokio::time::sleep(Duration::from_millis(50 * number as u64)).await;
    Subscriber::from_now(address, number).up_to("end").await
}

/// Returns the topics of each update.
async fn publish(address: SocketAddr, publisher: usize) -> Vec<(String, Vec<String>)> {
    let mut connection = Publisher::new(address).await;
    let mut dice = Dice(publisher as u64);
    let mut published = Vec::new();
    for n in 0..EACH {
        let (topics, data) = (drawn(&mut dice, n), format!("{publisher}-{n}"));
        connection.publish_on(&topics, &data).await;
        published.push((data, topics));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    published
}

/// Publishes, and checks what every subscriber has of it.
async fn check_delivery(address: SocketAddr) {
    let mut subscribers = JoinSet::new();
    for number in 0..SUBSCRIBERS {
        subscribers.spawn(follow(address, number));
    }
    for number in 0..LATE {
        subscribers.spawn(follow_late(address, number));
    }
    let publishers: JoinSet<_> = (0..PUBLISHERS).map(|publisher| publish(address, publisher)).collect();
    let published = within("the publishers", publishers.join_all()).await;
    let mut published: HashMap<_, _> = published.into_iter().flatten().collect();
    Publisher::new(address).await.publish_on(&all_topics(), "end").await;
    published.insert("end".to_owned(), all_topics());
    let subscribers = within("the subscribers", subscribers.join_all()).await;
    let order = check(&subscribers, &published);
    assert_eq!(order.len(), published.len());
    for publisher in 0..PUBLISHERS {
        let prefix = format!("{publisher}-");
        let own: Vec<_> = order.iter().filter_map(|data| data.strip_prefix(&prefix)).collect();
        check_numbers(&own, EACH);
    }
    let cuts = subscribers.iter().map(|subscriber| subscriber.follower.connections - 1).sum::<usize>();
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
