//! Publishers and subscribers on all machines, while machines and the Redis fail.

use std::net::SocketAddr;
use std::time::Duration;

use test_redis::Redis;
use tokio::task::{JoinSet, spawn_blocking};

use super::two_hubs;
use crate::support::follower::{Follower, check_numbers};
use crate::support::hub::Publisher;
use crate::support::log::hub_on;
use crate::support::traffic::{Traffic, check_delivered};
use crate::support::within;

const PUBLISHERS: usize = 4;

/// Subscribers that are cut after every few updates and then go to the next machine.
fn subscribe(addresses: &[SocketAddr]) -> JoinSet<Follower> {
    let followers = (0..6).map(|seed: usize| {
        let mut own = addresses.to_vec();
        own.rotate_left(seed % addresses.len());
        let follower = Follower::over(&own, "demo", "earliest");
        async move { follower.with_cuts("end", seed as u64).await }
    });
    followers.collect()
}

/// Stops publishing, and checks that each subscriber received it all.
async fn check(traffic: Traffic, followers: JoinSet<Follower>, address: SocketAddr) -> Vec<Follower> {
    let stored = traffic.stop().await;
    Publisher::new(address).await.publish("demo", "end").await;
    let followers = within("the subscribers to receive everything", followers.join_all()).await;
    check_delivered(&followers, &stored);
    followers
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn what_is_published_on_any_machine_reaches_all_in_one_order() {
    let redis = Redis::start();
    let start = || hub_on(&redis).reuse(8).start();
    let servers = [start().await, start().await, start().await];
    let addresses = servers.each_ref().map(|server| server.address());
    let traffic = Traffic::start(&addresses, PUBLISHERS);
    let followers = subscribe(&addresses);
    traffic.stored(400).await;
    let followers = check(traffic, followers, addresses[0]).await;
    assert!(followers.iter().all(|follower| follower.connections > 5), "each was on every machine");
    for publisher in 0..PUBLISHERS {
        let prefix = format!("{publisher}-");
        let data = followers[0].data();
        let own: Vec<_> = data.into_iter().filter_map(|data| data.strip_prefix(&prefix)).collect();
        assert!(!own.is_empty(), "publisher {publisher} published nothing");
        check_numbers(&own, own.len());
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_machine_that_is_killed_loses_nothing_that_it_answered() {
    let redis = Redis::start();
    let killed = hub_on(&redis).process().start().await;
    let servers = two_hubs(&redis).await;
    let addresses = [killed.address(), servers[0].address(), servers[1].address()];
    let traffic = Traffic::start(&addresses, PUBLISHERS);
    let followers = subscribe(&addresses);
    traffic.stored(200).await;
    killed.stop().await;
    traffic.stored(200).await;
    check(traffic, followers, addresses[1]).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_is_killed_and_restarted_loses_nothing_that_was_answered() {
    let mut redis = Redis::start();
    let servers = two_hubs(&redis).await;
    let addresses = servers.each_ref().map(|server| server.address());
    let traffic = Traffic::start(&addresses, PUBLISHERS);
    let followers = subscribe(&addresses);
    for _ in 0..2 {
        traffic.stored(100).await;
        redis.kill();
        traffic.refused(PUBLISHERS).await;
        // On another thread, so that updates are published while it starts.
        let restarting = spawn_blocking(move || {
            redis.restart();
            redis
        });
        redis = restarting.await.unwrap();
    }
    traffic.stored(100).await;
    check(traffic, followers, addresses[1]).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_hangs_for_a_while_loses_nothing_that_was_answered() {
    let redis = Redis::start();
    let servers = two_hubs(&redis).await;
    let addresses = servers.each_ref().map(|server| server.address());
    let traffic = Traffic::start(&addresses, PUBLISHERS);
    let followers = subscribe(&addresses);
    traffic.stored(100).await;
    redis.pause();
    // The while.
    tokio::time::sleep(Duration::from_secs(3)).await;
    redis.resume();
    traffic.stored(100).await;
    redis.pause();
    traffic.refused(PUBLISHERS).await;
    redis.resume();
    traffic.stored(100).await;
    check(traffic, followers, addresses[1]).await;
}
