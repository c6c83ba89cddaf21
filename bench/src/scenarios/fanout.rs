//! How many updates reach how many subscribers.

use anyhow::Result;

use super::{Window, median, millions, peers, window};
use crate::chart;
use crate::peers::component;
use crate::publisher::Pace;
use crate::report::{Report, Table, save};
use crate::server::Server;
use crate::swarm::Swarm;

/// How far a publisher runs before the slowest subscriber when they set the pace.
const AHEAD: u64 = 5_000;
/// How often each server has its turn at saturation.
const ROUNDS: usize = 3;

/// Runs it.
pub fn run(seconds: u64) -> Result<()> {
    let mut report = Report::new("fanout", "Fan-out", "cargo run --release -p bench -- fanout");
    report.say(format!(
        "Updates of 100 bytes to one topic; deliveries a second over all subscribers, from publication to receipt, by {}. \
         `max`: as fast as the slowest subscriber follows. Cores: of the server, and of the generator, which shares the \
         machine.",
        component::host_name()
    ));
    let mut bars = Vec::new();
    for subscribers in [10, 200, 2_000] {
        let mut servers = vec![component::hub()?.start()?];
        if subscribers > 128 {
            servers.push(component::hub()?.name("spin-sse, one instance").one_instance().start()?);
        }
        servers.extend(peers()?);
        let mut swarms = Vec::new();
        for server in &servers {
            let mut swarm = Swarm::new(server)?;
            swarm.open(subscribers)?;
            swarms.push(swarm);
        }
        let mut table = Table::new(&[
            "",
            "updates/s",
            "published/s",
            "deliveries/s",
            "p50",
            "p99",
            "CPU per delivery",
            "cores",
            "order",
        ]);
        for rate in [100, 1_000, 10_000] {
            for (server, swarm) in servers.iter().zip(&mut swarms) {
                let window = window(server, swarm, Pace::Rate(rate), seconds)?;
                table.row(row(server, &rate.to_string(), &window));
            }
        }
        for (server, (rate, window)) in servers.iter().zip(saturate(&servers, &mut swarms, seconds)?) {
            table.row(row(server, "max", &window));
            if subscribers == 200 {
                bars.push((server.name.clone(), rate));
            }
        }
        report.say(format!("## {subscribers} subscribers"));
        report.table(&table);
    }
    save("fanout.svg", &chart::bars("Deliveries per second, 200 subscribers", &bars))?;
    report.save()
}

/// As fast as the slowest subscriber follows: of each server the round with the median of deliveries a second.
fn saturate(servers: &[Server], swarms: &mut [Swarm], seconds: u64) -> Result<Vec<(f64, Window)>> {
    let mut rounds: Vec<Vec<(f64, Window)>> = servers.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((server, swarm), windows) in servers.iter().zip(&mut *swarms).zip(&mut rounds) {
            let window = window(server, swarm, Pace::Following(AHEAD), seconds)?;
            windows.push((window.deliveries(), window));
        }
    }
    let middle = |mut windows: Vec<(f64, Window)>| {
        let middle = median(windows.iter().map(|(rate, _)| *rate).collect());
        windows.retain(|(rate, _)| *rate == middle);
        windows.pop()
    };
    Ok(rounds.into_iter().filter_map(middle).collect())
}

fn row(server: &Server, rate: &str, window: &Window) -> Vec<String> {
    vec![
        server.name.clone(),
        rate.to_owned(),
        millions(window.published as f64 / window.seconds),
        millions(window.deliveries()),
        window.latency(0.5),
        window.latency(0.99),
        format!("{:.2} us", window.cpu_per_delivery()),
        window.cores(),
        window.tally.order(),
    ]
}
