//! Quiet streams: for clients that take the data of every event for their own.

use crate::support::client::{EventStream, Item};
use crate::support::follower::{Follower, check_numbers, numbers};
use crate::support::hub::{HUB, Publisher};
use crate::support::log::Log;
use crate::support::within;

use super::component::publish;

pub(super) async fn a_quiet_stream_has_nothing_but_updates_and_places(log: Log) {
    let server = log.component().variable("stream_seconds", 3).start().await;
    let address = server.address();
    let first = publish(address, "/publish/a", "1").await;
    for path in ["/hub?match=a&quiet=true&last_event_id=earliest", "/follow/a/quiet,from_start"] {
        let mut stream = EventStream::open(address, path).await;
        let (events, end) = stream.rest().await;
        assert_eq!((events.len(), events[0].data.as_str(), end), (1, "1", Item::End), "{path}");
        let text = stream.text();
        let (retry, rest) = text.split_once('\n').unwrap();
        assert!(retry.strip_prefix("retry: ").is_some_and(|millis| millis.parse::<u64>().is_ok()), "{text}");
        assert_eq!(rest, format!("id: {first}\ndata: 1\n\n"), "{path}");
    }
    // One that starts now would start elsewhere if it came back without an id.
    for path in ["/hub?match=a&quiet=true", "/follow/a/quiet"] {
        let mut stream = EventStream::open(address, path).await;
        assert_eq!(stream.rest().await, (Vec::new(), Item::End), "{path}");
        let text = stream.text();
        assert_eq!(text.split_once('\n').unwrap().1, format!("id: {first}\n\n"), "{path}");
    }
    let mut stream = EventStream::open(address, "/hub?match=a&quiet=false").await;
    assert_eq!(stream.event().await.name, "ready");
}

pub(super) async fn quiet_clients_that_are_cut_get_every_update_once_and_in_order(log: Log) {
    const UPDATES: usize = 400;
    let server = log.hub().reuse(8).variable("stream_seconds", 1).variable("retry_ms", 10).start().await;
    let path = format!("{HUB}?match=demo&quiet=true");
    let mut followers = tokio::task::JoinSet::new();
    for seed in 0..6 {
        let follower = Follower::at(server.address(), &path, "earliest");
        followers.spawn(async move { follower.with_cuts(&(UPDATES - 1).to_string(), seed).await });
    }
    let mut rotated = Follower::at(server.address(), &path, "earliest");
    followers.spawn(async move {
        rotated.until(UPDATES).await;
        rotated
    });
    let mut publisher = Publisher::new(server.address()).await;
    for n in 0..UPDATES {
        publisher.publish("demo", &n.to_string()).await;
        tokio::time::sleep(std::time::Duration::from_millis(4)).await;
    }
    while let Some(follower) = within("a subscriber", followers.join_next()).await {
        let follower = follower.unwrap();
        check_numbers(&follower.data(), UPDATES);
        assert!(follower.gaps == 0 && follower.connections > 1, "{}", follower.connections);
    }
}

pub(super) async fn a_quiet_topic_does_not_cost_a_quiet_client_its_place(log: Log) {
    let server = log.hub().variable("history_updates", 150).variable("stream_seconds", 4).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let path = format!("{HUB}?match=quiet&quiet=true");
    let mut stream = EventStream::open(server.address(), &path).await;
    // Its place is told at the beginning, and again before the end.
    assert!(matches!(stream.item().await, Item::Retry(_)));
    let ids = publisher.publish_all("busy", numbers(0, 100)).await;
    assert_eq!(stream.rest().await, (Vec::new(), Item::End));
    assert_eq!(stream.last_event_id(), ids[99]);
    publisher.publish_all("busy", numbers(100, 200)).await;
    publisher.publish("quiet", "hello").await;
    let headers = [("last-event-id", ids[99].as_str())];
    let mut stream = EventStream::open_with(server.address(), &path, &headers).await;
    assert_eq!(stream.event().await.data, "hello");
}

pub(super) async fn what_is_lost_is_not_announced_to_a_quiet_client(log: Log) {
    let server = log.hub().variable("history_updates", 20).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let ids = publisher.publish_all("demo", numbers(0, 100)).await;
    for last in [ids[9].as_str(), "urn:unknown"] {
        let headers = [("last-event-id", last)];
        let path = format!("{HUB}?match=demo&quiet=true");
        let mut stream = EventStream::open_with(server.address(), &path, &headers).await;
        assert_eq!(stream.headers["mercure-last-event-id"], "earliest");
        for n in numbers(80, 100) {
            let event = stream.event().await;
            assert_eq!((event.name.as_str(), event.data), ("message", n));
        }
        assert!(stream.text().contains(&format!("id: {}\n\n", ids[79])), "its place is told first");
    }
}
