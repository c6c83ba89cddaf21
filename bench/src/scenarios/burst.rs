//! Subscribers that all come at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::lane::{Cpu, Lane, Lanes};
use super::load::order;
use super::{SIZE, command, micros};
use crate::http::{Client, DEADLINE};
use crate::peers::component;
use crate::report::{Report, Table};
use crate::scatter::{Load, Scatter};
use crate::server::{EARLIEST, Server};
use crate::swarm::Swarm;
use crate::update::{MARK, update};

/// What can be said otherwise.
#[derive(Debug, Args)]
pub struct Flags {
    /// How many come at once
    #[arg(long, value_delimiter = ',', default_values_t = [200, 1_000, 2_000])]
    sizes: Vec<usize>,
    /// In which cases
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["fresh", "resume", "publish"])]
    cases: Vec<Case>,
    /// Seconds after the burst when what stays is looked at
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// Seconds for which idle processor time is measured
    #[arg(long, default_value_t = 10)]
    window: u64,
    /// All follow one topic, and not one each (those who resume always do)
    #[arg(long)]
    one_topic: bool,
    #[command(flatten)]
    lanes: Lanes,
}

/// How they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Without a last event id, and nothing happens
    Fresh,
    /// With the id of an update in the middle of the history, after the host was restarted
    Resume,
    /// While updates are published
    Publish,
}

/// How many updates are published before the clients resume; they have seen half of them.
const HISTORY: u64 = 100;
/// Updates a second, while they come and afterwards.
const RATE: f64 = 50.0;
/// The variable with which the hub keeps who follows what.
const SUBSCRIPTIONS: &str = "subscriptions=true";
/// When idle processor time is measured first, after the burst.
const SOON: Duration = Duration::from_secs(5);

/// Runs it.
pub fn run(flags: &Flags) -> Result<()> {
    let mut report = Report::new("burst", "A burst of connections", &command());
    report.say(format!(
        "Subscribers that connect at once, of which none waits for another, each burst to a server of its own, by {}. Each \
         follows {}. Instances and streams are those {} s after the burst; processor time is that of the host, with Redis, \
         over {} s, 5 s and {2} s after the burst, and in all, from the first connection to the end. A stream that the hub \
         ends goes on 0.5 to 1.5 s later on another connection. Where subscriptions are kept: how many the API lists, and when.",
        component::host_name(),
        if flags.one_topic { "the same topic" } else { "a topic of its own" },
        flags.settle,
        flags.window,
    ));
    for &case in &flags.cases {
        report.say(case.title());
        let mut table = Table::new(&HEAD);
        for &size in &flags.sizes {
            for &kind in &flags.lanes.lanes {
                if let Some(lane) = flags.lanes.start(kind, &[])? {
                    table.row(measure(lane, case, size, flags).with_context(|| format!("{size} at once"))?);
                }
            }
        }
        report.table(&table);
    }
    report.save()
}

const HEAD: [&str; 18] = [
    "",
    "at once",
    "answered in",
    "not 200",
    "caught up in",
    "listed",
    "instances started",
    "instances then",
    "streams then",
    "ended",
    "came back",
    "CPU soon",
    "CPU then",
    "CPU in all",
    "memory",
    "p50",
    "p99",
    "order",
];

impl Case {
    fn title(self) -> String {
        match self {
            Case::Fresh => "## Without a last event id".to_owned(),
            Case::Resume => format!(
                "## With a last event id\n\n{HISTORY} updates of {SIZE} bytes are published to one topic, the host is killed \
                 and started again (nchan, which forgets, is not), and all come back with the id of the update in the \
                 middle."
            ),
            Case::Publish => format!(
                "## While {RATE} updates a second are published\n\nOf {SIZE} bytes, to the topics at random, from 2 s before \
                 the burst until the end."
            ),
        }
    }
}

fn measure(lane: Lane, case: Case, size: usize, flags: &Flags) -> Result<Vec<String>> {
    let (lane, last) = match case {
        Case::Resume => {
            let last = history(&lane.server)?;
            (lane.restart()?, Some(last))
        }
        Case::Fresh | Case::Publish => (lane, None),
    };
    let topics = if flags.one_topic || case == Case::Resume { 1 } else { size };
    let load = Load { topics, connections: 1, rate: RATE, size: SIZE };
    let mut scatter = if case == Case::Publish { Some(Scatter::start(&lane.server, load)?) } else { None };
    let mut swarm = Swarm::of_event_sources(&lane.server)?;
    swarm.run_for(Duration::from_secs(2))?;

    let (begin, cpu) = (Instant::now(), lane.cpu());
    swarm.open_at_once(size, |number| number % topics, last.as_deref())?;
    let [answered, caught_up] = come(&mut swarm, begin, last.is_some())?;
    // What is under way may have been before them.
    let before = scatter.as_ref().map(|scatter| scatter.counts().into_iter().map(|count| count + 1).collect());
    let listed = if flags.lanes.has(SUBSCRIPTIONS) { list(&lane, &mut swarm, begin)? } else { "-".to_owned() };
    let stayed = stay(&lane, &mut swarm, flags, cpu)?;

    let mut published = vec![if last.is_some() { HISTORY } else { 0 }; topics];
    if let Some(scatter) = &mut scatter {
        scatter.stop()?;
        published = scatter.counts();
    }
    let before: Vec<u64> = before.unwrap_or_else(|| published.clone());
    swarm.run_at_most(DEADLINE, |swarm| swarm.missing(&published, &before) == 0)?;
    let mut tally = swarm.take();
    tally.lost += swarm.missing(&published, &before);
    let latency = |quantile| match case {
        Case::Publish => micros(tally.latency.value_at_quantile(quantile) as f64),
        // How old the history is says nothing.
        Case::Fresh | Case::Resume => "-".to_owned(),
    };
    let order = order(&tally, scatter.map_or(0, |scatter| scatter.failed()));
    let mut row =
        vec![lane.server.name.clone(), size.to_string(), answered, swarm.answers.refusals(), caught_up, listed];
    row.extend(stayed);
    row.extend([latency(0.5), latency(0.99), order]);
    Ok(row)
}

