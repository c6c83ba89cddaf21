//! One topic of a long history of many.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use super::lane::{Lane, Lanes};
use super::{SIZE, command, median, micros};
use crate::http::{Client, DEADLINE};
use crate::peers::component;
use crate::report::{Report, Table};
use crate::server::EARLIEST;
use crate::swarm::Swarm;
use crate::update::update;

/// What can be said otherwise.
#[derive(Debug, Args)]
pub struct Flags {
    /// Updates of the history
    #[arg(long, default_value_t = 102_200)]
    updates: usize,
    /// Topics to which they belong in turn
    #[arg(long, default_value_t = 1_000)]
    topics: usize,
    /// How often one topic is read, each time a different one
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[command(flatten)]
    lanes: Lanes,
}

/// How many updates are published together.
const BATCH: usize = 100;
/// An idle instance is dropped after 1 s, so each round has a new one.
const PAUSE: Duration = Duration::from_secs(2);

/// Runs it.
pub fn run(flags: &Flags) -> Result<()> {
    ensure!(flags.topics > 0 && flags.rounds > 0, "give at least one topic and one round");
    ensure!(flags.updates >= flags.topics, "give at least as many updates as topics: each topic needs one");
    let mut report = Report::new("backlog", "One topic of a long history", &command());
    report.say(format!(
        "{} updates of {SIZE} bytes over {} topics, {BATCH} a request; then a client follows one topic from the earliest \
         update, {} times after a pause of {} s, by {}: from its connection until it has the topic's last update. \
         Processor time is that of the host, with Redis; it is known to 10 ms in all rounds together.",
        flags.updates,
        flags.topics,
        flags.rounds,
        PAUSE.as_secs(),
        component::host_name()
    ));
    let mut table =
        Table::new(&["", "publishing took", "updates of the topic", "first time", "median", "CPU each time", "order"]);
    for &kind in &flags.lanes.lanes {
        if let Some(lane) = flags.lanes.start(kind, &["history_updates=2000000"])? {
            table.row(measure(&lane, flags)?);
        }
    }
    report.table(&table);
    report.save()
}

fn measure(lane: &Lane, flags: &Flags) -> Result<Vec<String>> {
    let begin = Instant::now();
    let mut client = Client::connect(lane.server.address)?;
    let all: Vec<usize> = (0..flags.updates).collect();
    for numbers in all.chunks(BATCH) {
        let of = |&number: &usize| (number % flags.topics, update((number / flags.topics) as u64, SIZE));
        let updates: Vec<_> = numbers.iter().map(of).collect();
        let (requests, answers) = lane.server.dialect.publication(&updates);
        client.ask(&requests, answers)?;
    }
    let publishing = begin.elapsed().as_secs_f64();

    let (mut times, mut lost, mut wrong, mut cpu) = (Vec::new(), 0, 0, Vec::new());
    // The fewest that a topic has.
    let count = (flags.updates / flags.topics) as u64;
    for round in 0..flags.rounds {
        std::thread::sleep(PAUSE);
        // From the end: such a topic has no update more.
        let topic = flags.topics - 1 - round % (flags.topics - flags.updates % flags.topics);
        let before = lane.cpu();
        let mut swarm = Swarm::new(&lane.server)?;
        let begin = Instant::now();
        swarm.open_at_once(1, |_| topic, Some(EARLIEST))?;
        swarm.expect(0);
        swarm.run(DEADLINE, |swarm| swarm.reached(count - 1) == 1)?;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
        cpu.push(lane.cpu().since(before));
        let tally = swarm.take();
        lost += tally.lost;
        wrong += tally.disordered + tally.gaps;
    }
    let order = if lost + wrong == 0 { "kept".to_owned() } else { format!("{lost} lost, {wrong} wrong") };
    let cpu = cpu.into_iter().reduce(|sum, more| sum.and(more)).map(|cpu| cpu.each(flags.rounds as u64));
    Ok(vec![
        lane.server.name.clone(),
        format!("{publishing:.1} s"),
        count.to_string(),
        micros(times[0]),
        micros(median(times)),
        cpu.unwrap_or_default(),
        order,
    ])
}
