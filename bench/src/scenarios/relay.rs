//! Answers of a model: relayed to topics of the hub, and only passed through.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use super::lane::Cpu;
use super::{command, micros};
use crate::http::{Client, DEADLINE};
use crate::peers::component::{self, Setup};
use crate::peers::redis::{self, Redis};
use crate::process::own_cpu;
use crate::report::{Report, Table};
use crate::server::{Dialect, Server};
use crate::swarm::Swarm;
use crate::tally::Tally;
use crate::upstream::{self, Answer};

/// What can be said otherwise.
#[derive(Debug, Args)]
pub struct Flags {
    /// Answers at once, each with one reader
    #[arg(long, default_value_t = 100)]
    answers: usize,
    /// Tokens of each
    #[arg(long, default_value_t = 500)]
    tokens: u64,
    /// Tokens a second of each
    #[arg(long, default_value_t = 50.0)]
    rate: f64,
    /// Connections that are cut a second, all readers together, in the second table
    #[arg(long, default_value_t = 50.0)]
    cuts: f64,
    /// Ask for one every 5 ms: how many instances relay is then no matter of chance, which is for comparisons
    #[arg(long)]
    gently: bool,
    /// Requests that one instance serves
    #[arg(long, default_value_t = 128)]
    reuse: usize,
    /// Which ways
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["pass", "sqlite", "redis", "wait"])]
    ways: Vec<Way>,
}

/// The way of an answer from the upstream to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// Only passed through
    Pass,
    /// Relayed, with the log in SQLite
    Sqlite,
    /// The same, but the head waits until the relay has begun
    Wait,
    /// Relayed, with the log in Redis
    Redis,
}

const HEAD: [&str; 12] = [
    "",
    "not 200",
    "instances started",
    "instances",
    "tokens",
    "p50",
    "p99",
    "CPU a token",
    "ratio",
    "cores",
    "came back",
    "order",
];

/// Between two questions that do not come at once.
const GENTLY: Duration = Duration::from_millis(5);

/// Runs it.
pub fn run(flags: &Flags) -> Result<()> {
    let mut report = Report::new("relay", "Relayed answers", &command());
    report.say(format!(
        "{} answers asked for {}, each of {} tokens, {} a second, from an upstream in the generator to one reader each, \
         by {}, each way with a host of its own: published to the client as they come (passed through), and relayed to a \
         topic, which the client follows; awaited first: the response head waits until the relay holds its topic. Processor time is that of the host, with Redis, from the first request to the \
         last token; the ratio is to that of passing through. Times are from the upstream's write to the receipt. Cores: \
         of the host, and of the generator with the upstream. Instances: those that were started, and those in the middle \
         of the answers.",
        flags.answers,
        if flags.gently { format!("{GENTLY:?} after each other") } else { "at once".to_owned() },
        flags.tokens,
        flags.rate,
        component::host_name()
    ));
    let answer = Answer { tokens: flags.tokens, period: Duration::from_secs_f64(1.0 / flags.rate) };
    let upstream = format!("http://{}/", upstream::start(answer)?);
    report.table(&measure_all(flags, &flags.ways, &upstream, None)?);
    if flags.cuts > 0.0 {
        report.say(format!(
            "## With cuts\n\n{} connections a second are cut, of readers at random, each of which comes back 0.5 to 1.5 s \
             later with its last event id. What came meanwhile counts with that time.",
            flags.cuts
        ));
        let ways: Vec<Way> = flags.ways.iter().copied().filter(|way| matches!(way, Way::Sqlite | Way::Redis)).collect();
        let period = Duration::from_secs_f64(1.0 / flags.cuts);
        report.table(&measure_all(flags, &ways, &upstream, Some(period))?);
    }
    report.save()
}

fn measure_all(flags: &Flags, ways: &[Way], upstream: &str, cuts: Option<Duration>) -> Result<Table> {
    let (mut table, mut passed) = (Table::new(&HEAD), None);
    for &way in ways {
        if let Some(host) = Host::start(way, upstream, flags.reuse)? {
            let outcome = measure(&host, flags, cuts)?;
            let cost = outcome.cpu.micros(outcome.tally.delivered);
            if way == Way::Pass {
                passed = Some(cost);
            }
            let ratio = passed.map_or("-".to_owned(), |passed: f64| format!("{:.2}", cost / passed));
            table.row(outcome.row(&host, ratio));
        }
    }
    Ok(table)
}

