//! Streams that are scattered over many instances, and gather in fewer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::client::{EventStream, Item};
use crate::support::follower::{Follower, check_numbers};
use crate::support::hub::{Publisher, follow};
use crate::support::log::Log;
use crate::support::server::Server;
use crate::support::{within, within_time};

const SUBSCRIBERS: usize = 60;
/// How many requests an instance gets.
const REUSE: usize = 3;
/// The least that the hub asks of a client by default.
const RETRY: Duration = Duration::from_millis(500);
/// How many instances are left alone.
const LEFT: usize = 8;
/// How many streams are to come back at least, of those in the other instances. Some may have come to an instance
/// after it was told to leave, or share it with publications.
const BACK: usize = (SUBSCRIBERS - LEFT * REUSE) / 2;
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

    /// Each has all `count` updates, once, over as many connections at most. Returns how often they came in all.
    async fn check(self, count: usize, most: usize) -> usize {
        let mut connections = 0;
        for follower in within("the subscribers", self.followers.join_all()).await {
            let mut data = follower.data();
            assert_eq!(data.pop(), Some("end"));
            check_numbers(&data, count);
            assert_eq!(follower.gaps, 0);
            assert!(follower.connections <= most, "one came {} times", follower.connections);
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
        while crowds[0].back.load(Ordering::Relaxed) < BACK {
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
    gathered.check(count, 2).await;
    assert_eq!(left.check(count, 1).await, SUBSCRIBERS);
    server.logged(GATHER, 1).await;
    assert!(!scattered.lines().iter().any(|line| line.contains(GATHER)));
}

pub(super) async fn a_stream_that_came_after_the_decision_stays_and_its_instance_takes_others_again(log: Log) {
    let server = log.hub().start().await;
    let mut early = streams(&server, 3).await;
    log.has_listeners("the early streams", |listeners| sum(listeners) == early.len()).await;
    let had = log.listeners();
    log.tell_all_to_gather();
    // The instances hear of it when they renew their registrations.
    let grown = |listeners: &[(u64, usize)], had: &[(u64, usize)]| {
        listeners.iter().find(|(id, streams)| had.iter().any(|(known, few)| known == id && streams > few)).copied()
    };
    let mut both = None;
    // While they open: soon after, the instances have fewer.
    let registered = log.has_listeners("late streams in an instance that leaves", |listeners| {
        both = grown(listeners, &had);
        both.is_some()
    });
    let (mut late, ()) = tokio::join!(streams(&server, 4), registered);
    for stream in &mut early {
        while stream.item().await != Item::End {}
    }
    server.logged("hub: this instance ends its streams", 1).await;
    let left = [(both.unwrap().0, late.len())];
    within("a stream for the instance that has left", async {
        while grown(&log.listeners(), &left).is_none() {
            late.extend(streams(&server, 1).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    Publisher::new(server.address()).await.publish("demo", "1").await;
    for stream in &mut late {
        assert_eq!(stream.event().await.data, "1");
    }
}

/// So many, one after the other.
async fn streams(server: &Server, count: usize) -> Vec<EventStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(follow(server.address(), "demo", "").await);
    }
    streams
}

fn sum(listeners: &[(u64, usize)]) -> usize {
    listeners.iter().map(|(_, streams)| streams).sum()
}
