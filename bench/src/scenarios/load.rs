//! Updates at a rate to topics of which each has its subscribers, and what came of it.

use std::time::Duration;

use anyhow::Result;

use super::lane::{Cpu, Lane};
use super::micros;
use crate::http::DEADLINE;
use crate::scatter::{Load, Scatter};
use crate::swarm::Swarm;
use crate::tally::Tally;

/// What happened while updates were published.
pub struct Outcome {
    pub tally: Tally,
    pub seconds: f64,
    pub published: u64,
    /// Publications that were sent again.
    failed: u64,
    pub cpu: Cpu,
}

/// Publishes for `warm`, then for the time that counts, until all is received that was published.
pub fn publish(lane: &Lane, swarm: &mut Swarm, load: Load, warm: Duration, time: Duration) -> Result<Outcome> {
    swarm.take();
    swarm.expect(0);
    let mut scatter = Scatter::start(&lane.server, load)?;
    swarm.run_for(warm)?;
    let early = swarm.take();
    let (before, published, start) = (lane.cpu(), scatter.published(), std::time::Instant::now());
    swarm.run_for(time)?;
    scatter.stop()?;
    // With what was under way, which is counted too.
    let (seconds, published) = (start.elapsed().as_secs_f64(), scatter.published() - published);
    let counts = scatter.counts();
    swarm.run_at_most(DEADLINE, |swarm| swarm.missing(&counts, &counts) == 0)?;
    let cpu = lane.cpu().since(before);
    let mut tally = swarm.take();
    tally.lost += early.lost + swarm.missing(&counts, &counts);
    tally.disordered += early.disordered;
    tally.gaps += early.gaps;
    Ok(Outcome { tally, seconds, published, failed: scatter.failed(), cpu })
}

impl Outcome {
    /// Updates a second.
    pub fn rate(&self) -> String {
        format!("{:.1}", self.published as f64 / self.seconds)
    }

    /// From publication to receipt.
    pub fn latency(&self, quantile: f64) -> String {
        micros(self.tally.latency.value_at_quantile(quantile) as f64)
    }

    /// What went wrong, if anything did.
    pub fn order(&self) -> String {
        order(&self.tally, self.failed)
    }
}

/// What went wrong, if anything did, and how many publications were sent again.
pub fn order(tally: &Tally, failed: u64) -> String {
    match failed {
        0 => tally.order(),
        failed => format!("{}; {failed} sent again", tally.order()),
    }
}
