//! A Redis that answers something else than it should, from one moment to the next.

use hyper::Method;
use test_redis::Redis;

use crate::support::client::EventStream;
use crate::support::follower::Follower;
use crate::support::hub::{Publisher, follow, hub_with_key};
use crate::support::proxy::{Meddling, Proxy};
use crate::support::server::hub_component;
use crate::support::upstream::{Step, Upstream, chunk, stream};

const NOTHING: &str = "the log cannot be written now: nothing was published, publish again later\n";
const UNKNOWN: &str = "the log does not answer now: it is not known whether this was published, publish again later\n";

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_answer_that_is_an_error_cut_or_something_else_ends_no_stream_and_makes_a_publisher_wait() {
    let redis = Redis::start();
    let proxy = Proxy::start(redis.port(), "poison").await;
    let server = hub_with_key().variable("log", proxy.url()).variable("log_host", proxy.url()).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut stream = follow(server.address(), "demo", "").await;
    for (number, (meddling, sentence)) in [
        (Meddling::Answer("-MOVED 3999 127.0.0.1:6381\r\n"), NOTHING),
        (Meddling::Answer("-NOAUTH Authentication required.\r\n"), NOTHING),
        (Meddling::Answer("-NOPERM this user has no permissions\r\n"), NOTHING),
        (Meddling::Answer("-READONLY You can't write against a read only replica.\r\n"), NOTHING),
        (Meddling::Answer("-LOADING Redis is loading the dataset in memory\r\n"), NOTHING),
        (Meddling::Answer("-MISCONF Errors writing to the AOF file: No space left on device\r\n"), NOTHING),
        (Meddling::Answer("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"), UNKNOWN),
        (Meddling::Answer("-ERR something else\r\n"), UNKNOWN),
        (Meddling::Answer("+OK\r\n"), UNKNOWN),
        (Meddling::Answer("*2\r\n:1\r\n:2\r\n"), UNKNOWN),
        (Meddling::Answer("*-1\r\n"), UNKNOWN),
        (Meddling::Answer("nonsense\r\n"), UNKNOWN),
        (Meddling::Cut(0), UNKNOWN),
        (Meddling::Cut(1), UNKNOWN),
        (Meddling::Cut(6), UNKNOWN),
    ]
    .into_iter()
    .enumerate()
    {
        proxy.meddle(meddling.clone());
        let reply = publisher.try_publish("other", "poison").await.unwrap();
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (503, sentence), "{meddling:?}");
        assert!(proxy.has_meddled(), "{meddling:?}");
        let data = number.to_string();
        publisher.publish_as_told("demo", &data).await;
        assert_eq!(stream.event().await.data, data, "{meddling:?}");
    }
    let failed = server.lines().into_iter().find(|line| line.contains("an instance failed"));
    assert_eq!(failed, None);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_relay_whose_begin_got_no_answer_begins_when_it_tries_again() {
    let redis = Redis::start();
    // Of the commands, those that begin a relay have what it leaves.
    let proxy = Proxy::start(redis.port(), "interrupted").await;
    let server = hub_component().variable("log", proxy.url()).variable("log_host", proxy.url()).start().await;
    let upstream = Upstream::start(vec![stream([chunk("data: 1\n\n"), Step::Hold]); 2]).await;
    let answer = async |topic: &str| {
        let path = format!("/answer/{topic}/quiet");
        EventStream::ask(server.address(), Method::POST, &path, &[], &upstream.url("/")).await.unwrap()
    };
    // The scripts are known from now on, and another relay keeps the instance.
    let mut other = answer("other").await;
    assert_eq!(other.event().await.data, "1");
    proxy.meddle(Meddling::Cut(0));
    // It may be told to come back.
    let _asks = answer("a").await;
    let mut reader = Follower::at(server.address(), "/follow/a/from_start,quiet", "");
    assert_eq!(reader.next().await.data, "1");
    assert!(proxy.has_meddled());
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_password_that_is_changed_makes_publishers_wait_until_it_is_the_hubs_again() {
    let redis = Redis::start();
    redis.command(&["ACL", "SETUSER", "hub", "on", ">right", "~*", "+@all"]);
    let url = redis.host().replace("redis://", "redis://hub:right@");
    let server = hub_with_key().variable("log", url).variable("log_host", redis.host()).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut stream = follow(server.address(), "demo", "").await;
    redis.command(&["ACL", "SETUSER", "hub", "resetpass", ">other"]);
    redis.command(&["CLIENT", "KILL", "USER", "hub"]);
    publisher.is_told_to_wait().await;
    redis.command(&["ACL", "SETUSER", "hub", ">right"]);
    publisher.publish_as_told("demo", "again").await;
    assert_eq!(stream.event().await.data, "again");
    assert_eq!(server.lines().into_iter().find(|line| line.contains("right")), None);
}
