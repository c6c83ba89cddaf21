//! Streams that are scattered over many instances, and gather in fewer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::follower::{Follower, check_numbers};
use crate::support::hub::Publisher;
use crate::support::log::Log;
use crate::support::{within, within_time};

const SUBSCRIBERS: usize = 60;
/// How many requests an instance gets.
const REUSE: usize = 3;
/// The least that the hub asks of a client by default.
const RETRY: Duration = Duration::from_millis(500);
/// How many instances are left alone.
const LEFT: usize = 8;
const GATHER: &str = "hub: the streams gather in fewer instances";

/// Subscribers that come back after every cut.
struct Crowd {
    followers: JoinSet<Follower>,
    /// How many of them have.
    back: Arc<AtomicUsize>,
}

impl Crowd {
    fn new(address: SocketAddr) -> Crowd {
        let back = Arc::new(AtomicUsize::new(0));
        let followers = (0..SUBSCRIBERS).map(|_| {
            let (back, mut follower) = (Arc::clone(&back), Follower::new(address, "demo", "earliest").pausing(RETRY));
            async move {
                let mut is_back = false;
                while follower.next().await.data != "end" {
                    if follower.connections > 1 && !is_back {
                        is_back = true;
                        back.fetch_add(1, Ordering::Relaxed);
                    }
                }
                follower
            }
        });
        Crowd { followers: followers.collect(), back }
    }

    /// Each has all `count` updates, once. Returns how often they came in all.
    async fn check(self, count: usize) -> usize {
        let mut connections = 0;
        for follower in within("the subscribers", self.followers.join_all()).await {
            let mut data = follower.data();
            assert_eq!(data.pop(), Some("end"));
            check_numbers(&data, count);
            assert_eq!(follower.gaps, 0);
            connections += follower.connections;
        }
        connections
    }
}

pub(super) async fn streams_gather_in_fewer_instances_without_loss_unless_they_may_not(log: Log) {
    let server = log.hub().reuse(REUSE).start().await;
    // With a log of its own.
    let state = tempfile::tempdir().unwrap();
    let apart = log.hub().state(state.path()).variable("stream_key", "apart");
    let scattered = apart.reuse(REUSE).variable("gather", false).start().await;
    let crowds = [Crowd::new(server.address()), Crowd::new(scattered.address())];
    let mut publishers = [Publisher::new(server.address()).await, Publisher::new(scattered.address()).await];
    let mut count = 0;
    // An instance looks every ten seconds.
    within_time(Duration::from_secs(60), "the streams to gather", async {
        while crowds[0].back.load(Ordering::Relaxed) < SUBSCRIBERS - LEFT * REUSE {
            for publisher in &mut publishers {
                publisher.publish("demo", &count.to_string()).await;
            }
            count += 1;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    })
    .await;
    for publisher in &mut publishers {
        publisher.publish("demo", "end").await;
    }
    let [gathered, left] = crowds;
    gathered.check(count).await;
    assert_eq!(left.check(count).await, SUBSCRIBERS, "none was cut");
    server.logged(GATHER, 1).await;
    assert!(!scattered.lines().iter().any(|line| line.contains(GATHER)));
}
