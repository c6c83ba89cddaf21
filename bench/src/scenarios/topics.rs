//! Thousands of private streams: topics with one subscriber each.

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
    /// Topics, each with one subscriber
    #[arg(long, default_value_t = 2_000)]
    topics: usize,
    /// Updates a second, all topics together
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// How long each measurement takes
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections that publish
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Seconds between the opening of the streams and the measurement
    #[arg(long, default_value_t = 2)]
    settle: u64,
    #[command(flatten)]
    lanes: Lanes,
}

/// Runs it.
pub fn run(flags: &Flags) -> Result<()> {
    let mut report = Report::new("topics", "Private streams", &command());
    report.say(format!(
        "{} topics with one subscriber each, opened at once, and {} s later {} updates of {SIZE} bytes a second to topics \
         at random, one a request, by {} connections that wait for their answers, {} s, by {}. First the same publications \
         without subscribers. Processor time is that of the host, with Redis. A stream that the hub ends goes on 0.5 to \
         1.5 s later on another connection, and what was published meanwhile counts with that time.",
        flags.topics,
        flags.settle,
        flags.rate,
        flags.connections,
        flags.seconds,
        component::host_name()
    ));
    let mut table = Table::new(&[
        "",
        "streams",
        "not 200",
        "instances",
        "updates/s",
        "p50",
        "p99",
        "CPU an update",
        "without subscribers",
        "ratio",
        "came back",
        "order",
    ]);
    for &kind in &flags.lanes.lanes {
        if let Some(lane) = flags.lanes.start(kind, &[])? {
            table.row(measure(&lane, flags)?);
        }
    }
    report.table(&table);
    report.save()
}

fn measure(lane: &Lane, flags: &Flags) -> Result<Vec<String>> {
    let load = Load { topics: flags.topics, connections: flags.connections, rate: flags.rate, size: SIZE };
    let (warm, time) = (Duration::from_secs(1), Duration::from_secs(flags.seconds));
    let alone = publish(lane, &mut Swarm::new(&lane.server)?, load, warm, time)?;
    // What was published last is no news to those who come now.
    std::thread::sleep(Duration::from_secs(2));

    let mut swarm = Swarm::of_event_sources(&lane.server)?;
    swarm.open_at_once(flags.topics, |number| number, None)?;
    let answered = swarm.run_at_most(DEADLINE, |swarm| swarm.answers.subscribers() >= flags.topics)?;
    ensure!(answered, "only {} of {} subscribers are answered", swarm.answers.subscribers(), flags.topics);
    swarm.run_for(Duration::from_secs(flags.settle))?;
    let heard = publish(lane, &mut swarm, load, warm, time)?;
    Ok(row(lane, &swarm, &alone, &heard))
}

fn row(lane: &Lane, swarm: &Swarm, alone: &Outcome, heard: &Outcome) -> Vec<String> {
    vec![
        lane.server.name.clone(),
        swarm.streaming().to_string(),
        swarm.answers.refusals(),
        lane.instances(),
        heard.rate(),
        heard.latency(0.5),
        heard.latency(0.99),
        heard.cpu.each(heard.published),
        alone.cpu.each(alone.published),
        format!("{:.2}", heard.cpu.micros(heard.published) / alone.cpu.micros(alone.published)),
        swarm.answers.returned.to_string(),
        heard.order(),
    ]
}
