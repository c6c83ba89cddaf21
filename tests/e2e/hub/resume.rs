//! Coming back: after cuts, budgets and lost history.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::client::Item;
use crate::support::follower::{Follower, check_numbers, numbers};
use crate::support::hub::{Publisher, follow};
use crate::support::log::Log;
use crate::support::within;

pub(super) async fn a_subscriber_chooses_where_it_starts(log: Log) {
    let server = log.hub().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let first = publisher.publish("demo", "0").await;
    publisher.publish_with("demo", "1", "&id=urn:one").await;
    publisher.publish("demo", "2").await;
    for (last, expected) in [("earliest", "0"), (&*first, "1"), ("urn:one", "2")] {
        let mut stream = follow(server.address(), "demo", last).await;
        assert_eq!(stream.event().await.data, expected, "{last}");
        assert_eq!(stream.headers["mercure-last-event-id"], last);
    }
    let mut stream = follow(server.address(), "demo", "").await;
    assert!(!stream.headers.contains_key("mercure-last-event-id"));
    publisher.publish("demo", "3").await;
    let (events, mut received) = (["0", "1", "2", "3"], Vec::new());
    while received.last().is_none_or(|last| last != "3") {
        received.push(stream.event().await.data);
    }
    // It may get what was published a moment before it came.
    assert!(events.map(str::to_owned).ends_with(&received), "{received:?}");
}

pub(super) async fn a_subscriber_cut_at_random_receives_every_update_once_and_in_order(log: Log) {
    const UPDATES: usize = 1_000;
    let server = log.hub().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let last = (UPDATES - 1).to_string();
    let live = Follower::new(server.address(), "demo", "earliest");
    let live = tokio::spawn({
        let last = last.clone();
        async move { live.with_cuts(&last, 1).await }
    });
    for n in 0..UPDATES {
        publisher.publish("demo", &n.to_string()).await;
    }
    let live = within("the live subscriber", live).await.unwrap();
    check_numbers(&live.data(), UPDATES);
    let late = Follower::new(server.address(), "demo", "earliest");
    let late = within("the late subscriber", late.with_cuts(&last, 2)).await;
    check_numbers(&late.data(), UPDATES);
    assert!(late.connections > 20 && late.gaps + live.gaps == 0);
}

