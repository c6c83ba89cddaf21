//! A Redis that is away, hangs, or refuses: publishers are told to wait, and no stream ends.

use test_redis::Redis;

use super::two_hubs;
use crate::support::follower::Follower;
use crate::support::hub::{Publisher, follow, hub_with_key};
use crate::support::log::hub_on;
use crate::support::server::Server;

/// No line that the component printed has any of `secrets`.
#[track_caller]
fn check_silence(server: &Server, secrets: &[&str]) {
    let lines = server.lines();
    let told = lines.iter().find(|line| secrets.iter().any(|secret| line.contains(secret)));
    assert_eq!(told, None);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_cannot_be_written_makes_publishers_wait_and_ends_no_stream() {
    let redis = Redis::start();
    let server = hub_on(&redis).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut stream = follow(server.address(), "demo", "").await;
    // The replica of nobody cannot be written, a full one neither.
    let read_only = (&["REPLICAOF", "127.0.0.1", "1"][..], &["REPLICAOF", "NO", "ONE"][..]);
    let full = (&["CONFIG", "SET", "maxmemory", "1"][..], &["CONFIG", "SET", "maxmemory", "0"][..]);
    for (count, (refuse, accept)) in (1..).zip([read_only, full]) {
        redis.command(refuse);
        publisher.is_told_to_wait().await;
        server.logged("hub: the log cannot be written: ", count).await;
        redis.command(accept);
        publisher.publish("demo", &count.to_string()).await;
        assert_eq!(stream.event().await.data, count.to_string(), "{refuse:?}");
        server.logged("hub: the log can be written again", count).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_hangs_makes_publishers_wait_and_ends_no_stream() {
    let redis = Redis::start();
    let servers = two_hubs(&redis).await;
    let mut streams = [follow(servers[0].address(), "demo", "").await, follow(servers[1].address(), "demo", "").await];
    let mut publisher = Publisher::new(servers[0].address()).await;
    redis.pause();
    publisher.is_told_to_wait().await;
    redis.resume();
    publisher.publish_as_told("demo", "1").await;
    for stream in &mut streams {
        // What was refused may have been stored when Redis woke up.
        let mut events = [stream.event().await.data, String::new()];
        if events[0] != "1" {
            events[1] = stream.event().await.data;
            assert_eq!(events, ["refused", "1"]);
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_hub_that_starts_before_its_redis_serves_when_that_is_there() {
    let mut redis = Redis::start();
    redis.kill();
    let server = hub_on(&redis).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    publisher.is_told_to_wait().await;
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    redis.restart();
    publisher.publish("demo", "0").await;
    assert_eq!((follower.next().await.data.as_str(), follower.gaps), ("0", 0));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_password_opens_a_redis_and_is_never_printed() {
    let redis = Redis::start_with(&[("requirepass", "open-sesame")]);
    let named = redis.url().replace("://:", "://default:");
    for url in [redis.url(), named] {
        let server = hub_with_key().variable("log", url).variable("log_host", redis.host()).start().await;
        let mut stream = follow(server.address(), "demo", "").await;
        Publisher::new(server.address()).await.publish("demo", "0").await;
        assert_eq!(stream.event().await.data, "0");
        check_silence(&server, &["open-sesame"]);
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_wrong_password_is_said_in_the_log_and_not_printed() {
    let redis = Redis::start_with(&[("requirepass", "open-sesame")]);
    let wrong = redis.url().replace("open-sesame", "open-barley");
    for (url, reason) in [(wrong, "Password authentication failed"), (redis.host(), "NOAUTH")] {
        let server = hub_with_key().variable("log", &url).variable("log_host", redis.host()).start().await;
        let sentence = Publisher::new(server.address()).await.is_told_to_wait().await;
        assert!(!sentence.contains("open-"), "{sentence}");
        server.logged("hub: the log cannot be written: ", 1).await;
        let lines = server.lines();
        let said = lines.iter().find(|line| line.contains("hub: the log cannot be written: ")).unwrap();
        assert!(said.contains(reason), "{said}");
        check_silence(&server, &["open-sesame", "open-barley"]);
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_hub_that_waits_for_replicas_answers_when_they_have_the_update() {
    let redis = Redis::start();
    let server = hub_on(&redis).variable("redis_wait_replicas", 1).start().await;
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    let mut publisher = Publisher::new(server.address()).await;
    publisher.is_told_to_wait().await;
    let primary = format!("127.0.0.1 {}", redis.port());
    let replica = Redis::start_with(&[("replicaof", &primary)]);
    // Returns when one is there.
    assert_eq!(redis.command(&["WAIT", "1", "0"]), "1");
    publisher.publish("demo", "1").await;
    assert!(replica.command(&["XRANGE", "sse:updates", "-", "+"]).contains("data: 1\n"));
    while follower.next().await.data != "1" {}
    assert_eq!(follower.gaps, 0);
}
