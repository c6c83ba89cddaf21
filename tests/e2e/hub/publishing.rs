//! Many publishers, batches, and what they are answered.

use hyper::{Method, StatusCode};
use tokio::task::JoinSet;

use crate::support::client::fetch_with;
use crate::support::follower::{Follower, check_numbers, numbers};
use crate::support::hub::{FORM, HUB, Publisher, hub_with_key, token};
use crate::support::log::Log;
use crate::support::within;

pub(super) async fn ten_publishers_at_once_make_one_order_for_all(log: Log) {
    const EACH: usize = 60;
    let server = log.hub().reuse(4).start().await;
    let mut followers = JoinSet::new();
    for _ in 0..6 {
        let mut follower = Follower::new(server.address(), "*", "earliest");
        followers.spawn(async move {
            follower.until(10 * EACH).await;
            follower
        });
    }
    let mut publishers = JoinSet::new();
    for publisher in 0..10 {
        let address = server.address();
        publishers.spawn(async move {
            let mut connection = Publisher::new(address).await;
            for n in 0..EACH {
                connection.publish(&format!("topic-{publisher}"), &format!("{publisher}-{n}")).await;
            }
        });
    }
    while let Some(publisher) = within("a publisher", publishers.join_next()).await {
        publisher.unwrap();
    }
    let mut orders = Vec::new();
    while let Some(follower) = within("a follower", followers.join_next()).await {
        orders.push(follower.unwrap().updates);
    }
    assert!(orders.iter().all(|order| *order == orders[0]), "all subscribers see one order");
    for publisher in 0..10 {
        let prefix = format!("{publisher}-");
        let own: Vec<_> = orders[0].iter().filter_map(|event| event.data.strip_prefix(&prefix)).collect();
        check_numbers(&own, EACH);
    }
}

pub(super) async fn publications_that_are_under_way_together_all_get_their_own_id(log: Log) {
    let server = log.hub().start().await;
    let mut publishers = JoinSet::new();
    for n in 0..40 {
        let address = server.address();
        publishers.spawn(async move {
            let mut publisher = Publisher::new(address).await;
            let mut ids = publisher.publish_all("demo", [format!("{n}-0"), format!("{n}-1")]).await;
            ids.push(publisher.publish("demo", &format!("{n}-2")).await);
            (n, ids)
        });
    }
    let mut given = Vec::new();
    while let Some(ids) = within("a publisher", publishers.join_next()).await {
        let (n, ids) = ids.unwrap();
        given.extend(ids.into_iter().zip(0..).map(|(id, part)| (id, format!("{n}-{part}"))));
    }
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    follower.until(120).await;
    let mut received: Vec<_> = follower.updates.into_iter().map(|event| (event.id, event.data)).collect();
    received.sort();
    given.sort();
    assert_eq!(received, given);
}

pub(super) async fn a_batch_is_one_and_is_answered_with_an_id_a_line(log: Log) {
    let server = log.hub().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let ids = publisher.publish_all("demo", numbers(0, 300)).await;
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    follower.until(300).await;
    check_numbers(&follower.data(), 300);
    let received: Vec<_> = follower.updates.iter().map(|event| event.id.clone()).collect();
    assert_eq!(received, ids);
    let batch = "{\"topic\":\"demo\",\"data\":\"good\"}\n{\"topic\":\"*\"}\n";
    let reply = publisher.send("application/x-ndjson", batch).await.unwrap();
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let sentence = "line 2: topic is *, which stands for every topic: publish to a topic by its name\n";
    assert_eq!(reply.body, sentence);
    publisher.publish("demo", "300").await;
    assert_eq!(follower.next().await.data, "300", "nothing of a refused batch is published");
}

#[tokio::test]
async fn an_answer_without_a_body_has_the_id_in_a_header() {
    let server = hub_with_key().start().await;
    let authorization = format!("Bearer {}", token(&["demo"], &[]));
    let headers = [("authorization", authorization.as_str()), ("content-type", FORM), ("prefer", "return=minimal")];
    let reply = fetch_with(server.address(), Method::POST, HUB, &headers, "topic=demo&data=x").await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert!(reply.header("mercure-id").starts_with('#'));
    assert_eq!(reply.header("preference-applied"), "return=minimal");
}