pub(super) async fn many_instances_and_rotations_lose_and_double_nothing(log: Log) {
    const UPDATES: usize = 600;
    let server = log.hub().reuse(8).variable("stream_seconds", 1).variable("retry_ms", 10).start().await;
    let mut followers = JoinSet::new();
    for seed in 0..12 {
        let follower = Follower::new(server.address(), "demo", "earliest");
        followers.spawn(async move { follower.with_cuts(&(UPDATES - 1).to_string(), seed).await });
    }
    for seed in 0..4 {
        let mut follower = Follower::new(server.address(), "demo", "earliest");
        followers.spawn(async move {
            // Cut by the hub alone.
            follower.until(UPDATES).await;
            assert!(follower.connections > 1, "streams of one second should have rotated, {seed}");
            follower
        });
    }
    let mut publisher = Publisher::new(server.address()).await;
    for n in 0..UPDATES {
        publisher.publish("demo", &n.to_string()).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    while let Some(follower) = within("a subscriber", followers.join_next()).await {
        let follower = follower.unwrap();
        check_numbers(&follower.data(), UPDATES);
        assert_eq!(follower.gaps, 0);
    }
}

pub(super) async fn a_byte_budget_rotates_without_loss(log: Log) {
    const UPDATES: usize = 200;
    let server = log.hub().variable("stream_bytes", 1_000).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish_all("demo", numbers(0, UPDATES)).await;
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    follower.until(UPDATES).await;
    check_numbers(&follower.data(), UPDATES);
    assert!(follower.connections > 4, "{}", follower.connections);
}

pub(super) async fn history_that_was_pruned_is_announced_as_a_gap(log: Log) {
    let server = log.hub().variable("history_updates", 20).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let ids = publisher.publish_all("demo", numbers(0, 100)).await;
    let mut follower = Follower::new(server.address(), "demo", &ids[9]);
    follower.until(20).await;
    assert_eq!((follower.gaps, follower.updates[0].data.as_str()), (1, "80"));
    // Once it has heard of the gap, there is none any more.
    follower.cut();
    publisher.publish("demo", "100").await;
    assert_eq!((follower.next().await.data.as_str(), follower.gaps), ("100", 1));
    let mut stream = follow(server.address(), "demo", &ids[9]).await;
    assert_eq!(stream.last_event_id(), ids[9], "a client cut before it hears of the gap is told again");
    let gap = stream.event().await;
    assert_eq!(gap.data, format!(r#"{{"lastEventId":"{}","oldest":"{}"}}"#, ids[9], ids[81]));
    assert_eq!(stream.headers["mercure-last-event-id"], "earliest");
}

pub(super) async fn ids_of_another_log_are_announced_as_a_gap(mut log: Log) {
    let server = log.hub().start().await;
    let old = Publisher::new(server.address()).await.publish_all("demo", numbers(0, 5)).await;
    server.stop().await;
    log.forget();
    let server = log.hub().start().await;
    let new = Publisher::new(server.address()).await.publish_all("demo", numbers(0, 9)).await;
    assert_ne!(old[0], new[0]);
    for last in [old[2].as_str(), "#0000-1", "urn:unknown", "#", "%00", "nonsense"] {
        let mut follower = Follower::new(server.address(), "demo", last);
        follower.until(9).await;
        check_numbers(&follower.data(), 9);
        assert_eq!(follower.gaps, 1, "{last}");
    }
}

pub(super) async fn a_quiet_topic_does_not_cost_a_subscriber_its_place(log: Log) {
    let server = log.hub().variable("history_updates", 150).variable("stream_seconds", 5).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut busy = Follower::new(server.address(), "busy", "earliest");
    let mut stream = follow(server.address(), "quiet", "").await;
    let before = stream.last_event_id().to_owned();
    publisher.publish_all("busy", numbers(0, 50)).await;
    busy.until(50).await;
    let ids = publisher.publish_all("busy", numbers(50, 100)).await;
    busy.until(100).await;
    let (events, end) = stream.rest().await;
    assert_eq!((events.len(), events[0].name.as_str(), end), (1, "place", Item::End));
    assert_eq!(events[0].data, format!(r#"{{"lastEventId":"{}"}}"#, ids[49]));
    assert_ne!(stream.last_event_id(), before);
    assert_eq!(stream.last_event_id(), ids[49], "the last words carry the place reached");
    publisher.publish_all("busy", numbers(100, 200)).await;
    publisher.publish("quiet", "hello").await;
    for (last, gaps) in [(stream.last_event_id(), 0), (&before, 1)] {
        let mut follower = Follower::new(server.address(), "quiet", last);
        assert_eq!((follower.next().await.data.as_str(), follower.gaps), ("hello", gaps), "{last}");
    }
}

pub(super) async fn clients_of_a_quiet_topic_that_are_cut_come_back_without_a_gap(log: Log) {
    const CLIENTS: usize = 6;
    const BUSY: usize = 400;
    let setup = log.hub().reuse(4).variable("history_updates", 5 * BUSY);
    let server = setup.variable("stream_seconds", 1).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut last = vec![String::new(); CLIENTS];
    // Twice what the history keeps.
    for round in 0..10 {
        let mut streams = Vec::new();
        for last in &last {
            // One that is cut before it learns anything.
            drop(follow(server.address(), "quiet", last).await);
            streams.push(follow(server.address(), "quiet", last).await);
        }
        publisher.publish_all("busy", numbers(0, BUSY)).await;
        for (stream, last) in streams.iter_mut().zip(&mut last) {
            assert_eq!(stream.rest_of_updates().await, (Vec::new(), Item::End), "{round}");
            stream.last_event_id().clone_into(last);
        }
    }
    publisher.publish("quiet", "hello").await;
    for last in &last {
        let mut follower = Follower::new(server.address(), "quiet", last);
        assert_eq!((follower.next().await.data.as_str(), follower.gaps), ("hello", 0));
    }
}

pub(super) async fn a_stream_of_a_quiet_topic_in_a_busy_hub_has_no_gap(log: Log) {
    const HISTORY: usize = 3_000;
    let server = log.hub().reuse(2).variable("history_updates", HISTORY).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(follow(server.address(), "quiet", "").await);
    }
    // The history has what is published in six seconds or more. An instance looks at it every two.
    for _ in 0..90 {
        publisher.publish_all("busy", numbers(0, HISTORY / 60)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    publisher.publish("quiet", "hello").await;
    for stream in &mut streams {
        let event = stream.update().await;
        assert_eq!((event.name.as_str(), event.data.as_str()), ("message", "hello"));
    }
}
