//! From a publisher to subscribers, fast and slow.

use std::time::Duration;

use hyper::StatusCode;

use crate::support::client::{EventStream, Item};
use crate::support::follower::{Follower, check_numbers, numbers};
use crate::support::hub::{FORM, HUB, Publisher, follow};
use crate::support::log::Log;
use crate::support::within;

pub(super) async fn an_update_reaches_a_subscriber_with_all_its_fields(log: Log) {
    let server = log.hub().start().await;
    let mut stream = EventStream::open(server.address(), &format!("{HUB}?match=demo")).await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert!(matches!(stream.item().await, Item::Retry(_)));
    let ready = stream.event().await;
    assert_eq!(ready.name, "ready");
    assert_eq!(ready.data, format!(r#"{{"lastEventId":"{}","resumed":false}}"#, ready.id));
    let mut publisher = Publisher::new(server.address()).await;
    let id = publisher.publish_with("demo", "line+1%0Aline+2%0D%0A%C3%A9", "&type=note&retry=1234&topic=other").await;
    assert!(id.starts_with('#'), "{id}");
    assert_eq!(stream.item().await, Item::Retry(Duration::from_millis(1234)));
    let event = stream.event().await;
    assert_eq!((event.name.as_str(), event.data.as_str(), &event.id), ("note", "line 1\nline 2\n\u{e9}", &id));
    publisher.publish_with("elsewhere", "not for it", "").await;
    let id = publisher.publish_with("x", "mine", "&topic=demo&id=urn:uuid:1").await;
    let event = stream.event().await;
    assert_eq!((event.data.as_str(), event.id.as_str(), id.as_str()), ("mine", "urn:uuid:1", "urn:uuid:1"));
}

pub(super) async fn an_update_is_found_by_other_instances(log: Log) {
    // Each request has an instance of its own: the publisher's cannot notify the subscriber's.
    let server = log.hub().reuse(1).start().await;
    let mut stream = follow(server.address(), "demo", "").await;
    let mut publisher = Publisher::new(server.address()).await;
    for n in 0..5 {
        publisher.publish("demo", &n.to_string()).await;
        assert_eq!(stream.event().await.data, n.to_string());
    }
}

pub(super) async fn what_is_published_after_the_response_head_is_received(log: Log) {
    for reuse in [1, 2, 128] {
        let server = log.hub().reuse(reuse).start().await;
        let mut publisher = Publisher::new(server.address()).await;
        for n in 0..30 {
            let topic = format!("{reuse}-{n}");
            // Its position is not known yet.
            let mut stream = EventStream::open(server.address(), &format!("{HUB}?match={topic}")).await;
            publisher.publish(&topic, "first").await;
            let events = [stream.event().await, stream.event().await];
            assert_eq!((events[0].name.as_str(), events[1].data.as_str()), ("ready", "first"), "{topic}");
        }
        server.stop().await;
    }
}

pub(super) async fn a_subscriber_that_reads_a_byte_at_a_time_receives_everything(log: Log) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = log.hub().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish_all("demo", numbers(0, 100)).await;
    let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let request = format!("GET {HUB}?match=demo&last_event_id=earliest HTTP/1.1\r\nhost: localhost\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains("data: 99\n") {
        text.push(char::from(within("a byte", socket.read_u8()).await.unwrap()));
    }
    let received: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("data: ")).skip(1).collect();
    check_numbers(&received, 100);
}

pub(super) async fn a_reader_that_stops_delays_nobody_and_costs_no_memory(log: Log) {
    const UPDATES: usize = 400;
    let server = log.hub().process().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut stopped = Vec::new();
    for _ in 0..20 {
        stopped.push(follow(server.address(), "demo", "").await);
    }
    let mut reader = Follower::new(server.address(), "demo", "earliest");
    let filler = "x".repeat(100_000);
    publisher.publish_all("demo", [format!("0 {filler}")]).await;
    reader.until(1).await;
    let before = server.resident();
    for n in 1..UPDATES {
        publisher.publish_all("demo", [format!("{n} {filler}")]).await;
        reader.until(n + 1).await;
    }
    let grown = server.resident().saturating_sub(before);
    // 40 MB were published; kernel buffers are not resident, chunks on their way are: some for each reader.
    assert!(grown < 100 * 1024 * 1024, "{} MiB", grown >> 20);
    // And when it reads again, it misses nothing.
    let mut late = stopped.pop().unwrap();
    for n in 0..UPDATES {
        let data = late.event().await.data;
        assert_eq!(data.split(' ').next(), Some(n.to_string().as_str()));
    }
}

pub(super) async fn the_largest_updates_reach_everyone_and_are_not_copied_for_each(log: Log) {
    const SUBSCRIBERS: usize = 60;
    // A copy for each would be 180 MiB. An instance that would take more than it may is ended, and that is said. A busy
    // host scatters the streams, so that what the whole of it has resident says little.
    let server = log.hub().memory(32 * 1024 * 1024).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let large = "x".repeat(1_000_000);
    publisher.publish("demo", "0").await;
    let mut live = follow(server.address(), "demo", "earliest").await;
    assert_eq!(live.event().await.data, "0");
    let mut stopped = Vec::new();
    for _ in 0..SUBSCRIBERS {
        stopped.push(follow(server.address(), "demo", "").await);
    }
    for _ in 0..3 {
        publisher.publish("demo", &large).await;
    }
    publisher.publish("demo", "1").await;
    let late = follow(server.address(), "demo", "earliest").await;
    let stopped = stopped.pop().unwrap();
    for (mut stream, small) in [(live, 0), (late, 1), (stopped, 0)] {
        for _ in 0..small {
            assert_eq!(stream.event().await.data, "0");
        }
        for _ in 0..3 {
            assert_eq!(stream.event().await.data.len(), large.len());
        }
        assert_eq!(stream.event().await.data, "1");
    }
    assert_eq!(server.lines().iter().find(|line| line.contains("failed")), None);
    // Each line costs six bytes more on the wire.
    let lines = "%0A".repeat(300_000);
    let body = format!("topic=demo&data={lines}");
    let reply = publisher.send(FORM, body).await.unwrap();
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", reply.body);
    let sentence = "the update's event would be larger than 1048576 bytes: send less data, or fewer lines\n";
    assert_eq!(reply.body, sentence);
}
