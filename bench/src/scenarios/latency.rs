//! From publication to receipt, when there is no hurry.

use anyhow::Result;

use super::{SIZE, Window, peers, window};
use crate::peers::component::{self, hub};
use crate::peers::redis;
use crate::publisher::Pace;
use crate::report::{Report, Table};
use crate::server::Server;
use crate::swarm::Swarm;

const RATE: u32 = 100;
const SUBSCRIBERS: usize = 200;

/// Runs it.
pub fn run(seconds: u64) -> Result<()> {
    let mut report = Report::new("latency", "Latency", "cargo run --release -p bench -- latency");
    report.say(format!(
        "{RATE} updates of {SIZE} bytes a second, one a request, {SUBSCRIBERS} subscribers, {seconds} s, by {}. Cores: of \
         the server, and of the generator.",
        component::host_name()
    ));
    let mut table = head();
    let mut servers = vec![hub()?.name("spin-sse, one instance").one_instance().start()?];
    servers.push(hub()?.name("spin-sse, 128 streams an instance").start()?);
    servers.extend(peers()?);
    for server in &servers {
        let mut swarm = Swarm::new(server)?;
        swarm.open(SUBSCRIBERS)?;
        table.row(row(&server.name, &window(server, &mut swarm, Pace::Rate(RATE), seconds)?));
    }
    report.table(&table);

    report.say("## Across two hosts\n\nPublished to one, received from the other, which have their log in common.");
    let mut table = head();
    let first = hub()?.one_instance().start()?;
    let second = hub()?.name("SQLite, poll_ms=50").one_instance().beside(&first).start()?;
    table.row(across(&first, &second, seconds)?);
    if let Some(redis) = redis::start()? {
        let shared = |name: &str| redis.log_of(hub()?.name(name).one_instance()).start();
        match shared("").and_then(|first| across(&first, &shared("Redis")?, seconds)) {
            Ok(row) => table.row(row),
            Err(error) => report.say(format!("Redis is left out: {error:#}")),
        }
    }
    report.table(&table);
    report.save()
}

fn across(first: &Server, second: &Server, seconds: u64) -> Result<Vec<String>> {
    let mut swarm = Swarm::new(second)?;
    swarm.open(SUBSCRIBERS)?;
    Ok(row(&second.name, &window(first, &mut swarm, Pace::Rate(RATE), seconds)?))
}

fn head() -> Table {
    Table::new(&["", "p50", "p99", "max", "CPU per delivery", "cores", "order"])
}

fn row(name: &str, window: &Window) -> Vec<String> {
    vec![
        name.to_owned(),
        window.latency(0.5),
        window.latency(0.99),
        window.latency(1.0),
        format!("{:.2} us", window.cpu_per_delivery()),
        window.cores(),
        window.tally.order(),
    ]
}
