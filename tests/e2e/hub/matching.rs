//! Matchers that are more than a name: URL Patterns, and the URI Templates of 0.x hubs.

use std::net::SocketAddr;

use hyper::{Method, StatusCode};

use super::component::publish;
use crate::support::client::{EventStream, fetch_with};
use crate::support::follower::{Follower, check_numbers, numbers};
use crate::support::hub::{FORM, HUB, Publisher, hub_with_key, token_with};
use crate::support::log::Log;

/// Opens a stream with this query, and waits until it has begun: what is published then is in it.
async fn open(address: SocketAddr, query: &str, authorization: &str) -> EventStream {
    let headers = [("authorization", authorization)];
    let headers = if authorization.is_empty() { &headers[..0] } else { &headers[..] };
    let mut stream = EventStream::open_with(address, &format!("{HUB}?{query}"), headers).await;
    assert_eq!(stream.status, StatusCode::OK, "{query}");
    assert_eq!(stream.event().await.name, "ready");
    stream
}

/// Reads updates up to `end`.
async fn data(stream: &mut EventStream) -> Vec<String> {
    let mut data = Vec::new();
    while data.last().is_none_or(|last| last != "end") {
        data.push(stream.event().await.data);
    }
    data.pop();
    data
}

/// The queries, and what each hears of [`UPDATES`]. The address of the hub is in place of `HOST`.
const QUERIES: [(&str, &str); 13] = [
    ("match=/books/1", "1"),
    ("match_urlpattern=/books/:id", "1 2"),
    ("match_urlpattern=http://HOST/books/:id", "1 2"),
    ("match_urlpattern=../books/*", "1 2"),
    ("match_urlpattern=https://example.com/books/:id", "3"),
    ("match_urlpattern=https://*.example.com/(books%7Cfilms)/:id", "4"),
    ("match_urlpattern=/books/(%5Cd%2B)&match=urn:x", "1 2 6"),
    ("match_urlpattern=*", "1 2 3 4 5 6"),
    // What `turbo_stream_listen` of Symfony UX sends for a class.
    ("topic=https%3A%2F%2Fsymfony.com%2Fux-turbo%2FApp%255CEntity%255CBook%2F%7Bid%7D", "5"),
    ("topic=https://example.com/{%2Bpath}", "3"),
    ("topic={%2Bany}/books/{id}&topic=urn:x", "1 2 3 6"),
    ("match=%7Bid%7D&match=/books/:id", ""),
    ("topic=urn:x&match_urlpattern=/books/1", "1 6"),
];

const UPDATES: [(&str, &str); 6] = [
    ("/books/1", "1"),
    ("http://HOST/books/2", "2"),
    ("https://example.com/books/3", "3"),
    ("https://fr.example.com/films/4", "4"),
    ("https://symfony.com/ux-turbo/App%255CEntity%255CBook/1", "5"),
    ("urn:x", "6"),
];

pub(super) async fn each_kind_of_matcher_selects_what_it_matches(log: Log) {
    let server = log.hub().start().await;
    let address = server.address();
    let here = |text: &str| text.replace("HOST", &address.to_string());
    let mut streams = Vec::new();
    for (query, _) in QUERIES {
        streams.push(open(address, &format!("{}&match=end", here(query)), "").await);
    }
    let mut publisher = Publisher::new(address).await;
    for (topic, data) in UPDATES {
        publisher.publish(&here(topic), data).await;
    }
    publisher.publish("end", "end").await;
    for (stream, (query, hears)) in streams.iter_mut().zip(QUERIES) {
        assert_eq!(data(stream).await.join(" "), hears, "{query}");
        // Who comes later gets the same from the history.
        let mut late = open(address, &format!("{}&match=end&last_event_id=earliest", here(query)), "").await;
        assert_eq!(data(&mut late).await.join(" "), hears, "{query}");
    }
}

/// The claims, and what who follows everything with them hears.
const CLAIMS: [(&str, &str); 9] = [
    (r#"{}"#, "public"),
    (r#"{"mercure":{"subscribe":["https://example.com/books/{id}"]}}"#, "1 12 public"),
    (
        r#"{"mercure":{"subscribe":["https://example.com/users/1/{?topic}","https://example.com/{kind}/1"]}}"#,
        "1 public",
    ),
    (r#"{"mercure":{"subscribe":[{"match":"/books/:id","match_type":"urlpattern"}]}}"#, "relative public"),
    (r#"{"mercure":{"subscribe":[{"match":"{id}"}]}}"#, "public"),
    (
        r#"{"authorization_details":[{"type":"https://mercure.rocks/authorization-detail","actions":["subscribe"],
           "topics":[{"match":"https://example.com/users/:id","match_type":"urlpattern"}]}]}"#,
        "12 public",
    ),
    (
        r#"{"authorization_details":[{"type":"https://mercure.rocks/authorization-detail","actions":["publish"],
           "topics":[{"match":"https://example.com/books/:id","match_type":"urlpattern"}]}]}"#,
        "public",
    ),
    (
        r#"{"authorization_details":[{"type":"https://mercure.rocks/authorization-detail","actions":["subscribe"],
           "topics":[{"match":"*","match_type":"urlpattern"}]}]}"#,
        "1 12 relative public",
    ),
    (r#"{"mercure":{"subscribe":["*"]}}"#, "1 12 relative public"),
];

