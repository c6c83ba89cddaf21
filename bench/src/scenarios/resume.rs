//! Clients that come back after 10,000 updates.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{SIZE, median, micros};
use crate::http::{Client, DEADLINE};
use crate::peers::component::{self, hub};
use crate::peers::nchan;
use crate::publisher::{Pace, Publisher};
use crate::report::{Report, Table};
use crate::server::{Dialect, EARLIEST, Server};
use crate::swarm::Swarm;

/// As many as the hub keeps by default, less a batch that may be under way.
const BEHIND: u64 = 9_900;
const AT_ONCE: usize = 200;
const ROUNDS: usize = 7;

/// Runs it.
pub fn run() -> Result<()> {
    let mut report = Report::new("resume", "Catching up", "cargo run --release -p bench -- resume");
    report.say(format!(
        "Clients that are {BEHIND} updates of {SIZE} bytes behind, by {}: from their connection until the last one has the \
         last update. The native server keeps no history and is left out.",
        component::host_name()
    ));
    let mut table = Table::new(&["", "one client", "200 at once", "CPU for each of the 200", "order"]);
    let mut servers = vec![hub()?.start()?, hub()?.name("spin-sse, one instance").one_instance().start()?];
    servers.extend(nchan::start()?);
    for server in &servers {
        table.row(measure(server)?);
    }
    report.table(&table);
    report.save()
}

fn measure(server: &Server) -> Result<Vec<String>> {
    let start = place(server)?;
    let publisher = Publisher::start(server, Pace::Following(BEHIND), SIZE, Arc::new(AtomicU64::new(0)))?;
    let deadline = Instant::now() + DEADLINE;
    while publisher.published() < BEHIND {
        anyhow::ensure!(Instant::now() < deadline, "the updates are not published in {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    publisher.stop()?;

    let (mut one, mut all, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let (mut lost, mut disordered) = (0, 0);
    for round in 0..2 * ROUNDS {
        let clients = if round < ROUNDS { 1 } else { AT_ONCE };
        let before = server.process.cpu();
        let mut swarm = Swarm::new(server)?;
        let begin = Instant::now();
        swarm.open_at_once(clients, |_| 0, Some(&start))?;
        swarm.run(DEADLINE, |swarm| swarm.reached(BEHIND - 1) == clients)?;
        let took = begin.elapsed().as_secs_f64() * 1e6;
        if clients == 1 {
            one.push(took)
        } else {
            all.push(took)
        }
        if clients > 1 {
            cpu.push((server.process.cpu() - before).as_secs_f64() * 1e6 / clients as f64);
        }
        let tally = swarm.take();
        lost += tally.lost + (BEHIND * clients as u64).saturating_sub(tally.delivered);
        disordered += tally.disordered + tally.gaps;
    }
    let order = if lost + disordered == 0 { "kept".to_owned() } else { format!("{lost} lost, {disordered} wrong") };
    let cells = [micros(median(one)), micros(median(all)), micros(median(cpu)), order];
    Ok([server.name.clone()].into_iter().chain(cells).collect())
}

/// The id of the place that a subscriber has who has received nothing yet; nchan begins with the oldest.
fn place(server: &Server) -> Result<String> {
    let mut text = Vec::new();
    let request = server.dialect.subscription(0, None);
    if server.dialect == Dialect::Nchan {
        return Ok(EARLIEST.to_owned());
    }
    Client::connect(server.address)?.read_until(&request, |piece| {
        text.extend_from_slice(piece);
        text.ends_with(b"\n\n") && text.windows(4).any(|window| window == b"id: ")
    })?;
    let text = String::from_utf8(text)?;
    let id = text.lines().find_map(|line| line.strip_prefix("id: ")).context("the stream begins without an id")?;
    Ok(id.to_owned())
}
