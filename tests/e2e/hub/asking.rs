//! What a subscriber may ask for, and how: by `QUERY`, by `HEAD`, after which update, and when there are too many.

use std::time::Duration;

use hyper::{Method, StatusCode};

use crate::support::client::{EventStream, Item, fetch_with};
use crate::support::hub::{FORM, HUB, Publisher, hub_with_key, token};
use crate::support::log::Log;
use crate::support::server::hub;

const PRECEDING: &str = "mercure-last-event-id";

fn query() -> Method {
    Method::from_bytes(b"QUERY").unwrap()
}

/// What the response head says of the update that precedes the stream.
#[track_caller]
fn precedes(stream: &EventStream, expected: &str) {
    let preceding = stream.headers.get(PRECEDING).map_or("", |id| id.to_str().unwrap());
    assert_eq!((stream.status, preceding), (StatusCode::OK, expected));
}

pub(super) async fn a_response_head_says_which_update_precedes_the_stream(mut log: Log) {
    let server = log.hub().start().await;
    let address = server.address();
    let mut publisher = Publisher::new(address).await;
    let first = publisher.publish("demo", "0").await;
    publisher.publish_with("demo", "1", "&id=caf%C3%A9").await;
    let encoded = first.replace('#', "%23");
    let after = |name: &str, id: &str| format!("{HUB}?match=demo&{name}={id}");
    let cases = [
        (format!("{HUB}?match=demo"), None, ""),
        (format!("{HUB}?match=demo"), Some(""), "earliest"),
        (after("last_event_id", ""), None, "earliest"),
        (after("last_event_id", "earliest"), None, "earliest"),
        (after("last_event_id", "unknown"), None, "earliest"),
        (after("last_event_id", "a%0Ab"), None, "earliest"),
        (after("last_event_id", &encoded), None, &first),
        (after("lastEventID", &encoded), None, &first),
        (after("Last-Event-ID", &encoded), None, &first),
        (after("last_event_id", "unknown"), Some(&*first), &first),
    ];
    for method in [Method::GET, Method::HEAD] {
        for (path, header, expected) in &cases {
            let header = header.map(|id| ("last-event-id", id));
            let headers: Vec<_> = header.into_iter().collect();
            let stream = EventStream::ask(address, method.clone(), path, &headers, "").await;
            precedes(&stream.unwrap(), expected);
        }
    }
    let stream = EventStream::open(address, &after("last_event_id", "caf%C3%A9")).await;
    assert_eq!(stream.headers[PRECEDING].as_bytes(), "café".as_bytes());
    // While the log is away, a client is where it says that it is: it has lost nothing yet.
    log.fail();
    for method in [Method::GET, Method::HEAD] {
        for (id, expected) in [("unknown", "unknown"), (&*encoded, &*first), ("earliest", "earliest")] {
            let stream = EventStream::ask(address, method.clone(), &after("last_event_id", id), &[], "").await;
            precedes(&stream.unwrap(), expected);
        }
    }
    log.mend();
}

#[tokio::test]
async fn a_client_that_may_stop_is_told_after_which_update() {
    let server = hub_with_key().start().await;
    let last = Publisher::new(server.address()).await.publish_with("demo", "0", "&last").await;
    let headers = [("last-event-id", &*last)];
    for method in [Method::GET, Method::HEAD] {
        let reply = fetch_with(server.address(), method, &format!("{HUB}?match=demo"), &headers, "").await;
        assert_eq!((reply.status, reply.header(PRECEDING)), (StatusCode::NO_CONTENT, &*last));
    }
}

#[tokio::test]
async fn a_query_asks_with_its_body_and_its_query_together() {
    let server = hub_with_key().start().await;
    let address = server.address();
    let mut publisher = Publisher::new(address).await;
    let mut ids = Vec::new();
    for topic in ["a", "b", "c", "d"] {
        ids.push(publisher.publish(topic, topic).await.replace('#', "%23"));
    }
    let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let header = [form[0], ("last-event-id", &*ids[2].replace("%23", "#"))];
    let cases = [
        ("?match=a&match=d", "match=c&last_event_id=earliest".to_owned(), &form[..], &["a", "c", "d"][..]),
        ("", "match=b&match=d&last_event_id=earliest".to_owned(), &form, &["b", "d"]),
        ("?match=d&last_event_id=earliest", format!("match=a&last_event_id={}", ids[1]), &form, &["a", "d"]),
        ("?match=d&last_event_id=", format!("match=b&last_event_id={}", ids[0]), &form, &["b", "d"]),
        ("?last_event_id=earliest", format!("match=*&last_event_id={}", ids[1]), &header, &["d"]),
        ("?match=d&last_event_id=earliest", String::new(), &[], &["d"]),
    ];
    for (search, body, headers, expected) in cases {
        let stream = EventStream::ask(address, query(), &format!("{HUB}{search}"), headers, &body).await;
        let mut stream = stream.unwrap();
        assert_eq!((stream.status, stream.event().await.name.as_str()), (StatusCode::OK, "ready"), "{search} {body}");
        for data in expected {
            assert_eq!(stream.event().await.data, *data, "{search} {body}");
        }
    }
}