pub(super) async fn a_private_update_reaches_only_whose_patterns_match_it(log: Log) {
    let server = log.hub().start().await;
    let address = server.address();
    let queries = ["match=*", "match_urlpattern=https://example.com/*&match_urlpattern=/*/:id&match=end"];
    let mut streams = Vec::new();
    for query in queries {
        for (claims, _) in CLAIMS {
            streams.push(open(address, query, &format!("Bearer {}", token_with(claims))).await);
        }
    }
    let mut publisher = Publisher::new(address).await;
    publisher.publish_with("https://example.com/books/1", "1", "&private=on").await;
    let both = "https://example.com/books/2&topic=https://example.com/users/7";
    publisher.publish_with(both, "12", "&private=on").await;
    publisher.publish_with("/books/3", "relative", "&private=on").await;
    publisher.publish("https://example.com/books/4", "public").await;
    publisher.publish("end", "end").await;
    for (stream, (claims, hears)) in streams.iter_mut().zip(CLAIMS.iter().cycle()) {
        assert_eq!(data(stream).await.join(" "), *hears, "{claims}");
    }
    // By `earliest` the same, from pages that all of them share.
    for query in queries {
        for (claims, hears) in CLAIMS {
            let query = format!("{query}&last_event_id=earliest");
            let mut late = open(address, &query, &format!("Bearer {}", token_with(claims))).await;
            assert_eq!(data(&mut late).await.join(" "), hears, "{claims}");
        }
    }
}

pub(super) async fn clients_of_patterns_that_are_cut_get_every_update_once_and_in_order(log: Log) {
    const COUNT: usize = 150;
    let server = log.hub().reuse(4).start().await;
    let address = server.address();
    let queries = ["match_urlpattern=/books/:id&match=end", "topic={%2Bany}books/{id}&topic=end"];
    let clients: Vec<_> = (0..6)
        .map(|client| {
            let path = format!("{HUB}?{}", queries[client % 2]);
            tokio::spawn(Follower::at(address, &path, "earliest").with_cuts("end", client as u64))
        })
        .collect();
    let mut publisher = Publisher::new(address).await;
    for (number, data) in numbers(0, COUNT).enumerate() {
        publisher.publish(&format!("/books/{}", number % 7), &data).await;
        publisher.publish(&format!("/films/{}", number % 7), "of no book").await;
    }
    publisher.publish("end", "end").await;
    for client in clients {
        let client = client.await.unwrap();
        let mut data = client.data();
        assert_eq!((data.pop(), client.gaps), (Some("end"), 0));
        check_numbers(&data, COUNT);
    }
}

pub(super) async fn a_component_lets_its_clients_follow_patterns(log: Log) {
    let server = log.component().start().await;
    let address = server.address();
    let mut stream = EventStream::open(address, "/follow/a/books").await;
    assert_eq!(stream.event().await.name, "ready");
    publish(address, "/publish/b", "of another topic").await;
    publish(address, "/publish/a/private", "1").await;
    // Which host it asks is the client's to say, and adds nothing to what the component chose.
    let here = format!("http://{address}/books/9");
    publish(address, "/batch", &format!("/books/7 2\n/films/7 no book\n{here} no book\n/books/8 3")).await;
    for data in ["1", "2", "3"] {
        assert_eq!(stream.event().await.data, data);
    }
    publish(address, "/end/a", "").await;
    assert_eq!(stream.event().await.data, "over");
    // It does not end with a topic, and nobody is told to stop.
    publish(address, "/batch", "/books/7 5").await;
    assert_eq!(stream.event().await.data, "5");
    let mut late = EventStream::open(address, "/follow/a/books,existing,unended,from_start").await;
    assert_eq!((late.status, late.event().await.name.as_str()), (StatusCode::OK, "ready"));
    assert_eq!(late.event().await.data, "1");
}

