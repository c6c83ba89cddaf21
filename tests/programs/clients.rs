//! Clients of event streams, as their users install them: see docs/clients.md.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinSet;

use crate::packages::{Program, npm, pip};
use crate::support::client::EventStream;
use crate::support::follower::numbers;
use crate::support::hub::{HUB, Publisher, hub_with_key, token};
use crate::support::within;

const NPM: [&str; 3] = ["eventsource@4.1.1", "@microsoft/fetch-event-source@2.0.1", "event-source-polyfill@1.0.31"];
const PYPI: [&str; 6] = [
    "httpx==0.28.1",
    "httpx-sse==0.4.3",
    "aiohttp==3.14.5",
    "aiohttp-sse-client==0.2.1",
    "requests==2.34.2",
    "sseclient-py==1.9.0",
];
/// Each prints an array for each event: the type and the data, as they were handed over.
const CLIENTS: [(&str, &str); 6] = [
    ("eventsource.mjs", include_str!("clients/eventsource.mjs")),
    ("fetch_event_source.mjs", include_str!("clients/fetch_event_source.mjs")),
    ("polyfill.mjs", include_str!("clients/polyfill.mjs")),
    ("with_httpx.py", include_str!("clients/with_httpx.py")),
    ("with_aiohttp.py", include_str!("clients/with_aiohttp.py")),
    ("with_sseclient.py", include_str!("clients/with_sseclient.py")),
];
/// Streams end after 16 to 20 s. So long a stream without an event has had its keep-alive.
const KEPT_ALIVE: Duration = Duration::from_millis(15_500);

type Event = (String, String);

/// The clients with their packages. No file is written once a client runs, which could read half of it.
struct Installed {
    node: PathBuf,
    python: PathBuf,
}

impl Installed {
    async fn new() -> Installed {
        let (node, python) = tokio::join!(npm("clients-node", &NPM), pip("clients-python", &PYPI));
        let installed = Installed { node, python };
        for (name, source) in CLIENTS {
            std::fs::write(installed.command(name).1.join(name), source).unwrap();
        }
        installed
    }

    /// What runs this client, and its directory.
    fn command(&self, name: &str) -> (Command, &Path) {
        match name.ends_with(".py") {
            true => (Command::new("bin/python"), &self.python),
            false => (Command::new("node"), &self.node),
        }
    }

    /// All clients, on this address with this header.
    fn start(&self, url: &str, header: &str) -> Vec<Program> {
        let start = |(name, _): (&str, &str)| {
            let (mut command, directory) = self.command(name);
            command.args([name, url, header]).current_dir(directory);
            Program::start(name, command)
        };
        CLIENTS.map(start).into_iter().collect()
    }
}

/// The next event that a client hands over.
async fn next(program: &mut Program) -> Event {
    let line = program.line().await;
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// What a client hands over, up to the data `end`.
async fn all(mut program: Program, mut events: Vec<Event>) -> Vec<Event> {
    while events.last().is_none_or(|(_, data)| data != "end") {
        events.push(next(&mut program).await);
    }
    events
}

async fn each_has(clients: Vec<(Program, Vec<Event>)>, quiet: bool, expected: &[Event]) {
    let mut reading = JoinSet::new();
    for (at, (program, events)) in clients.into_iter().enumerate() {
        reading.spawn(async move { (at, all(program, events).await) });
    }
    while let Some(read) = within("a client", reading.join_next()).await {
        let (at, mut events) = read.unwrap();
        events.retain(|(name, _)| quiet || (name != "ready" && name != "place"));
        assert_eq!(events, expected, "{} quiet: {quiet}", CLIENTS[at].0);
    }
}

/// Private updates of several types, an idle time, and a cut in the middle of more updates.
async fn has_updates_and_nothing_else(installed: &Installed) {
    let server = hub_with_key().variable("stream_seconds", 20).variable("retry_ms", 50).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let kind = |n: usize| ["message", "note", "error"][n % 3];
    publisher.publish_with("demo", "0", "&private=on&type=message").await;
    let url = format!("http://{}{HUB}?match=demo&last_event_id=earliest", server.address());
    let token = token(&[], &["demo"]);
    let loud = installed.start(&url, &format!("Authorization: Bearer {token}"));
    let quiet = installed.start(&format!("{url}&quiet=true"), &format!("Cookie: mercureAuthorization={token}"));
    let mut streams = Vec::new();
    for mut program in loud.into_iter().chain(quiet) {
        let mut events = vec![next(&mut program).await];
        while events.last().is_none_or(|(_, data)| data != "0") {
            events.push(next(&mut program).await);
        }
        streams.push((program, events));
    }
    let mut raw = EventStream::open(server.address(), &format!("{HUB}?match=none")).await;
    raw.event().await;
    tokio::time::sleep(KEPT_ALIVE).await;
    for n in 1..60 {
        publisher.publish_with("demo", &n.to_string(), &format!("&private=on&type={}", kind(n))).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.logged("hub: stream ended: its budget is used", streams.len()).await;
    publisher.publish_with("demo", "end", "&private=on").await;
    let updates = (0..60).map(|n| (kind(n).to_owned(), n.to_string()));
    let expected: Vec<Event> = updates.chain([("message".to_owned(), "end".to_owned())]).collect();
    let quiet = streams.split_off(CLIENTS.len());
    each_has(streams, false, &expected).await;
    each_has(quiet, true, &expected).await;
    raw.rest().await;
    assert!(raw.text().contains("\n\n:\n"), "all were kept alive, if they were not written to: {}", raw.text());
}

/// A topic without updates, in a hub whose history is short.
async fn keeps_its_place(installed: &Installed) {
    const BUSY: usize = 140;
    let server = hub_with_key().variable("history_updates", BUSY + 10).variable("stream_seconds", 20);
    let server = server.variable("retry_ms", 50).start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let url = format!("http://{}{HUB}?match=demo", server.address());
    let mut clients = Vec::new();
    for mut program in installed.start(&url, "X-None: none") {
        assert_eq!(next(&mut program).await.0, "ready");
        clients.push((program, Vec::new()));
    }
    publisher.publish_all("busy", numbers(0, BUSY)).await;
    server.logged("hub: stream ended: its budget is used", clients.len()).await;
    publisher.publish_all("busy", numbers(0, BUSY)).await;
    publisher.publish("demo", "end").await;
    each_has(clients, false, &[("message".to_owned(), "end".to_owned())]).await;
}

#[tokio::test]
#[ignore = "needs Node and Python"]
async fn clients_are_kept_alive_and_cut_and_hand_over_every_update_once_and_nothing_else() {
    let installed = Installed::new().await;
    tokio::join!(has_updates_and_nothing_else(&installed), keeps_its_place(&installed));
}
