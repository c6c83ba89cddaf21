//! The hub: what is promised to publishers and subscribers.

use std::time::Duration;

use hyper::{Method, StatusCode};
use tokio::task::JoinSet;

use crate::support::client::{EventStream, Item, fetch_with};
use crate::support::hub::{Follower, HUB, Publisher, follow, hub_with_key, token, token_until};
use crate::support::server::{Server, hub};
use crate::support::{unix_time, within};

/// Each number once, in order.
#[track_caller]
fn check_numbers(data: &[&str], count: usize) {
    let expected: Vec<String> = (0..count).map(|n| n.to_string()).collect();
    let first_wrong = data.iter().zip(&expected).position(|(received, expected)| received != expected);
    assert_eq!(first_wrong, None, "received {:?}", &data[first_wrong.unwrap_or(0)..]);
    assert_eq!(data.len(), count);
}

fn numbers(from: usize, to: usize) -> impl Iterator<Item = String> {
    (from..to).map(|n| n.to_string())
}

/// A number below `bound`, the same in every run of the test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A follower that is cut after every few updates until it has all.
async fn follow_with_cuts(mut follower: Follower, count: usize, seed: u64) -> Follower {
    let mut dice = Dice(seed);
    while follower.updates.len() < count {
        let few = 1 + dice.below(40) as usize;
        follower.until(count.min(follower.updates.len() + few)).await;
        follower.cut();
    }
    follower
}

