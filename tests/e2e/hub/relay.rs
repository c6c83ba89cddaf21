//! Relays: upstreams that a component appends to topics.

use std::net::SocketAddr;

use hyper::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::component::publish;
use crate::support::client::{EventStream, Item, fetch, fetch_with};
use crate::support::follower::Follower;
use crate::support::log::Log;
use crate::support::upstream::{Step, Upstream, chunk, status, stream};
use crate::support::within;

/// Begins a relay of `upstream` to `topic`, and returns what it is answered.
async fn relay(address: SocketAddr, topic: &str, options: &str, upstream: &Upstream) -> (StatusCode, String) {
    let path = format!("/relay/{topic}/{options}");
    let reply = fetch_with(address, Method::POST, &path, &[], upstream.url("/answer")).await;
    (reply.status, reply.body)
}

#[track_caller]
fn begun(answer: &(StatusCode, String)) {
    assert_eq!(*answer, (StatusCode::OK, "begun".to_owned()));
}

/// Who reads a topic from its start, as quietly as it can.
fn reader(address: SocketAddr, topic: &str) -> Follower {
    Follower::at(address, &format!("/follow/{topic}/from_start,quiet"), "")
}

/// Names and data of what a reader gets up to the event `end`.
async fn whole(reader: &mut Follower) -> Vec<(String, String)> {
    while reader.next().await.name != "end" {}
    reader.updates.iter().map(|event| (event.name.clone(), event.data.clone())).collect()
}

fn pairs(events: &[(&str, &str)]) -> Vec<(String, String)> {
    events.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect()
}

