//! What `spin new` and `spin add` make of the templates.

mod fill;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use hyper::{Method, StatusCode};

use crate::support::client::{EventStream, Item, fetch_with};
use crate::support::hub::{FORM, HUB, SECRET, token};
use crate::support::server::application;
use fill::{added_component, new_application, new_files};

#[tokio::test]
async fn an_application_made_from_sse_rust_counts_and_resumes() {
    let server = application(&new_application("sse-rust", "my-stream")).start().await;
    counts_and_resumes(server.address()).await;
}

#[tokio::test]
async fn a_component_added_from_sse_rust_counts_and_resumes() {
    let server = application(&added_component("sse-rust", "my-other-stream")).start().await;
    counts_and_resumes(server.address()).await;
}

async fn counts_and_resumes(address: SocketAddr) {
    let mut stream = EventStream::open(address, "/").await;
    assert_eq!(stream.item().await, Item::Retry(Duration::from_secs(2)));
    let event = stream.event().await;
    assert_eq!((event.name.as_str(), event.data.as_str(), event.id.as_str()), ("count", "number 0", "0"));
    let mut stream = EventStream::open_with(address, "/", &[("last-event-id", "41")]).await;
    assert_eq!(stream.event().await.data, "number 42");
}

#[tokio::test]
async fn an_application_made_from_sse_hub_rust_keeps_and_pushes_notes() {
    keeps_and_pushes_notes(&new_application("sse-hub-rust", "my-hub")).await;
}

#[tokio::test]
async fn a_component_added_from_sse_hub_rust_keeps_and_pushes_notes() {
    keeps_and_pushes_notes(&added_component("sse-hub-rust", "my-other-hub")).await;
}

async fn keeps_and_pushes_notes(manifest: &Path) {
    let server = application(manifest).variable("jwt_secret", SECRET).start().await;
    let address = server.address();
    let posted = fetch_with(address, Method::POST, "/", &[], "by the component").await;
    assert_eq!(posted.status, StatusCode::OK, "{}", posted.body);
    let mut stream = EventStream::open(address, "/").await;
    assert_eq!(stream.event().await.name, "ready");
    let note = stream.event().await;
    assert_eq!((note.name.as_str(), note.data.as_str(), &note.id), ("note", "by the component", &posted.body));

    let authorization = format!("Bearer {}", token(&["notes"], &[]));
    let headers = [("authorization", authorization.as_str()), ("content-type", FORM)];
    let posted = fetch_with(address, Method::POST, HUB, &headers, "topic=notes&data=with+a+token").await;
    assert_eq!(posted.status, StatusCode::OK, "{}", posted.body);
    assert_eq!(stream.event().await.data, "with a token");
}

#[test]
fn without_a_checkout_an_application_takes_the_published_version() {
    let (version, _patch) = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap();
    for (template, crates) in [("sse-rust", &["spin-sse"][..]), ("sse-hub-rust", &["spin-sse", "spin-sse-hub"])] {
        let files = new_files(template, "published", "");
        let dependencies = &files[Path::new("Cargo.toml")];
        for name in crates {
            let line = format!("\n{name} = {{ version = \"{version}\" }}\n");
            assert!(dependencies.contains(&line), "{template} lacks {line:?}: {dependencies}");
        }
    }
}
