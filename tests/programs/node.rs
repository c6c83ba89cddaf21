//! Node's package `eventsource` as a second client.

use std::time::Duration;

use tokio::process::Command;

use crate::packages::{Program, npm};
use crate::support::hub::{HUB, Publisher, hub_with_key};

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
    let directory = npm("eventsource", &["eventsource@4"]).await;
    std::fs::write(directory.join("client.mjs"), CLIENT).unwrap();

    let server = hub_with_key().variable("stream_seconds", 1).variable("retry_ms", 50).start().await;
    let url = format!("http://{}{HUB}?match=demo", server.address());
    let mut command = Command::new("node");
    command.args(["client.mjs", &url]).current_dir(&directory);
    let mut client = Program::start("the client", command);
    assert_eq!(client.line().await, "ready");
    let publishing = async {
        let mut publisher = Publisher::new(server.address()).await;
        for n in 0..UPDATES {
            publisher.publish("demo", &n.to_string()).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let (mut received, mut connections) = (Vec::new(), 1);
    let receiving = async {
        while received.len() < UPDATES {
            match client.line().await.as_str() {
                "ready" => connections += 1,
                data => received.push(data.to_owned()),
            }
        }
    };
    tokio::join!(publishing, receiving);
    let expected: Vec<_> = (0..UPDATES).map(|n| n.to_string()).collect();
    assert_eq!(received, expected);
    assert!(connections >= 3, "the hub should have cut it more than {connections} times");
}