/// A host, with what it needs.
struct Host {
    server: Server,
    redis: Option<Redis>,
}

impl Host {
    /// `None` when Redis is needed and not installed.
    fn start(way: Way, upstream: &str, reuse: usize) -> Result<Option<Host>> {
        let setup = |name: &str, path: &'static str| -> Setup {
            let dialect = Dialect::Answers { path, upstream: upstream.to_owned() };
            component::component(name, "bench/relay-component/spin.toml", dialect)
                .heard()
                .flag("--max-instance-reuse-count", reuse)
        };
        let (setup, redis) = match way {
            Way::Pass => (setup("passed through", "/pass"), None),
            Way::Sqlite => (setup("relayed, SQLite", "/relay"), None),
            Way::Wait => (setup("relayed, SQLite, awaited first", "/wait/relay"), None),
            Way::Redis => match redis::start()? {
                Some(redis) => (redis.log_of(setup("relayed, Redis", "/relay")), Some(redis)),
                None => return Ok(None),
            },
        };
        Ok(Some(Host { server: setup.start()?, redis }))
    }

    fn cpu(&self) -> Cpu {
        Cpu::of(&self.server, self.redis.as_ref())
    }
}

/// What came of it.
struct Outcome {
    swarm: Swarm,
    tally: Tally,
    cpu: Cpu,
    own: Duration,
    seconds: f64,
    instances: usize,
}

fn measure(host: &Host, flags: &Flags, cuts: Option<Duration>) -> Result<Outcome> {
    // The first request makes the tables.
    let warm = host.server.dialect.subscription(flags.answers, Some(""));
    Client::connect(host.server.address)?.read_until(&warm, |_| true)?;
    std::thread::sleep(Duration::from_secs(2));
    let mut swarm = Swarm::of_event_sources(&host.server)?;
    swarm.enough = flags.tokens;
    let (cpu, own, start) = (host.cpu(), own_cpu(), Instant::now());
    // One after the other, or all at once.
    let (groups, pause) = if flags.gently { (flags.answers, GENTLY) } else { (1, Duration::ZERO) };
    for group in 0..groups {
        swarm.open_at_once(flags.answers / groups, |number| group + number, None)?;
        swarm.expect_first(0);
        swarm.run_for(pause)?;
    }
    let time = Duration::from_secs_f64(flags.tokens as f64 / flags.rate);
    run_for(&mut swarm, time / 2, cuts)?;
    let instances = host.server.process.instances();
    run_for(&mut swarm, time / 2, cuts)?;
    let last = flags.tokens - 1;
    let all = swarm.run_at_most(DEADLINE, |swarm| swarm.reached(last) >= flags.answers)?;
    let (cpu, own, seconds) = (host.cpu().since(cpu), own_cpu().saturating_sub(own), start.elapsed().as_secs_f64());
    let over = swarm.run_at_most(DEADLINE, |swarm| !all || swarm.ended() >= flags.answers)?;
    ensure!(over, "only {} of {} streams have ended after the last token", swarm.ended(), flags.answers);
    let mut tally = swarm.take();
    let given = vec![flags.tokens; flags.answers];
    tally.lost += swarm.missing(&given, &given);
    Ok(Outcome { swarm, tally, cpu, own, seconds, instances })
}

/// Receives for that time, and cuts a reader every so often.
fn run_for(swarm: &mut Swarm, time: Duration, cuts: Option<Duration>) -> Result<()> {
    let Some(period) = cuts else { return swarm.run_for(time) };
    let end = Instant::now() + time;
    while Instant::now() < end {
        swarm.run_for(period)?;
        swarm.cut_any()?;
    }
    Ok(())
}

impl Outcome {
    fn row(&self, host: &Host, ratio: String) -> Vec<String> {
        let latency = |quantile| micros(self.tally.latency.value_at_quantile(quantile) as f64);
        let cores = |time: Duration| time.as_secs_f64() / self.seconds;
        vec![
            host.server.name.clone(),
            self.swarm.answers.refusals(),
            host.server.process.output().matches("instance started").count().to_string(),
            self.instances.to_string(),
            self.tally.delivered.to_string(),
            latency(0.5),
            latency(0.99),
            self.cpu.each(self.tally.delivered),
            ratio,
            format!("{:.2} / {:.2}", cores(self.cpu.time()), cores(self.own)),
            self.swarm.answers.returned.to_string(),
            self.tally.order(),
        ]
    }
}