#[tokio::test]
async fn a_token_with_patterns_publishes_to_what_they_match() {
    let server = hub_with_key().start().await;
    let details = r#"{"authorization_details":[{"type":"https://mercure.rocks/authorization-detail",
        "actions":["publish"],"topics":[{"match":"/books/:id","match_type":"urlpattern"},{"match":"a"}]}]}"#;
    let templates = r#"{"mercure":{"publish":["https://example.com/books/{id}"]}}"#;
    for (claims, topics, status) in [
        (details, "topic=/books/1&topic=a", 200),
        (details, "topic=/books/1&topic=/films/1", 403),
        (details, "topic=https://example.com/books/1", 403),
        (details, "topic=/books/:id/x", 403),
        (templates, "topic=https://example.com/books/1", 200),
        (templates, "topic=https://example.com/books/1/2", 403),
        (templates, "topic=a", 403),
    ] {
        let authorization = format!("Bearer {}", token_with(claims));
        let headers = [("authorization", authorization.as_str()), ("content-type", FORM)];
        let reply = fetch_with(server.address(), Method::POST, HUB, &headers, topics).await;
        assert_eq!(reply.status.as_u16(), status, "{claims} {topics}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_pattern_that_cannot_be_followed_is_refused() {
    let server = hub_with_key().start().await;
    let long = format!("match_urlpattern=/{}", "x".repeat(1_024));
    let many = vec!["match_urlpattern=/a/:id"; 101].join("&");
    for (query, sentence) in [
        ("match_urlpattern=/(a", "pattern"),
        ("match=a&match_urlpattern=", "a topic to match is empty"),
        ("match_urlpattern=/%0A", "a topic to match contains U+000A"),
        ("match_URLPattern=/a", "parameter \"match_URLPattern\" is not supported"),
        (&long, "is longer than 1024 bytes"),
        (&many, "more than 100 topics to match"),
    ] {
        let reply = fetch_with(server.address(), Method::GET, &format!("{HUB}?{query}"), &[], "").await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}: {}", reply.body);
        assert!(reply.body.contains(sentence), "{query}: {}", reply.body);
    }
    for matcher in [r#"{"match":"/(a","match_type":"urlpattern"}"#, r#"{"match":"a","match_type":"uritemplate"}"#] {
        let claims = format!(r#"{{"mercure":{{"subscribe":["*",{matcher}]}}}}"#);
        let authorization = format!("Bearer {}", token_with(&claims));
        let headers = [("authorization", authorization.as_str())];
        let reply = fetch_with(server.address(), Method::GET, &format!("{HUB}?match=a"), &headers, "").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{matcher}");
    }
}

#[tokio::test]
async fn relative_patterns_are_resolved_against_the_hubs_url() {
    let url = "https://hub.example/x/.well-known/mercure";
    let server = hub_with_key().variable("hub_url", url).start().await;
    let mut stream = open(server.address(), "match_urlpattern=/books/:id&match=end", "").await;
    let mut publisher = Publisher::new(server.address()).await;
    let here = format!("http://{}/books/1", server.address());
    for (topic, data) in [("https://hub.example/books/1", "1"), (here.as_str(), "2"), ("/books/3", "3")] {
        publisher.publish(topic, data).await;
    }
    publisher.publish("end", "end").await;
    assert_eq!(data(&mut stream).await.join(" "), "1 3");
}

/// What a client may say of the host that it asks: the target of its request, and headers.
const HOSTS: [(&str, &[(&str, &str)]); 4] = [
    ("", &[]),
    ("", &[("host", "a.example")]),
    ("http://a.example", &[("host", "a.example")]),
    ("", &[("x-forwarded-host", "a.example"), ("forwarded", "host=a.example"), ("x-forwarded-proto", "http")]),
];

#[tokio::test]
async fn a_host_that_a_client_names_widens_no_token() {
    let details = r#"{"authorization_details":[{"type":"https://mercure.rocks/authorization-detail",
        "actions":["publish","subscribe"],"topics":[{"match":"http://a.example/*","match_type":"urlpattern"}]}]}"#;
    let authorization = format!("Bearer {}", token_with(details));
    for (url, hears, status) in [("", "own", 403), ("http://a.example/.well-known/mercure", "secret own", 200)] {
        let server = hub_with_key().variable("hub_url", url).variable("subscriptions", true).start().await;
        let address = server.address();
        let mut publisher = Publisher::new(address).await;
        publisher.publish_with("secret-room", "secret", "&private=on").await;
        publisher.publish_with("http://a.example/room", "own", "&private=on").await;
        publisher.publish("end", "end").await;
        for (target, named) in HOSTS {
            let headers: Vec<_> = named.iter().copied().chain([("authorization", authorization.as_str())]).collect();
            let query = format!("{target}{HUB}?match=*&last_event_id=earliest");
            let mut stream = EventStream::open_with(address, &query, &headers).await;
            assert_eq!(stream.status, StatusCode::OK, "{url} {target} {named:?}");
            assert_eq!(stream.event().await.name, "ready");
            let mut heard = data(&mut stream).await;
            heard.retain(|data| !data.starts_with('{'));
            assert_eq!(heard.join(" "), hears, "{url} {target} {named:?}");
            let path = format!("{target}{HUB}/subscriptions");
            let listed = fetch_with(address, Method::GET, &path, &headers, "").await;
            assert_eq!(listed.status.as_u16(), status, "{url} {target} {named:?}: {}", listed.body);
            let headers: Vec<_> = headers.iter().copied().chain([("content-type", FORM)]).collect();
            for (topic, status) in [("secret-room", status), ("http://a.example/room", 200)] {
                let reply = fetch_with(
                    address,
                    Method::POST,
                    &format!("{target}{HUB}"),
                    &headers,
                    format!("topic={topic}&private"),
                )
                .await;
                assert_eq!(reply.status.as_u16(), status, "{url} {target} {named:?} {topic}: {}", reply.body);
            }
        }
    }
}
