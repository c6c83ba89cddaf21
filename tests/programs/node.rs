//! Node's package `eventsource` as a second client.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

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
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("eventsource");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("client.mjs"), CLIENT).unwrap();
    std::fs::write(directory.join("package.json"), r#"{"private": true}"#).unwrap();
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--no-package-lock", "eventsource@4"]).current_dir(&directory);
    let status = install.status().await.expect("npm should be installed: apt-get install nodejs npm");
    assert!(status.success(), "npm install failed");

    let server = hub_with_key().variable("stream_seconds", 1).variable("retry_ms", 50).start().await;
    let url = format!("http://{}{HUB}?match=demo", server.address());
    let mut command = Command::new("node");
    command.args(["client.mjs", &url]).current_dir(&directory).stdout(Stdio::piped()).kill_on_drop(true);
    let mut client = command.spawn().unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    assert_eq!(within("the client", lines.next_line()).await.unwrap().as_deref(), Some("ready"));
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
            match within("an update", lines.next_line()).await.unwrap().unwrap().as_str() {
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
