//! What a hub puts into a Redis, and what it asks of it.

use std::time::Duration;

use test_redis::Redis;

use super::two_hubs;
use crate::support::hub::{Publisher, follow};
use crate::support::log::hub_on;
use crate::support::within;

#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_is_killed_keeps_what_it_answered_and_one_that_is_paused_goes_on() {
    let mut redis = Redis::start_with(&[("requirepass", "open-sesame")]);
    assert_eq!(redis.url(), format!("redis://:open-sesame@127.0.0.1:{}", redis.port()));
    redis.command(&["RPUSH", "list", "a b", "", "c"]);
    let backup = redis.backup();
    redis.kill();
    redis.restart();
    assert_eq!(redis.command(&["LRANGE", "list", "0", "-1"]), "a b\n\nc");
    redis.pause();
    std::thread::scope(|threads| {
        let pushed = threads.spawn(|| redis.command(&["RPUSH", "list", "d"]));
        std::thread::sleep(Duration::from_millis(100));
        assert!(!pushed.is_finished(), "a paused Redis answered");
        redis.resume();
        assert_eq!(pushed.join().unwrap(), "4");
    });
    redis.kill();
    redis.restart_from(backup);
    assert_eq!(redis.command(&["LLEN", "list"]), "3");
    redis.flush();
    assert_eq!((redis.command(&["DBSIZE"]).as_str(), redis.info("blocked_clients").as_str()), ("0", "0"));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_update_is_a_stream_entry_whose_id_is_its_place() {
    let redis = Redis::start();
    let server = hub_on(&redis).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let id = publisher.publish("demo", "hello").await;
    publisher.publish_with("demo", "named", "&id=urn:one").await;
    let (epoch, sequence) = id.strip_prefix('#').unwrap().split_once('-').unwrap();
    assert_eq!(sequence, "1");
    let entry = redis.command(&["XRANGE", "sse:updates", "-", "+", "COUNT", "1"]);
    assert!(entry.starts_with(&format!("1-{epoch}\nmeta\n")), "{entry}");
    assert!(entry.contains("\nwire\n") && entry.contains("data: hello\n"), "{entry}");
    assert_eq!(redis.command(&["XLEN", "sse:updates"]), "2");
    // All in one slot of a cluster.
    let keys = redis.command(&["KEYS", "*"]);
    let beside: Vec<_> = keys.lines().filter(|key| *key != "sse:updates").collect();
    assert!(beside.iter().all(|key| key.starts_with("{sse:updates}:")), "{keys}");
    assert!(beside.contains(&"{sse:updates}:id:urn:one"), "{keys}");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn hubs_with_other_stream_keys_have_other_logs() {
    let redis = Redis::start();
    let start = |key| hub_on(&redis).variable("stream_key", key).start();
    let servers = [start("one").await, start("other").await];
    let mut streams = [follow(servers[0].address(), "demo", "").await, follow(servers[1].address(), "demo", "").await];
    for (server, data) in servers.iter().zip(["for one", "for the other"]) {
        Publisher::new(server.address()).await.publish("demo", data).await;
    }
    for (stream, data) in streams.iter_mut().zip(["for one", "for the other"]) {
        assert_eq!(stream.event().await.data, data);
    }
}

async fn check_waiting(redis: &Redis, count: usize) {
    within(format!("{count} clients to wait in Redis"), async {
        while redis.info("blocked_clients") != count.to_string() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn one_client_waits_in_redis_for_each_instance_that_has_subscribers() {
    let redis = Redis::start();
    let servers = two_hubs(&redis).await;
    let mut publisher = Publisher::new(servers[0].address()).await;
    let last = publisher.publish("demo", "0").await;
    check_waiting(&redis, 0).await;
    let mut streams = Vec::new();
    for topic in ["demo", "*"] {
        streams.push(follow(servers[0].address(), topic, &last).await);
    }
    check_waiting(&redis, 1).await;
    streams.push(follow(servers[1].address(), "demo", &last).await);
    check_waiting(&redis, 2).await;
    publisher.publish("demo", "1").await;
    for stream in &mut streams {
        // What was published in the last milliseconds before may come too.
        while stream.event().await.data != "1" {}
    }
    check_waiting(&redis, 2).await;
    drop(streams);
    // What is sent to them finds out that they have gone.
    publisher.publish("demo", "2").await;
    check_waiting(&redis, 0).await;
}