/// Waits until all are answered, and have the rest of the history when they resume; returns when that was.
fn come(swarm: &mut Swarm, begin: Instant, resume: bool) -> Result<[String; 2]> {
    let size = swarm.len();
    if resume {
        swarm.expect(HISTORY / 2);
    }
    let all = swarm.run_at_most(DEADLINE, |swarm| swarm.answers.subscribers() >= size)?;
    let answered = swarm.answers.last.map_or(Duration::ZERO, |last| last.duration_since(begin)).as_secs_f64();
    let silent = size.saturating_sub(swarm.answers.subscribers());
    let answered = if all { format!("{answered:.2} s") } else { format!("{silent} never") };
    let caught_up = match resume {
        true if swarm.run_at_most(DEADLINE, |swarm| swarm.missing(&[HISTORY], &[HISTORY]) == 0)? => {
            format!("{:.2} s", begin.elapsed().as_secs_f64())
        }
        true => "never".to_owned(),
        false => "-".to_owned(),
    };
    Ok([answered, caught_up])
}

/// Waits until the API lists all; returns how many it has, and when.
fn list(lane: &Lane, swarm: &mut Swarm, begin: Instant) -> Result<String> {
    loop {
        let (listed, elapsed) = (lane.subscriptions()?, begin.elapsed());
        if listed >= swarm.len() || elapsed > DEADLINE {
            return Ok(format!("{listed} in {:.2} s", elapsed.as_secs_f64()));
        }
        swarm.run_for(Duration::from_millis(250))?;
    }
}

/// What they cost while they stay, and in all.
fn stay(lane: &Lane, swarm: &mut Swarm, flags: &Flags, before: Cpu) -> Result<[String; 9]> {
    let (window, burst) = (Duration::from_secs(flags.window), Instant::now());
    swarm.run_for(SOON)?;
    let soon = busy(lane, swarm, window)?;
    swarm.run_for(Duration::from_secs(flags.settle).saturating_sub(burst.elapsed()))?;
    let (instances, streaming, memory) = (lane.instances(), swarm.streaming(), lane.server.process.resident());
    let then = busy(lane, swarm, window)?;
    let answers = &swarm.answers;
    Ok([
        lane.started(),
        instances,
        streaming.to_string(),
        (answers.ended + answers.failed).to_string(),
        answers.returned.to_string(),
        soon,
        then,
        format!("{:.0} ms", lane.cpu().since(before).time().as_secs_f64() * 1e3),
        format!("{:.0} MB", memory as f64 / 1e6),
    ])
}

/// How much of a core the server takes in that time.
fn busy(lane: &Lane, swarm: &mut Swarm, time: Duration) -> Result<String> {
    let (before, start) = (lane.cpu(), Instant::now());
    swarm.run_for(time)?;
    Ok(lane.cpu().since(before).percent(start.elapsed()))
}

/// Publishes the history; returns the id of the last update that the clients have seen.
fn history(server: &Server) -> Result<String> {
    let mut client = Client::connect(server.address)?;
    let updates: Vec<_> = (0..HISTORY).map(|number| (0, update(number, SIZE))).collect();
    let (requests, answers) = server.dialect.publication(&updates);
    client.ask(&requests, answers)?;

    let mut text = Vec::new();
    let half = |text: &[u8]| memchr::memmem::find_iter(text, MARK).nth(HISTORY as usize / 2).is_some();
    let request = server.dialect.subscription(0, Some(EARLIEST));
    Client::connect(server.address)?.read_until(&request, |piece| {
        text.extend_from_slice(piece);
        half(&text)
    })?;
    let text = String::from_utf8_lossy(&text);
    let mark = String::from_utf8_lossy(MARK);
    let event = text.split("\n\n").filter(|event| event.contains(&*mark)).nth(HISTORY as usize / 2 - 1);
    let id = event.and_then(|event| event.lines().find_map(|line| line.strip_prefix("id: ")));
    Ok(id.context("an update has no id")?.to_owned())
}
