//! Symfony's component for publishers, as Debian packages it.

use tokio::process::Command;

use crate::packages::Program;
use crate::support::client::EventStream;
use crate::support::hub::{HUB, hub_with_key, token};

#[tokio::test]
#[ignore = "needs PHP"]
async fn what_symfony_publishes_arrives_as_it_was_given() {
    let server = hub_with_key().start().await;
    let authorization = format!("Bearer {}", token(&[], &["*"]));
    let path = format!("{HUB}?match=other&match=https%3A%2F%2Fexample.com%2Fbooks%2F1");
    let headers = [("authorization", &*authorization)];
    let mut stream = EventStream::open_with(server.address(), &path, &headers).await;
    let mut command = Command::new("php");
    let url = format!("http://{}{HUB}", server.address());
    command.args(["-r", include_str!("publish.php").trim_start_matches("<?php"), &url, &token(&["*"], &[])]);
    let mut program = Program::start("php", command);
    let (first, second) = (program.line().await, program.line().await);
    assert_eq!((first.as_str(), second.starts_with('#')), ("urn:book:1", true), "{second}");
    assert_eq!(stream.event().await.name, "ready");
    let event = stream.event().await;
    assert_eq!((event.id, event.name.as_str(), event.data.as_str()), (first, "added", "é & +\nsecond"));
    assert!(stream.text().contains("\nretry: 1500\n") || stream.text().starts_with("retry: 1500\n"));
    let event = stream.event().await;
    assert_eq!(
        (event.id, event.name.as_str(), event.data.as_str()),
        (second, "message", r#"{"status": "OutOfStock"}"#)
    );
}