const FINISHED: (&str, &str) = ("end", r#"{"reason":"finished"}"#);
const FAILED: (&str, &str) = ("end", r#"{"reason":"failed"}"#);
const INTERRUPTED: (&str, &str) = ("end", r#"{"reason":"interrupted"}"#);

/// A client that has everything is told to stop.
async fn is_over(address: SocketAddr, topic: &str, id: &str) {
    let path = format!("/follow/{topic}/from_start,quiet");
    let reply = EventStream::open_with(address, &path, &[("last-event-id", id)]).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
}

pub(super) async fn a_relay_appends_each_event_as_it_is_and_its_end_ends_the_topic(log: Log) {
    let server = log.component().start().await;
    let events =
        "id: 7\ndata: 1\n\nevent: error\ndata: two\ndata: lines\n\n: comment\n\nretry: 5\nevent: ready\ndata:\n\n";
    let upstream = Upstream::start([stream([chunk(events), chunk("data: é\n\n"), Step::End])]).await;
    let mut early = reader(server.address(), "a");
    begun(&relay(server.address(), "a", "", &upstream).await);
    let expected = pairs(&[("message", "1"), ("error", "two\nlines"), ("ready", ""), ("message", "é"), FINISHED]);
    let mut late = EventStream::open(server.address(), "/follow/a/from_start,quiet").await;
    for (name, data) in &expected {
        let event = late.event().await;
        assert_eq!((&event.name, &event.data), (name, data));
    }
    assert_eq!(late.rest().await, (vec![], Item::End));
    is_over(server.address(), "a", late.last_event_id()).await;
    let asked = upstream.asked();
    assert_eq!((asked.len(), asked[0].method.as_str(), asked[0].body.as_str()), (1, "POST", "what is asked"));
    early.moves_to(server.address());
    server.logged("hub: relay to \"a\" ended after 5 updates", 1).await;
}

pub(super) async fn a_relay_goes_on_when_nobody_follows(log: Log) {
    let server = log.component().start().await;
    let events: String = (0..200).map(|n| format!("data: {n}\n\n")).collect();
    let upstream = Upstream::start([stream([Step::Slowly(events.into_bytes()), Step::End])]).await;
    begun(&relay(server.address(), "a", "silent", &upstream).await);
    server.logged("hub: relay to \"a\" ended after 201 updates", 1).await;
    let mut reader = reader(server.address(), "a");
    for n in 0..200 {
        assert_eq!(reader.next().await.data, n.to_string());
    }
    let public = fetch(server.address(), Method::GET, "/hub?match=a&last_event_id=earliest").await;
    assert_eq!(public.status, StatusCode::OK, "{}", public.body);
    assert!(!public.body.contains("data: 7"), "what is relayed is private by default");
}

pub(super) async fn an_upstream_that_fails_ends_its_topic_with_the_reason(log: Log) {
    let server = log.component().start().await;
    for (topic, answer, events) in [
        ("status", status(500), &[][..]),
        ("cut", stream([chunk("data: 1\n\ndata: ha")]), &[("message", "1")]),
        ("type", vec![Step::Head(200, vec![("content-type", "text/html".to_owned())]), Step::End], &[]),
    ] {
        let upstream = Upstream::start([answer]).await;
        begun(&relay(server.address(), topic, "public", &upstream).await);
        let expected = pairs(&[events, &[FAILED]].concat());
        assert_eq!(whole(&mut reader(server.address(), topic)).await, expected, "{topic}");
        server.logged(&format!("hub: relay to \"{topic}\" failed: "), 1).await;
    }
    let resumed = Upstream::start([stream([chunk("id: 7\ndata: 1\n\n")]), stream([chunk("data: 2\n\n")])]).await;
    begun(&relay(server.address(), "repeated", "repeat", &resumed).await);
    let expected = pairs(&[("message", "1"), ("message", "2"), FINISHED]);
    assert_eq!(whole(&mut reader(server.address(), "repeated")).await, expected);
    assert_eq!(resumed.asked()[1].header("last-event-id"), "7");
    begun(&relay(server.address(), "unmade", "unmade", &resumed).await);
    assert_eq!(whole(&mut reader(server.address(), "unmade")).await, pairs(&[FAILED]));
    server
        .logged("hub: relay to \"unmade\" failed: the request to the upstream cannot be sent: there is no question", 1)
        .await;
}

pub(super) async fn a_topic_has_one_relay(log: Log) {
    let server = log.component().reuse(1).start().await;
    let address = server.address();
    let upstream = Upstream::start([stream([chunk("data: 1\n\n"), Step::Hold])]).await;
    let existing = fetch(address, Method::GET, "/follow/a/existing").await;
    assert_eq!(existing.status, StatusCode::NO_CONTENT);
    begun(&relay(address, "a", "", &upstream).await);
    let mut reader = EventStream::open(address, "/follow/a/existing,from_start,quiet").await;
    assert_eq!((reader.status, reader.event().await.data.as_str()), (StatusCode::OK, "1"));
    let (status, sentence) = relay(address, "a", "", &upstream).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(sentence.contains("topic \"a\" has a relay"), "{sentence}");
    publish(address, "/end/a", "").await;
    let (status, sentence) = relay(address, "a", "", &upstream).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(sentence.contains("topic \"a\" has ended"), "{sentence}");
    assert_eq!(relay(address, "%2A", "", &upstream).await.0, StatusCode::OK, "it is not decoded");
    assert_eq!(relay(address, "*", "", &upstream).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(upstream.asked_times(2).await.len(), 2);
}

pub(super) async fn a_relay_that_answers_its_request_begins_once_and_is_followed_from_its_start(log: Log) {
    let server = log.component().reuse(1).start().await;
    let events = stream([chunk("data: 1\n\n"), chunk("event: two\ndata: 2\n\n"), Step::End]);
    let upstream = Upstream::start([events]).await;
    let mut bodies = Vec::new();
    for refused in [0, 1, 2] {
        let reply = fetch_with(server.address(), Method::POST, "/answer/a/quiet", &[], upstream.url("/")).await;
        assert_eq!(reply.status, StatusCode::OK);
        let data = reply.body.lines().filter_map(|line| line.strip_prefix("data: "));
        assert_eq!(data.collect::<Vec<_>>(), ["1", "2", FINISHED.1]);
        bodies.push(reply.body.lines().filter(|line| !line.starts_with("retry: ")).collect::<Vec<_>>().join("\n"));
        if refused > 0 {
            server.logged("hub: relay not begun: topic \"a\" has ended", refused).await;
        }
    }
    assert_eq!((upstream.asked().len(), bodies[1] == bodies[2]), (1, true), "{bodies:?}");
}

pub(super) async fn a_relay_answers_before_the_body_of_its_request_has_come(log: Log) {
    let server = log.component().start().await;
    let upstream = Upstream::start([stream([chunk("data: 1\n\n"), Step::End])]).await;
    let (mut client, question) = (TcpStream::connect(server.address()).await.unwrap(), upstream.url("/"));
    let head = format!("POST /answer/a/quiet HTTP/1.1\r\nhost: hub\r\ncontent-length: {}\r\n\r\n", question.len());
    client.write_all(head.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let mut until = async |text: &str, client: &mut TcpStream| {
        within(text, async {
            while !String::from_utf8_lossy(&received).contains(text) {
                assert_ne!(client.read_buf(&mut received).await.unwrap(), 0);
            }
        })
        .await;
    };
    until("text/event-stream", &mut client).await;
    assert_eq!(upstream.asked().len(), 0);
    client.write_all(question.as_bytes()).await.unwrap();
    until("data: 1\n\n", &mut client).await;
    until(FINISHED.1, &mut client).await;
}

pub(super) async fn a_relay_that_is_stopped_drops_its_upstream_and_says_how_far_it_came(log: Log) {
    let server = log.component().reuse(2).start().await;
    let address = server.address();
    let quiet = Upstream::start([stream([chunk("data: 1\n\ndata: 2\n\n"), Step::Hold])]).await;
    let busy = Upstream::start([stream([Step::Endlessly(b"data: x\n\n".to_vec())])]).await;
    for (topic, upstream) in [("quiet", &quiet), ("busy", &busy)] {
        begun(&relay(address, topic, "", upstream).await);
        let mut reader = EventStream::open(address, &format!("/follow/{topic}/from_start,quiet")).await;
        reader.event().await;
        reader.event().await;
        publish(address, &format!("/end/{topic}"), "").await;
        upstream.left(1).await;
        server.logged(&format!("hub: relay to \"{topic}\" stopped after "), 1).await;
        while reader.event().await.name != "end" {}
        assert_eq!(reader.rest().await, (vec![], Item::End));
        is_over(address, topic, reader.last_event_id()).await;
    }
    server.logged("hub: relay to \"quiet\" stopped after 2 updates", 1).await;
}

pub(super) async fn a_relay_whose_host_dies_is_ended_once(log: Log) {
    let start = || log.component().reuse(1).process().start();
    let server = start().await;
    let upstream = Upstream::start([stream([chunk("data: 1\n\ndata: 2\n\n"), Step::Hold])]).await;
    begun(&relay(server.address(), "a", "", &upstream).await);
    let mut readers: Vec<_> = (0..6).map(|_| reader(server.address(), "a")).collect();
    for reader in &mut readers {
        reader.next().await;
        reader.next().await;
    }
    server.stop().await;
    log.expire_relays();
    let server = start().await;
    // Each in an instance of its own, which all notice.
    for reader in &mut readers {
        reader.moves_to(server.address());
    }
    for reader in &mut readers {
        assert_eq!(whole(reader).await, pairs(&[("message", "1"), ("message", "2"), INTERRUPTED]));
        assert_eq!(reader.gaps, 0);
    }
    let all = fetch(server.address(), Method::GET, "/follow/a/from_start,quiet").await;
    assert_eq!(all.body.matches("interrupted").count(), 1, "{}", all.body);
}

pub(super) async fn an_instance_whose_last_stream_ends_ends_all_relays_of_a_dead_host_and_publishes_on(log: Log) {
    const RELAYS: usize = 30;
    let start = || log.component().process().start();
    let topic = |n: usize| format!("t{n:02}");
    let server = start().await;
    let upstream = Upstream::start(vec![stream([chunk("data: 1\n\n"), Step::Hold]); RELAYS]).await;
    for n in 0..RELAYS {
        begun(&relay(server.address(), &topic(n), "", &upstream).await);
    }
    reader(server.address(), &topic(0)).next().await;
    server.stop().await;
    log.expire_relays();
    let server = start().await;
    // It is ended first, while the others are being ended.
    let first = fetch(server.address(), Method::GET, "/follow/t00/from_start,quiet").await;
    assert!(first.body.contains("interrupted"), "{}", first.body);
    publish(server.address(), "/publish/other", "data").await;
    for n in 1..RELAYS {
        assert_eq!(whole(&mut reader(server.address(), &topic(n))).await.last(), pairs(&[INTERRUPTED]).last());
    }
}

pub(super) async fn a_relay_that_the_log_lost_drops_its_upstream_and_is_ended_once(log: Log) {
    let server = log.component().start().await;
    let upstream = Upstream::start([stream([chunk("data: 1\n\n"), Step::Hold])]).await;
    begun(&relay(server.address(), "a", "", &upstream).await);
    let mut reader = reader(server.address(), "a");
    assert_eq!(reader.next().await.data, "1");
    log.forget_relays();
    assert_eq!(whole(&mut reader).await, pairs(&[("message", "1"), INTERRUPTED]));
    upstream.left(1).await;
    server.logged("hub: relay to \"a\" ended after 2 updates", 1).await;
    is_over(server.address(), "a", &reader.updates[1].id).await;
}

pub(super) async fn readers_of_many_relays_that_are_cut_get_each_event_once_and_in_order(log: Log) {
    const RELAYS: usize = 20;
    const EVENTS: usize = 60;
    let server = log.component().reuse(5).variable("stream_seconds", 1).start().await;
    let address = server.address();
    let events: String = (0..EVENTS).map(|n| format!("data: {n}\n\n")).collect();
    let answer = stream([Step::Slowly(events.into_bytes()), Step::End]);
    let upstream = Upstream::start(vec![answer; RELAYS]).await;
    let mut reading = Vec::new();
    for n in 0..RELAYS {
        begun(&relay(address, &n.to_string(), "", &upstream).await);
        for cut in [3, 7] {
            let mut reader = reader(address, &n.to_string());
            reading.push(tokio::spawn(async move {
                for n in 0..EVENTS {
                    assert_eq!(reader.next().await.data, n.to_string());
                    if n % cut == 0 {
                        reader.cut();
                    }
                }
                assert_eq!((reader.next().await.data.as_str(), reader.gaps), (FINISHED.1, 0));
            }));
        }
    }
    for reading in reading {
        reading.await.unwrap();
    }
}

pub(super) async fn a_text_is_relayed_as_it_comes(log: Log) {
    let server = log.component().start().await;
    let head = Step::Head(200, vec![("content-type", "text/plain".to_owned())]);
    let upstream = Upstream::start([vec![head, chunk("one\nl"), Step::End]]).await;
    begun(&relay(server.address(), "a", "text", &upstream).await);
    let got = whole(&mut reader(server.address(), "a")).await;
    let text: String = got.iter().filter(|(name, _)| name == "message").map(|(_, data)| data.as_str()).collect();
    assert_eq!((text.as_str(), got.last()), ("one\nl", pairs(&[FINISHED]).last()));
}

pub(super) async fn a_relay_waits_for_a_log_that_is_away_and_reads_no_further(mut log: Log) {
    // A hundred of these is more than what waits for the log, and than what is on the way to the component.
    let event = |n: usize| format!("data: {n} {}\n\n", "x".repeat(60_000));
    let events: Vec<_> = (0..200).map(|n| chunk(event(n))).collect();
    let server = log.component().start().await;
    let (has_failed, gate) = watch::channel(false);
    let begin = vec![chunk("data: first\n\n"), Step::Gate(gate)];
    let upstream = Upstream::start([stream([begin, events, vec![Step::End]].concat())]).await;
    let mut reader = reader(server.address(), "a");
    begun(&relay(server.address(), "a", "", &upstream).await);
    assert_eq!(reader.next().await.data, "first");
    log.fail();
    has_failed.send_replace(true);
    server.logged("hub: the log cannot be written", 1).await;
    upstream.rests().await;
    assert!(upstream.taken() < 150 * event(0).len(), "{} bytes were read", upstream.taken());
    log.mend();
    for n in 0..200 {
        let data = reader.next().await.data;
        assert_eq!(data.split_once(' ').map(|(number, _)| number), Some(n.to_string().as_str()));
    }
    assert_eq!((reader.next().await.data.as_str(), reader.gaps), (FINISHED.1, 0));
}
