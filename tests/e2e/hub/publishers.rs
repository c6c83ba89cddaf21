//! Requests of libraries for publishers, as they were recorded: the same update, written in their ways.

use hyper::{Method, StatusCode};

use crate::support::client::{EventStream, fetch_with};
use crate::support::hub::{HUB, hub_with_key, token};

const FORM: &str = "application/x-www-form-urlencoded";
const DATA: &str = "é & +\n\"x\"~*";
/// Who sent it, its content type, its body.
const REQUESTS: [(&str, &str, &str); 6] = [
    (
        "URLSearchParams by fetch, in browsers and Node",
        "application/x-www-form-urlencoded;charset=UTF-8",
        "topic=https%3A%2F%2Fexample.com%2Fbooks%2F1&topic=a+b&data=%C3%A9+%26+%2B%0A%22x%22%7E*&private=on&id=urn%3A1&\
         type=book+added&retry=1500",
    ),
    (
        "Node's querystring",
        FORM,
        "topic=https%3A%2F%2Fexample.com%2Fbooks%2F1&topic=a%20b&data=%C3%A9%20%26%20%2B%0A%22x%22~*&private=on&\
         id=urn%3A1&type=book%20added&retry=1500",
    ),
    (
        "Python's urlencode, requests and httpx",
        FORM,
        "topic=https%3A%2F%2Fexample.com%2Fbooks%2F1&topic=a+b&data=%C3%A9+%26+%2B%0A%22x%22~%2A&private=on&id=urn%3A1&\
         type=book+added&retry=1500",
    ),
    (
        "Dart's HttpClient, as the package mercure_dart uses it",
        "application/x-www-form-urlencoded; charset=utf-8",
        "topic=https%3A%2F%2Fexample.com%2Fbooks%2F1&topic=a+b&data=%C3%A9+%26+%2B%0A%22x%22~*&private=on&id=urn%3A1&\
         type=book+added&retry=1500",
    ),
    (
        "Go's url.Values, sorted by name",
        FORM,
        "data=%C3%A9+%26+%2B%0A%22x%22~%2A&id=urn%3A1&private=on&retry=1500&topic=https%3A%2F%2Fexample.com%2Fbooks%2F1&\
         topic=a+b&type=book+added",
    ),
    (
        "curl with -d, as little encoded as works",
        FORM,
        "topic=https://example.com/books/1&topic=a b&data=é %26 %2B%0A\"x\"~*&private=on&id=urn:1&type=book added&\
         retry=1500",
    ),
];

#[tokio::test]
async fn what_libraries_send_arrives_as_it_was_given() {
    let server = hub_with_key().start().await;
    let address = server.address();
    let (publisher, reader) = (token(&["*"], &[]), token(&[], &["a b"]));
    let authorization = format!("Bearer {reader}");
    let headers = [("authorization", &*authorization)];
    for topic in ["a+b", "https%3A%2F%2Fexample.com%2Fbooks%2F1"] {
        let path = format!("{HUB}?match={topic}&quiet=true");
        let mut stream = EventStream::open_with(address, &path, &headers).await;
        for (library, content_type, body) in REQUESTS {
            let authorization = format!("bearer {publisher}");
            let headers = [("authorization", &*authorization), ("content-type", content_type)];
            let reply = fetch_with(address, Method::POST, HUB, &headers, body).await;
            assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, "urn:1"), "{library}");
            assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
            let event = stream.event().await;
            let got = (event.id.as_str(), event.name.as_str(), event.data.as_str());
            assert_eq!(got, ("urn:1", "book added", DATA), "{library}");
        }
        assert_eq!(stream.text().matches("retry: 1500\n").count(), REQUESTS.len());
    }
}
