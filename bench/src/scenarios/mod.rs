//! What is measured of the hub.

pub mod lane;
pub mod load;

pub mod backlog;
pub mod burst;
pub mod cold;
pub mod fanout;
pub mod idle;
pub mod latency;
pub mod matching;
pub mod publish;
pub mod quiet;
pub mod relay;
pub mod resume;
pub mod slow;
pub mod stream;
pub mod topics;

use std::time::Duration;

use anyhow::Result;

use crate::http::DEADLINE;
use crate::peers::{native, nchan};
use crate::process::own_cpu;
use crate::publisher::{Pace, Publisher};
use crate::server::Server;
use crate::swarm::Swarm;
use crate::tally::Tally;

/// The data of an update in all scenarios where nothing else is said.
const SIZE: usize = 100;

/// The command of this run, as one repeats it.
fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let spin = if std::env::var_os("SPIN_BIN").is_some() { "SPIN_BIN=spin " } else { "" };
    let release = if cfg!(debug_assertions) { "" } else { "--release " };
    format!("{spin}cargo run {release}-p bench -- {}", arguments.join(" "))
}

/// Servers of other make that can do what the hub does.
fn peers() -> Result<Vec<Server>> {
    let mut servers = vec![native::start()?];
    servers.extend(nchan::start()?);
    Ok(servers)
}

/// What happened in a while.
struct Window {
    tally: Tally,
    seconds: f64,
    published: u64,
    /// Processor time of the server, and of the generator.
    server: Duration,
    own: Duration,
}

/// Publishes to subscribers that are there: a second to get going, then `seconds` that count, then what is under way.
fn window(server: &Server, swarm: &mut Swarm, pace: Pace, seconds: u64) -> Result<Window> {
    let publisher = Publisher::start(server, pace, SIZE, swarm.progress())?;
    swarm.run_for(Duration::from_secs(1))?;
    swarm.take();
    let (before, own, published) = (server.process.cpu(), own_cpu(), publisher.published());
    let start = std::time::Instant::now();
    swarm.run_for(Duration::from_secs(seconds))?;
    let mut window = Window {
        tally: swarm.take(),
        seconds: start.elapsed().as_secs_f64(),
        published: publisher.published() - published,
        server: server.process.cpu().saturating_sub(before),
        own: own_cpu().saturating_sub(own),
    };
    let last = publisher.stop()?.saturating_sub(1);
    // What is under way belongs to no other window.
    let readers = swarm.readers();
    swarm.run(DEADLINE, |swarm| swarm.reached(last) >= readers)?;
    let late = swarm.take();
    window.tally.lost += late.lost;
    window.tally.disordered += late.disordered;
    window.tally.gaps += late.gaps;
    swarm.forget();
    Ok(window)
}

impl Window {
    fn deliveries(&self) -> f64 {
        self.tally.delivered as f64 / self.seconds
    }

    /// Microseconds of the server's processor time for each delivery.
    fn cpu_per_delivery(&self) -> f64 {
        self.server.as_secs_f64() * 1e6 / self.tally.delivered.max(1) as f64
    }

    /// Cores that are busy with the server, and with the generator.
    fn cores(&self) -> String {
        format!("{:.2} / {:.2}", self.server.as_secs_f64() / self.seconds, self.own.as_secs_f64() / self.seconds)
    }

    fn latency(&self, quantile: f64) -> String {
        micros(self.tally.latency.value_at_quantile(quantile) as f64)
    }
}

fn micros(micros: f64) -> String {
    if micros < 10_000.0 { format!("{:.2} ms", micros / 1e3) } else { format!("{:.0} ms", micros / 1e3) }
}

fn millions(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{:.2} M", number / 1e6),
        number if number >= 1e4 => format!("{:.0} k", number / 1e3),
        number => format!("{number:.0}"),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
