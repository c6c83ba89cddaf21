//! A Redis that lost updates: that is a gap for those who had them, never silence.

use test_redis::Redis;

use super::two_hubs;
use crate::support::client::EventStream;
use crate::support::follower::{Follower, numbers};
use crate::support::hub::{Publisher, follow};
use crate::support::server::Server;

async fn subscribe(servers: &[Server; 2]) -> [EventStream; 2] {
    [follow(servers[0].address(), "demo", "").await, follow(servers[1].address(), "demo", "").await]
}

/// All receive `data` next, and nothing before.
async fn check_next(streams: &mut [EventStream; 2], data: impl IntoIterator<Item = String>) {
    for data in data {
        for stream in &mut *streams {
            let event = stream.event().await;
            assert_eq!((event.name.as_str(), &event.data), ("message", &data));
        }
    }
}

async fn check_gap(streams: &mut [EventStream; 2]) {
    for stream in streams {
        let event = stream.event().await;
        assert_eq!(event.name, "gap", "{event:?}");
    }
}

fn new(from: usize, to: usize) -> impl Iterator<Item = String> {
    numbers(from, to).map(|n| format!("new-{n}"))
}

async fn check_forgotten(mut redis: Redis, forget: impl AsyncFnOnce(&mut Redis)) {
    let servers = two_hubs(&redis).await;
    let mut live = subscribe(&servers).await;
    let mut publisher = Publisher::new(servers[0].address()).await;
    let old = publisher.publish_all("demo", numbers(0, 5)).await;
    check_next(&mut live, numbers(0, 5)).await;
    forget(&mut redis).await;
    // Before anything is published again.
    check_gap(&mut live).await;
    let first = publisher.publish_as_told("demo", "new-0").await;
    publisher.publish_all("demo", new(1, 3)).await;
    check_next(&mut live, new(0, 3)).await;
    for server in &servers {
        for (last, gaps, expected) in [(&old[4], 1, 0), (&old[0], 1, 0), (&first, 0, 1)] {
            let mut follower = Follower::new(server.address(), "demo", last);
            follower.until(3 - expected).await;
            assert_eq!(follower.data(), new(expected, 3).collect::<Vec<_>>(), "{last}");
            assert_eq!(follower.gaps, gaps, "{last}");
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_restarts_empty_is_a_gap_for_everyone() {
    let redis = Redis::start();
    check_forgotten(redis, async |redis| {
        redis.kill();
        redis.restart_from(tempfile::tempdir().unwrap());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_is_flushed_is_a_gap_for_everyone() {
    let redis = Redis::start();
    check_forgotten(redis, async |redis| redis.flush()).await;
}

/// A log of five updates that two machines follow. Two more were delivered and then lost, as by a failover to a replica
/// that did not have them.
struct Failover {
    redis: Redis,
    servers: [Server; 2],
    live: [EventStream; 2],
    publisher: Publisher,
    lost: Vec<String>,
}

/// `restarted`: whether the Redis was another run of the server already when the lost updates came.
async fn fail_over(mut redis: Redis, restarted: bool) -> Failover {
    let servers = two_hubs(&redis).await;
    let mut live = subscribe(&servers).await;
    let mut publisher = Publisher::new(servers[0].address()).await;
    publisher.publish_all("demo", numbers(0, 5)).await;
    check_next(&mut live, numbers(0, 5)).await;
    let backup = redis.backup();
    if restarted {
        redis.kill();
        redis.restart();
    }
    let lost = vec![publisher.publish_as_told("demo", "5").await, publisher.publish("demo", "6").await];
    check_next(&mut live, numbers(5, 7)).await;
    redis.kill();
    redis.restart_from(backup);
    Failover { redis, servers, live, publisher, lost }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn after_a_failover_that_lost_the_last_updates_a_stream_goes_on_from_the_last_it_has_in_common() {
    let redis = Redis::start();
    let Failover { redis: _redis, servers, mut live, mut publisher, lost } = fail_over(redis, false).await;
    // As many others, in the places of those that are lost.
    let first = publisher.publish_as_told("demo", "new-0").await;
    publisher.publish("demo", "new-1").await;
    check_gap(&mut live).await;
    check_next(&mut live, new(0, 2)).await;
    publisher.publish("demo", "new-2").await;
    check_next(&mut live, new(2, 3)).await;
    for server in &servers {
        for (last, gaps, expected) in [(&lost[0], 1, 0), (&lost[1], 1, 0), (&first, 0, 1)] {
            let back = Follower::new(server.address(), "demo", last).up_to("new-2").await;
            assert_eq!(back.data(), new(expected, 3).collect::<Vec<_>>(), "{last}");
            assert_eq!(back.gaps, gaps, "{last}");
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_failover_soon_after_a_restart_doubles_nothing_for_a_stream() {
    let redis = Redis::start();
    let Failover { redis: _redis, servers, mut live, mut publisher, lost } = fail_over(redis, true).await;
    publisher.publish_as_told("demo", "new-0").await;
    publisher.publish("demo", "new-1").await;
    check_gap(&mut live).await;
    check_next(&mut live, new(0, 2)).await;
    // Of the run of the server that the lost updates came from, the log knows nothing.
    let back = Follower::new(servers[1].address(), "demo", &lost[1]).up_to("new-1").await;
    assert_eq!(back.gaps, 1);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_restored_backup_is_a_gap_before_anything_is_published_again() {
    let redis = Redis::start();
    let Failover { redis: _redis, servers, mut live, mut publisher, lost } = fail_over(redis, false).await;
    check_gap(&mut live).await;
    let back = Follower::new(servers[1].address(), "demo", &lost[1]);
    publisher.publish_as_told("demo", "new-0").await;
    check_next(&mut live, new(0, 1)).await;
    let back = back.up_to("new-0").await;
    assert_eq!((back.data(), back.gaps), (vec!["new-0"], 1));
}
