//! A topic on which little happens, and a broadcast, with subscribers that all came at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use super::lane::{Lane, Lanes};
use super::load::{Outcome, publish};
use super::{SIZE, command};
use crate::http::DEADLINE;
use crate::peers::component;
use crate::report::{Report, Table};
use crate::scatter::Load;
use crate::swarm::Swarm;

/// What can be said otherwise.
#[derive(Debug, Args)]
pub struct Flags {
    /// Subscribers of the quiet topic
    #[arg(long, default_value_t = 20)]
    subscribers: usize,
    /// Seconds from one update to the next
    #[arg(long, default_value_t = 2.0)]
    every: f64,
    /// Subscribers of the broadcast
    #[arg(long, default_value_t = 200)]
    crowd: usize,
    /// Updates a second of the broadcast
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// How long each measurement takes
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    #[command(flatten)]
    lanes: Lanes,
}

/// Runs it.
pub fn run(flags: &Flags) -> Result<()> {
    let mut report = Report::new("quiet", "A quiet topic, and a broadcast", &command());
    report.say(format!(
        "Subscribers of one topic that come at once, and updates of {SIZE} bytes, for {} s, by {}. Processor time is that \
         of the host, with Redis, idle times included.",
        flags.seconds,
        component::host_name()
    ));
    let quiet = (flags.subscribers, 1.0 / flags.every);
    report.say(format!("## {} subscribers, an update every {} s", flags.subscribers, flags.every));
    report.table(&measure_all(flags, quiet)?);
    report.say(format!("## {} subscribers, {} updates a second", flags.crowd, flags.rate));
    report.table(&measure_all(flags, (flags.crowd, flags.rate))?);
    report.save()
}

fn measure_all(flags: &Flags, (subscribers, rate): (usize, f64)) -> Result<Table> {
    let head =
        ["", "instances", "published", "p50", "p99", "max", "CPU a delivery", "cores", "not 200", "came back", "order"];
    let mut table = Table::new(&head);
    for &kind in &flags.lanes.lanes {
        if let Some(lane) = flags.lanes.start(kind, &[])? {
            table.row(measure(&lane, subscribers, rate, Duration::from_secs(flags.seconds))?);
        }
    }
    Ok(table)
}

fn measure(lane: &Lane, subscribers: usize, rate: f64, time: Duration) -> Result<Vec<String>> {
    let mut swarm = Swarm::of_event_sources(&lane.server)?;
    swarm.open_at_once(subscribers, |_| 0, None)?;
    let answered = swarm.run_at_most(DEADLINE, |swarm| swarm.answers.subscribers() >= subscribers)?;
    ensure!(answered, "only {} of {subscribers} subscribers are answered", swarm.answers.subscribers());
    swarm.run_for(Duration::from_secs(1))?;
    let load = Load { topics: 1, connections: 1, rate, size: SIZE };
    let outcome = publish(lane, &mut swarm, load, Duration::ZERO, time)?;
    Ok(row(lane, &swarm, &outcome))
}

fn row(lane: &Lane, swarm: &Swarm, outcome: &Outcome) -> Vec<String> {
    vec![
        lane.server.name.clone(),
        lane.instances(),
        outcome.published.to_string(),
        outcome.latency(0.5),
        outcome.latency(0.99),
        outcome.latency(1.0),
        outcome.cpu.each(outcome.tally.delivered),
        format!("{:.3}", outcome.cpu.micros(1) / 1e6 / outcome.seconds),
        swarm.answers.refusals(),
        swarm.answers.returned.to_string(),
        outcome.order(),
    ]
}
