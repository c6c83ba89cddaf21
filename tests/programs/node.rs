//! Node's package `eventsource` as a second client.

use std::cell::Cell;
use std::time::Duration;

use tokio::process::Command;

use crate::packages::{Program, npm};
use crate::support::follower::numbers;
use crate::support::hub::{HUB, Publisher, hub_with_key};
use crate::support::within;

/// Prints `ready`, then the data of what comes.
const CLIENT: &str = r"
import { EventSource } from 'eventsource';
const source = new EventSource(process.argv[2]);
source.addEventListener('ready', () => console.log('ready'));
source.onmessage = event => console.log(event.data);
";

#[tokio::test]
#[ignore = "needs Node"]
async fn the_package_eventsource_is_cut_by_the_hub_and_misses_nothing() {
    const UPDATES: usize = 100;
    const CONNECTIONS: usize = 3;
    let directory = npm("eventsource", &["eventsource@4.1.1"]).await;
    std::fs::write(directory.join("client.mjs"), CLIENT).unwrap();

    let server = hub_with_key().variable("stream_seconds", 2).variable("retry_ms", 50).start().await;
    let url = format!("http://{}{HUB}?match=demo", server.address());
    let mut command = Command::new("node");
    command.args(["client.mjs", &url]).current_dir(&directory);
    let mut client = Program::start("the client", command);
    assert_eq!(client.line().await, "ready");
    let connections = Cell::new(1);
    let publishing = within("the hub to cut it", async {
        let (mut publisher, mut published) = (Publisher::new(server.address()).await, 0);
        while published < UPDATES || connections.get() < CONNECTIONS {
            publisher.publish("demo", &published.to_string()).await;
            published += 1;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        publisher.publish("demo", "end").await;
        published
    });
    let mut received = Vec::new();
    let receiving = async {
        loop {
            match client.line().await.as_str() {
                "ready" => connections.set(connections.get() + 1),
                "end" => break,
                data => received.push(data.to_owned()),
            }
        }
    };
    let (published, ()) = tokio::join!(publishing, receiving);
    let expected: Vec<_> = numbers(0, published).collect();
    assert_eq!(received, expected);
}
