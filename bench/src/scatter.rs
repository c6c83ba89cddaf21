//! Publishes to many topics at a rate, one update a request, on connections that each wait for each answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::http::Client;
use crate::random::Random;
use crate::server::{Dialect, Server};
use crate::update::update;

/// What is published, by all connections together.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Topics 0 up to this number, of which each update takes one at random.
    pub topics: usize,
    /// Connections. A topic belongs to one, so that its updates have an order.
    pub connections: usize,
    /// Updates a second. A connection that waits for its answers too long has a lower rate, and catches up when it can.
    pub rate: f64,
    /// Bytes of an update's data.
    pub size: usize,
}

/// Running publishers.
pub struct Scatter {
    stop: Arc<AtomicBool>,
    /// How many updates of each topic have been answered.
    counts: Arc<Vec<AtomicU64>>,
    failed: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Result<()>>>,
}

/// After so many publications without success, one after the other, a publisher gives up.
const FAILURES: u32 = 100;
/// A publisher looks so often whether it shall stop.
const TURN: Duration = Duration::from_millis(20);

impl Scatter {
    /// Begins to publish. The updates of each topic are numbered, from 0 on.
    pub fn start(server: &Server, load: Load) -> Result<Scatter> {
        let counts = (0..load.topics).map(|_| AtomicU64::new(0)).collect();
        let (stop, counts, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(counts), Arc::default());
        let mut scatter = Scatter { stop, counts, failed, threads: Vec::new() };
        let start = Instant::now();
        for first in 0..load.connections {
            let connection = Connection {
                client: Client::connect(server.address).context("a publisher")?,
                address: server.address,
                dialect: server.dialect.clone(),
                topics: (first..load.topics).step_by(load.connections).collect(),
                size: load.size,
                counts: scatter.counts.clone(),
                failed: scatter.failed.clone(),
            };
            let period = Duration::from_secs_f64(load.connections as f64 / load.rate);
            // They take turns.
            let start = start + period.mul_f64(first as f64 / load.connections as f64);
            let stop = scatter.stop.clone();
            scatter.threads.push(thread::spawn(move || connection.run(start, period, &stop)));
        }
        Ok(scatter)
    }

    /// How many updates of each topic have been answered.
    pub fn counts(&self) -> Vec<u64> {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// How many updates have been answered.
    pub fn published(&self) -> u64 {
        self.counts().iter().sum()
    }

    /// How many publications were not answered with a success. Their updates were sent again.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Stops, when what is under way has been answered.
    pub fn stop(&mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).try_for_each(|thread| thread.join().map_err(|_| anyhow!("a publisher failed"))?)
    }
}

/// One connection's part.
struct Connection {
    client: Client,
    address: SocketAddr,
    dialect: Dialect,
    topics: Vec<usize>,
    size: usize,
    counts: Arc<Vec<AtomicU64>>,
    failed: Arc<AtomicU64>,
}

impl Connection {
    fn run(mut self, start: Instant, period: Duration, stop: &AtomicBool) -> Result<()> {
        let Some(&first) = self.topics.first() else { return Ok(()) };
        let mut random = Random::new(first as u64);
        let mut due = start;
        while !stop.load(Ordering::Relaxed) {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let topic = self.topics[random.below(self.topics.len() as u64) as usize];
                self.publish(topic)?;
                due += period;
            } else {
                thread::sleep(left.min(TURN));
            }
        }
        Ok(())
    }

    /// Publishes the next update of a topic, until it is answered with a success.
    fn publish(&mut self, topic: usize) -> Result<()> {
        let count = &self.counts[topic];
        for _ in 0..FAILURES {
            let (request, answers) =
                self.dialect.publication(&[(topic, update(count.load(Ordering::Relaxed), self.size))]);
            let Err(error) = self.client.ask(&request, answers) else {
                count.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            };
            if self.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                eprintln!("a publication failed and is sent again: {error:#}");
            }
            thread::sleep(TURN);
            self.client = Client::connect(self.address)?;
        }
        bail!("{FAILURES} publications failed one after the other")
    }
}
