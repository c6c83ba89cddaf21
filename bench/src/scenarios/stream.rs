//! A million small events on one stream.

use std::time::Instant;

use anyhow::Result;

use super::{median, millions};
use crate::http::Client;
use crate::peers::component::{self, component};
use crate::report::{Report, Table};
use crate::server::{Dialect, get};

const EVENTS: u64 = 1_000_000;
const ROUNDS: usize = 3;

/// Runs it.
pub fn run() -> Result<()> {
    let mut report = Report::new("stream", "One stream", "cargo run --release -p bench -- stream");
    report.say(format!(
        "{EVENTS} events of some 40 bytes from one component to one client, by {}: `publish_all`, and a channel with \
         `spin_sdk::http::body::stream` as the SDK's documentation shows. They take turns.",
        component::host_name()
    ));
    let ours = component("spin-sse, `publish_all`", "tests/component/spin.toml", Dialect::Other).start()?;
    let sdk = component("the SDK's example", "bench/sdk-component/spin.toml", Dialect::Other).start()?;
    let servers = [&ours, &sdk];
    let mut times = [Vec::new(), Vec::new()];
    let mut cpu = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for ((server, times), cpu) in servers.iter().zip(&mut times).zip(&mut cpu) {
            let (before, start) = (server.process.cpu(), Instant::now());
            receive(&mut Client::connect(server.address)?)?;
            times.push(start.elapsed().as_secs_f64());
            cpu.push((server.process.cpu() - before).as_secs_f64());
        }
    }
    let ratio = median(times[1].iter().zip(&times[0]).map(|(sdk, ours)| sdk / ours).collect());
    let mut table = Table::new(&["", "events/s", "CPU per event", "times as fast"]);
    for (((server, times), cpu), ratio) in servers.iter().zip(times).zip(cpu).zip([ratio, 1.0]) {
        let rate = EVENTS as f64 / median(times);
        let cpu = format!("{:.2} us", median(cpu) * 1e6 / EVENTS as f64);
        table.row([server.name.clone(), millions(rate), cpu, format!("{ratio:.1}")]);
    }
    report.table(&table);
    report.save()
}

/// Receives all events, and finds the last one where it should be.
fn receive(client: &mut Client) -> Result<()> {
    let last = format!("data: event {}\n\n", EVENTS - 1);
    let mut rest = Vec::new();
    client.read_until(&get(&format!("/all?events={EVENTS}"), ""), |piece| {
        rest.extend_from_slice(piece);
        let found = rest.ends_with(last.as_bytes());
        rest.drain(..rest.len().saturating_sub(last.len()));
        found
    })
}