#[tokio::test]
async fn an_update_reaches_a_subscriber_with_all_its_fields() {
    let server = hub_with_key().start().await;
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

#[tokio::test]
async fn a_subscriber_chooses_where_it_starts() {
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let first = publisher.publish("demo", "0").await;
    publisher.publish_with("demo", "1", "&id=urn:one").await;
    publisher.publish("demo", "2").await;
    for (last, expected) in [("earliest", "0"), (&*first, "1"), ("urn:one", "2")] {
        let mut stream = follow(server.address(), "demo", last).await;
        assert_eq!(stream.event().await.data, expected, "{last}");
        assert_eq!(stream.headers["mercure-last-event-id"], last);
    }
    let mut stream = follow(server.address(), "demo", "").await;
    assert!(!stream.headers.contains_key("mercure-last-event-id"));
    publisher.publish("demo", "3").await;
    assert_eq!(stream.event().await.data, "3");
}

#[tokio::test]
async fn a_subscriber_cut_at_random_receives_every_update_once_and_in_order() {
    const UPDATES: usize = 1_000;
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let live = tokio::spawn(follow_with_cuts(Follower::new(server.address(), "demo", "earliest"), UPDATES, 1));
    for n in 0..UPDATES {
        publisher.publish("demo", &n.to_string()).await;
    }
    let live = within("the live subscriber", live).await.unwrap();
    check_numbers(&live.data(), UPDATES);
    let late = Follower::new(server.address(), "demo", "earliest");
    let late = within("the late subscriber", follow_with_cuts(late, UPDATES, 2)).await;
    check_numbers(&late.data(), UPDATES);
    assert!(late.connections > 20 && late.gaps + live.gaps == 0);
}

#[tokio::test]
async fn many_instances_and_rotations_lose_and_double_nothing() {
    const UPDATES: usize = 600;
    let server = hub_with_key().reuse(8).variable("stream_seconds", 1).variable("retry_ms", 10).start().await;
    let mut followers = JoinSet::new();
    for seed in 0..12 {
        followers.spawn(follow_with_cuts(Follower::new(server.address(), "demo", "earliest"), UPDATES, seed));
    }
    for seed in 0..4 {
        let mut follower = Follower::new(server.address(), "demo", "earliest");
        followers.spawn(async move {
            // Cut by the hub alone.
            follower.until(UPDATES).await;
            assert!(follower.connections > 1, "streams of one second should have rotated, {seed}");
            follower
        });
    }
    let mut publisher = Publisher::new(server.address()).await;
    for n in 0..UPDATES {
        publisher.publish("demo", &n.to_string()).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    while let Some(follower) = within("a subscriber", followers.join_next()).await {
        let follower = follower.unwrap();
        check_numbers(&follower.data(), UPDATES);
        assert_eq!(follower.gaps, 0);
    }
}

#[tokio::test]
async fn a_byte_budget_rotates_without_loss() {
    const UPDATES: usize = 200;
    let server = hub_with_key().variable("stream_bytes", 1_000).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish_all("demo", numbers(0, UPDATES)).await;
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    follower.until(UPDATES).await;
    check_numbers(&follower.data(), UPDATES);
    assert!(follower.connections > 4, "{}", follower.connections);
}

#[tokio::test]
async fn a_killed_host_loses_nothing_that_it_answered_and_doubles_nothing() {
    let state = tempfile::tempdir().unwrap();
    let start = || hub_with_key().reuse(8).state(state.path()).process().start();
    let mut server = start().await;
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    let mut answered = Vec::new();
    for round in 0..3 {
        let mut publisher = Publisher::new(server.address()).await;
        let publishing = tokio::spawn(async move {
            let mut answered = Vec::new();
            for n in 0.. {
                let data = format!("{round}-{n}");
                let body = format!("topic=demo&data={data}");
                match publisher.send("application/x-www-form-urlencoded", body).await {
                    Some((StatusCode::OK, _)) => answered.push(data),
                    _ => break,
                }
            }
            answered
        });
        let before = follower.updates.len();
        follower.until(before + 50).await;
        // In the middle of publishing and of following.
        server.stop().await;
        answered.extend(within("the publisher to notice", publishing).await.unwrap());
        server = start().await;
        follower.moves_to(server.address());
    }
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish("demo", "end").await;
    while follower.next().await.data != "end" {}
    let received = follower.data();
    let mut expected = answered.iter().map(String::as_str).chain(["end"]).peekable();
    // An update whose answer was lost may have been stored: then it is there once, in its place.
    let unanswered = received.iter().filter(|data| expected.next_if_eq(*data).is_none()).count();
    assert_eq!(expected.next(), None, "an update that was answered is missing");
    assert!(unanswered <= 3, "{unanswered} updates were doubled or out of order");
    assert_eq!(follower.gaps, 0);
}

#[tokio::test]
async fn ten_publishers_at_once_make_one_order_for_all() {
    const EACH: usize = 60;
    let server = hub_with_key().reuse(4).start().await;
    let mut followers = JoinSet::new();
    for _ in 0..6 {
        let mut follower = Follower::new(server.address(), "*", "earliest");
        followers.spawn(async move {
            follower.until(10 * EACH).await;
            follower
        });
    }
    let mut publishers = JoinSet::new();
    for publisher in 0..10 {
        let address = server.address();
        publishers.spawn(async move {
            let mut connection = Publisher::new(address).await;
            for n in 0..EACH {
                connection.publish(&format!("topic-{publisher}"), &format!("{publisher}-{n}")).await;
            }
        });
    }
    while let Some(publisher) = within("a publisher", publishers.join_next()).await {
        publisher.unwrap();
    }
    let mut orders = Vec::new();
    while let Some(follower) = within("a follower", followers.join_next()).await {
        orders.push(follower.unwrap().updates);
    }
    assert!(orders.iter().all(|order| *order == orders[0]), "all subscribers see one order");
    for publisher in 0..10 {
        let prefix = format!("{publisher}-");
        let own: Vec<_> = orders[0].iter().filter_map(|event| event.data.strip_prefix(&prefix)).collect();
        check_numbers(&own, EACH);
    }
}

#[tokio::test]
async fn publications_that_are_under_way_together_all_get_their_own_id() {
    let server = hub_with_key().start().await;
    let mut publishers = JoinSet::new();
    for n in 0..40 {
        let address = server.address();
        publishers.spawn(async move {
            let mut publisher = Publisher::new(address).await;
            let mut ids = publisher.publish_all("demo", [format!("{n}-0"), format!("{n}-1")]).await;
            ids.push(publisher.publish("demo", &format!("{n}-2")).await);
            (n, ids)
        });
    }
    let mut given = Vec::new();
    while let Some(ids) = within("a publisher", publishers.join_next()).await {
        let (n, ids) = ids.unwrap();
        given.extend(ids.into_iter().zip(0..).map(|(id, part)| (id, format!("{n}-{part}"))));
    }
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    follower.until(120).await;
    let mut received: Vec<_> = follower.updates.into_iter().map(|event| (event.id, event.data)).collect();
    received.sort();
    given.sort();
    assert_eq!(received, given);
}

#[tokio::test]
async fn a_batch_is_one_and_is_answered_with_an_id_a_line() {
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let ids = publisher.publish_all("demo", numbers(0, 300)).await;
    let mut follower = Follower::new(server.address(), "demo", "earliest");
    follower.until(300).await;
    check_numbers(&follower.data(), 300);
    let received: Vec<_> = follower.updates.iter().map(|event| event.id.clone()).collect();
    assert_eq!(received, ids);
    let batch = "{\"topic\":\"demo\",\"data\":\"good\"}\n{\"topic\":\"*\"}\n";
    let (status, reason) = publisher.send("application/x-ndjson", batch).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(reason.contains("line 2"), "{reason}");
    publisher.publish("demo", "300").await;
    assert_eq!(follower.next().await.data, "300", "nothing of a refused batch is published");
}

#[tokio::test]
async fn an_answer_without_a_body_has_the_id_in_a_header() {
    let server = hub_with_key().start().await;
    let authorization = format!("Bearer {}", token(&["demo"], &[]));
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("prefer", "return=minimal"),
    ];
    let reply = fetch_with(server.address(), Method::POST, HUB, &headers, "topic=demo&data=x").await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert!(reply.header("mercure-id").starts_with('#'));
    assert_eq!(reply.header("preference-applied"), "return=minimal");
}

#[tokio::test]
async fn history_that_was_pruned_is_announced_as_a_gap() {
    let server = hub_with_key().variable("history_updates", 20).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let ids = publisher.publish_all("demo", numbers(0, 100)).await;
    let mut follower = Follower::new(server.address(), "demo", &ids[9]);
    follower.until(20).await;
    assert_eq!((follower.gaps, follower.updates[0].data.as_str()), (1, "80"));
    // Once it has heard of the gap, there is none any more.
    follower.cut();
    publisher.publish("demo", "100").await;
    assert_eq!((follower.next().await.data.as_str(), follower.gaps), ("100", 1));
    let mut stream = follow(server.address(), "demo", &ids[9]).await;
    assert_eq!(stream.last_event_id(), ids[9], "a client cut before it hears of the gap is told again");
    let gap = stream.event().await;
    assert_eq!(gap.data, format!(r#"{{"lastEventId":"{}","oldest":"{}"}}"#, ids[9], ids[81]));
    assert_eq!(stream.headers["mercure-last-event-id"], "earliest");
}

#[tokio::test]
async fn ids_of_another_log_are_announced_as_a_gap() {
    let state = tempfile::tempdir().unwrap();
    let server = hub_with_key().state(state.path()).start().await;
    let old = Publisher::new(server.address()).await.publish_all("demo", numbers(0, 5)).await;
    server.stop().await;
    for file in std::fs::read_dir(state.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            std::fs::remove_file(path).unwrap();
        }
    }
    let server = hub_with_key().state(state.path()).start().await;
    let new = Publisher::new(server.address()).await.publish_all("demo", numbers(0, 9)).await;
    assert_ne!(old[0], new[0]);
    for last in [old[2].as_str(), "#0000-1", "urn:unknown", "#", "%00", "nonsense"] {
        let mut follower = Follower::new(server.address(), "demo", last);
        follower.until(9).await;
        check_numbers(&follower.data(), 9);
        assert_eq!(follower.gaps, 1, "{last}");
    }
}

#[tokio::test]
async fn a_reader_that_stops_delays_nobody_and_costs_no_memory() {
    const UPDATES: usize = 400;
    let server = hub_with_key().process().start().await;
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

#[tokio::test]
async fn the_largest_updates_reach_everyone_and_are_not_copied_for_each() {
    const SUBSCRIBERS: usize = 60;
    let server = hub_with_key().process().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let large = "x".repeat(1_000_000);
    publisher.publish("demo", "0").await;
    let mut live = follow(server.address(), "demo", "earliest").await;
    assert_eq!(live.event().await.data, "0");
    let mut stopped = Vec::new();
    for _ in 0..SUBSCRIBERS {
        stopped.push(follow(server.address(), "demo", "").await);
    }
    let before = server.resident();
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
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 60 * 1024 * 1024, "{} MiB", grown >> 20);
    // Each line costs six bytes more on the wire.
    let lines = "%0A".repeat(300_000);
    let body = format!("topic=demo&data={lines}");
    let (status, reason) = publisher.send("application/x-www-form-urlencoded", body).await.unwrap();
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{reason}");
    assert!(reason.contains("fewer lines"), "{reason}");
}

#[tokio::test]
async fn a_log_that_is_replaced_under_a_running_hub_is_a_gap_for_those_who_knew_the_old_one() {
    let state = tempfile::tempdir().unwrap();
    // Polled so seldom that who comes knows the new log before the tail does.
    let server = hub_with_key().state(state.path()).variable("poll_ms", 3_000).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish_all("demo", numbers(0, 5)).await;
    let mut old = follow(server.address(), "demo", "").await;
    let database = rusqlite::Connection::open(state.path().join("sqlite_db.db")).unwrap();
    database.execute("UPDATE hub SET epoch = 'eeee'", []).unwrap();
    let mut new = follow(server.address(), "demo", "#eeee-3").await;
    assert_eq!(new.event().await.data, "3");
    assert_eq!(new.event().await.data, "4");
    assert_eq!(old.event().await.name, "gap");
    for n in 0..5 {
        assert_eq!(old.event().await.data, n.to_string());
    }
}

#[tokio::test]
async fn a_subscriber_that_reads_a_byte_at_a_time_receives_everything() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = hub_with_key().start().await;
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

#[tokio::test]
async fn private_updates_reach_only_who_may_read_them() {
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut open = Vec::new();
    for grant in [&[][..], &["other"], &["demo"], &["*"]] {
        let authorization = format!("Bearer {}", token(&[], grant));
        let headers = [("authorization", authorization.as_str())];
        let path = format!("{HUB}?match=*");
        open.push(EventStream::open_with(server.address(), &path, &headers).await);
    }
    open.push(EventStream::open(server.address(), &format!("{HUB}?match=*")).await);
    publisher.publish_with("demo", "secret", "&private=on").await;
    publisher.publish("demo", "public").await;
    for (stream, expected) in open.iter_mut().zip(["public", "public", "secret", "secret", "public"]) {
        assert_eq!(stream.event().await.name, "ready");
        assert_eq!(stream.event().await.data, expected);
    }
    // Replay is no other path.
    let mut stream = follow(server.address(), "demo", "earliest").await;
    assert_eq!(stream.event().await.data, "public");
    let cookie = format!("a=b; mercureAuthorization={}", token(&[], &["demo"]));
    let path = format!("{HUB}?match=demo&last_event_id=earliest");
    let mut stream = EventStream::open_with(server.address(), &path, &[("cookie", &cookie)]).await;
    stream.event().await;
    assert_eq!(stream.event().await.data, "secret");
}

#[tokio::test]
async fn a_stream_ends_when_its_token_does() {
    let server = hub_with_key().start().await;
    let authorization = format!("Bearer {}", token_until(&[], &["demo"], Some(unix_time() + 2)));
    let headers = [("authorization", authorization.as_str())];
    let path = format!("{HUB}?match=demo");
    let mut stream = EventStream::open_with(server.address(), &path, &headers).await;
    let (events, end) = stream.rest().await;
    assert_eq!((events.len(), end), (1, Item::End));
    let reply = fetch_with(server.address(), Method::GET, &path, &headers, "").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("www-authenticate"), r#"Bearer error="invalid_token""#);
}

/// Method, query, headers, body, expected status, and what the sentence must contain.
type Refused<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

async fn check_refusals(server: &Server, refused: &[Refused<'_>]) {
    for (method, query, headers, body, status, sentence) in refused {
        let path = format!("{HUB}{query}");
        let reply = fetch_with(server.address(), method.clone(), &path, headers, *body).await;
        assert_eq!(reply.status, *status, "{method} {query} {headers:?}: {}", reply.body);
        assert!(reply.body.contains(sentence), "{method} {query}: {}", reply.body);
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn a_refusal_has_a_status_and_a_sentence() {
    let server = hub_with_key().start().await;
    let all = format!("Bearer {}", token(&["*"], &[]));
    let some = format!("Bearer {}", token(&["demo"], &[]));
    let cookie = format!("mercureAuthorization={}", token(&["*"], &[]));
    let form = ("content-type", "application/x-www-form-urlencoded");
    let (all, some) = (("authorization", all.as_str()), ("authorization", some.as_str()));
    let large = format!("topic=demo&data={}", "x".repeat(1024 * 1024));
    let (get, post) = (Method::GET, Method::POST);
    check_refusals(
        &server,
        &[
            (get.clone(), "", &[], "", 400, "match"),
            (get.clone(), "?match_urlpattern=x", &[], "", 400, "match_urlpattern"),
            (get.clone(), "?match=a&authorization=x", &[], "", 400, "URL"),
            (get.clone(), "?match=a", &[("authorization", "Bearer x.y.z")], "", 401, "token"),
            (get, "?match=a", &[("authorization", "Basic eDp5")], "", 400, "Bearer"),
            (post.clone(), "", &[form], "topic=demo", 401, "token"),
            (post.clone(), "", &[form, some], "topic=demo&topic=other", 403, "other"),
            (post.clone(), "", &[form, ("cookie", &cookie)], "topic=demo", 403, "cors_origins"),
            (post.clone(), "", &[form, all], "data=x", 400, "topic"),
            (post.clone(), "", &[form, all], "topic=*", 400, "*"),
            (post.clone(), "", &[form, all], "topic=a&id=%231", 400, "id"),
            (post.clone(), "", &[form, all], "topic=a&type=ready", 400, "ready"),
            (post.clone(), "", &[all], "topic=demo", 415, "content-type"),
            (post, "", &[form, all], &large, 413, "larger"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_hub_without_a_key_says_how_to_set_one_and_lets_the_public_read() {
    let server = hub().variable("jwt_secret", "").start().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let refused = (Method::POST, "", &[form][..], "topic=demo", 503, "jwt_secret");
    check_refusals(&server, &[refused]).await;
    follow(server.address(), "demo", "").await;
}

#[tokio::test]
async fn a_hub_that_is_not_anonymous_wants_a_token() {
    let server = hub_with_key().variable("anonymous", false).start().await;
    check_refusals(&server, &[(Method::GET, "?match=demo", &[], "", 401, "token")]).await;
    let authorization = format!("Bearer {}", token(&[], &[]));
    let path = format!("{HUB}?match=demo");
    let stream = EventStream::open_with(server.address(), &path, &[("authorization", &authorization)]).await;
    assert_eq!(stream.status, StatusCode::OK);
}

#[tokio::test]
async fn a_variable_that_is_not_understood_is_named() {
    for (name, value) in [("poll_ms", "fast"), ("anonymous", "maybe"), ("cors_origins", "example.com")] {
        let server = hub().variable(name, value).start().await;
        check_refusals(&server, &[(Method::GET, "?match=demo", &[], "", 500, name)]).await;
    }
}

#[tokio::test]
async fn pages_of_listed_origins_may_use_the_hub() {
    let server = hub_with_key().variable("cors_origins", "https://app.example").start().await;
    let origin = ("origin", "https://app.example");
    let preflight = [origin, ("access-control-request-method", "POST")];
    let reply = fetch_with(server.address(), Method::OPTIONS, HUB, &preflight, "").await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(reply.header("access-control-allow-credentials"), "true");
    assert!(reply.header("access-control-allow-headers").contains("authorization"));
    let cookie = format!("mercureAuthorization={}", token(&["demo"], &[]));
    let headers = [origin, ("cookie", &*cookie), ("content-type", "application/x-www-form-urlencoded")];
    let reply = fetch_with(server.address(), Method::POST, HUB, &headers, "topic=demo&data=x").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (StatusCode::OK, "https://app.example"));
    let path = format!("{HUB}?match=demo");
    let stream = EventStream::open_with(server.address(), &path, &[origin]).await;
    assert_eq!(stream.headers["access-control-allow-origin"], "https://app.example");
    let stream = EventStream::open_with(server.address(), &path, &[("origin", "https://evil.example")]).await;
    assert!(!stream.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn an_update_is_found_by_other_instances() {
    // Each request has an instance of its own: the publisher's cannot nudge the subscriber's.
    let server = hub_with_key().reuse(1).start().await;
    let mut stream = follow(server.address(), "demo", "").await;
    let mut publisher = Publisher::new(server.address()).await;
    for n in 0..5 {
        publisher.publish("demo", &n.to_string()).await;
        assert_eq!(stream.event().await.data, n.to_string());
    }
}

#[tokio::test]
async fn a_log_that_fails_ends_no_stream_and_loses_nothing() {
    let state = tempfile::tempdir().unwrap();
    let server = hub_with_key().state(state.path()).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut stream = follow(server.address(), "demo", "").await;
    publisher.publish("demo", "0").await;
    assert_eq!(stream.event().await.data, "0");
    let database = rusqlite::Connection::open(state.path().join("sqlite_db.db")).unwrap();
    database.execute("ALTER TABLE hub RENAME COLUMN epoch TO away", []).unwrap();
    server.logged("the log is unavailable", 1).await;
    let (status, sentence) = publisher.send("application/x-www-form-urlencoded", "topic=demo&data=lost").await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(sentence.contains("publish again"), "{sentence}");
    let authorization = format!("Bearer {}", token(&["demo"], &[]));
    let headers = [("authorization", &*authorization), ("content-type", "application/x-www-form-urlencoded")];
    let reply = fetch_with(server.address(), Method::POST, HUB, &headers, "topic=demo&data=lost").await;
    assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    let path = format!("{HUB}?match=demo&last_event_id=earliest");
    let mut refused = EventStream::open(server.address(), &path).await;
    assert_eq!(refused.status, StatusCode::OK, "an error would make EventSource stop for good");
    assert!(matches!(refused.item().await, Item::Retry(_)));
    assert_eq!(refused.item().await, Item::End);
    database.execute("ALTER TABLE hub RENAME COLUMN away TO epoch", []).unwrap();
    server.logged("the log is back", 1).await;
    publisher.publish("demo", "1").await;
    assert_eq!(stream.event().await.data, "1");
    let said = server.lines().iter().filter(|line| line.contains("streams stay open")).count();
    assert_eq!(said, 1, "it is said once");
}

#[tokio::test]
async fn a_quiet_topic_does_not_cost_a_subscriber_its_place() {
    let server = hub_with_key().variable("history_updates", 60).variable("stream_seconds", 2).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut busy = Follower::new(server.address(), "busy", "earliest");
    let mut stream = follow(server.address(), "quiet", "").await;
    let before = stream.last_event_id().to_owned();
    publisher.publish_all("busy", numbers(0, 50)).await;
    busy.until(50).await;
    let ids = publisher.publish_all("busy", numbers(50, 100)).await;
    busy.until(100).await;
    let (events, end) = stream.rest().await;
    assert_eq!((events.len(), end), (0, Item::End));
    assert_ne!(stream.last_event_id(), before);
    assert_eq!(stream.last_event_id(), ids[49], "the last words carry the place reached");
    let mut follower = Follower::new(server.address(), "quiet", stream.last_event_id());
    publisher.publish("quiet", "hello").await;
    assert_eq!((follower.next().await.data.as_str(), follower.gaps), ("hello", 0));
}