#[tokio::test]
async fn a_query_whose_body_is_no_form_of_topics_is_refused_in_one_sentence() {
    let server = hub_with_key().start().await;
    let form = ("content-type", FORM);
    let large = format!("match=a&x={}", "x".repeat(1_100_000));
    for (headers, body, status, sentence) in [
        (&[][..], "match=a", 415, "the body has another content-type: send application/x-www-form-urlencoded"),
        (&[("content-type", "application/json")], "{}", 415, "the body has another content-type"),
        (&[form], "Match=a", 400, "parameter \"Match\" is not supported"),
        (&[form], "match=%FF", 400, "match is not UTF-8"),
        (&[form], "x=1", 400, "no topic to follow"),
        (&[form], &large, 413, "the body is larger than"),
    ] {
        let reply = fetch_with(server.address(), query(), HUB, headers, body).await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.body);
        assert!(reply.body.starts_with(sentence), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_query_without_a_token_is_refused_before_its_body_is_read() {
    let server = hub_with_key().variable("anonymous", false).start().await;
    let form = ("content-type", FORM);
    // Its body would be refused too.
    let reply = fetch_with(server.address(), query(), HUB, &[form], "Match=a").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.body);
    let authorization = format!("Bearer {}", token(&[], &[]));
    let headers = [form, ("authorization", &*authorization)];
    let stream = EventStream::ask(server.address(), query(), HUB, &headers, "match=a").await.unwrap();
    assert_eq!(stream.status, StatusCode::OK);
}

#[tokio::test]
async fn a_hub_is_quiet_where_the_query_does_not_say_that_it_is_not() {
    let server = hub_with_key().variable("quiet", true).start().await;
    let id = Publisher::new(server.address()).await.publish("demo", "0").await;
    let path = format!("{HUB}?match=demo&last_event_id=earliest");
    let mut stream = EventStream::open(server.address(), &path).await;
    assert_eq!(stream.event().await.id, id);
    let mut stream = EventStream::open(server.address(), &format!("{path}&quiet=false")).await;
    assert_eq!(stream.event().await.name, "ready");
}

#[tokio::test]
async fn an_update_may_have_any_type_but_that_of_the_protocol() {
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let types = ["error", "open", "ready", "gap", "place", "message"];
    for name in types {
        publisher.publish_with("demo", name, &format!("&type={name}")).await;
    }
    let path = format!("{HUB}?match=demo&last_event_id=earliest&quiet=true");
    let mut stream = EventStream::open(server.address(), &path).await;
    for name in types {
        let event = stream.event().await;
        assert_eq!((event.name.as_str(), event.data.as_str()), (name, name));
    }
    let reply = publisher.send(FORM, "topic=demo&type=mercure").await.unwrap();
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_comes_when_there_are_as_many_streams_as_there_may_be_is_told_to_come_later() {
    let setup = hub().variable("cors_origins", "https://page.example").variable("max_streams", 3).reuse(128);
    let server = setup.start().await;
    let path = format!("{HUB}?match=demo");
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = EventStream::open(server.address(), &path).await;
        assert!(matches!(stream.item().await, Item::Retry(_)));
        streams.push(stream);
    }
    let headers = [("origin", "https://page.example")];
    let reply = fetch_with(server.address(), Method::GET, &path, &headers, "").await;
    assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "10"));
    assert_eq!(reply.body, "there are too many streams: come back later\n");
    assert_eq!(reply.header("access-control-allow-origin"), "https://page.example");
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    // Who asks for the head alone opens no stream.
    let reply = fetch_with(server.address(), Method::HEAD, &path, &[], "").await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn the_streams_of_all_instances_count_together() {
    let server = hub().variable("max_streams", 6).reuse(4).start().await;
    let path = format!("{HUB}?match=demo");
    let mut streams = Vec::new();
    loop {
        let stream = EventStream::open(server.address(), &path).await;
        if stream.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        streams.push(stream);
        // An instance that takes its first stream does not know of the others before it has said that it is there.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(streams.len() <= 8, "two more than there may be: the first streams of two instances");
    }
    assert!(streams.len() >= 6, "{}", streams.len());
}
