//! Streams on which nothing happens.

use std::time::Duration;

use anyhow::Result;

use super::peers;
use crate::peers::component::{self, hub};
use crate::report::{Report, Table};
use crate::server::Server;
use crate::swarm::Swarm;

const STREAMS: usize = 5_000;
/// More than one sign of life for each stream.
const SECONDS: u64 = 20;

/// Runs it.
pub fn run() -> Result<()> {
    let mut report = Report::new("idle", "Idle streams", "cargo run --release -p bench -- idle");
    report.say(format!(
        "{STREAMS} streams without an update for {SECONDS} s, by {}. Bytes are what is resident beyond what is with one \
         stream an instance; those of the guest are its linear memories.",
        component::host_name()
    ));
    let mut table =
        Table::new(&["", "instances", "resident each", "of that guest memory", "CPU", "CPU each, a second"]);
    let mut servers = vec![hub()?.name("spin-sse, one instance").one_instance().start()?, hub()?.start()?];
    servers.extend(peers()?);
    for server in servers {
        table.row(measure(&server)?);
    }
    report.table(&table);
    report.save()
}

fn measure(server: &Server) -> Result<Vec<String>> {
    let mut swarm = Swarm::new(server)?;
    swarm.open(1)?;
    swarm.run_for(Duration::from_secs(1))?;
    let (resident, (guest, one)) = (server.process.resident(), server.process.guest_memory());
    swarm.open(STREAMS - 1)?;
    swarm.run_for(Duration::from_secs(2))?;
    let (more_resident, (more_guest, instances)) = (server.process.resident(), server.process.guest_memory());
    let before = server.process.cpu();
    swarm.run_for(Duration::from_secs(SECONDS))?;
    let cpu = (server.process.cpu() - before).as_secs_f64() / SECONDS as f64;
    // What an instance has without streams belongs to it, not to them.
    let empty = if one == 0 { 0 } else { guest * instances as u64 / one as u64 };
    let each = |more: u64, less: u64| format!("{:.0} B", more.saturating_sub(less) as f64 / STREAMS as f64);
    let guests = if instances == 0 { "-".to_owned() } else { each(more_guest, empty) };
    Ok(vec![
        server.name.clone(),
        if instances == 0 { "-".to_owned() } else { instances.to_string() },
        each(more_resident, resident),
        guests,
        format!("{:.1} %", cpu * 100.0),
        format!("{:.2} us", cpu * 1e6 / STREAMS as f64),
    ])
}
