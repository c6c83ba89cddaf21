//! One reader in ten has stopped reading.

use std::time::Duration;

use anyhow::Result;

use super::{SIZE, Window, peers, window};
use crate::peers::component::{self, hub};
use crate::publisher::Pace;
use crate::report::{Report, Table};
use crate::server::Server;
use crate::swarm::Swarm;

const RATE: u32 = 2_000;
const SUBSCRIBERS: usize = 200;
const STOPPED: usize = SUBSCRIBERS / 10;
const SECONDS: u64 = 10;

/// Runs it.
pub fn run() -> Result<()> {
    let mut report = Report::new("slow", "Slow readers", "cargo run --release -p bench -- slow");
    report.say(format!(
        "{RATE} updates of {SIZE} bytes a second, {SUBSCRIBERS} subscribers, {SECONDS} s, by {}: first all read, then \
         {STOPPED} of them do not. Memory is what the server has more at the end than at the beginning. Afterwards they read \
         again: what they had missed by then.",
        component::host_name()
    ));
    let mut table =
        Table::new(&["", "readers", "deliveries/s", "p50", "p99", "cores", "order", "memory", "then missed"]);
    let mut servers = vec![hub()?.variable("history_updates", "100000").start()?];
    servers.extend(peers()?);
    for server in &servers {
        let mut swarm = Swarm::new(server)?;
        swarm.open(SUBSCRIBERS)?;
        let all = window(server, &mut swarm, Pace::Rate(RATE), SECONDS)?;
        table.row(row(server, "all", &all, [String::new(), String::new()]));
        let before = server.process.resident();
        swarm.stop(STOPPED, true)?;
        let some = window(server, &mut swarm, Pace::Rate(RATE), SECONDS)?;
        let memory = server.process.resident().saturating_sub(before);
        swarm.stop(STOPPED, false)?;
        swarm.run_for(Duration::from_secs(3))?;
        let missed = swarm.take().lost;
        let ended = swarm.ended();
        let missed = if ended > 0 { format!("{missed}, {ended} were cut off") } else { missed.to_string() };
        table.row(row(server, "nine in ten", &some, [format!("{:.1} MB", memory as f64 / 1e6), missed]));
    }
    report.table(&table);
    report.save()
}

fn row(server: &Server, readers: &str, window: &Window, more: [String; 2]) -> Vec<String> {
    let cells = [
        server.name.clone(),
        readers.to_owned(),
        super::millions(window.deliveries()),
        window.latency(0.5),
        window.latency(0.99),
        window.cores(),
        window.tally.order(),
    ];
    cells.into_iter().chain(more).collect()
}
