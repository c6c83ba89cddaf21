//! Publishes in a thread of its own: at a rate, or as fast as the subscribers follow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::http::Client;
use crate::server::Server;
use crate::update::update;

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many updates a second; above 200, those of 5 ms together.
    Rate(u32),
    /// As fast as the slowest subscriber, and no more than this many updates before it.
    Following(u64),
}

/// How many updates go together when the subscribers set the pace.
const BATCH: u64 = 100;
/// How often a publisher publishes at most that has a rate.
const TURNS: u32 = 200;

impl Pace {
    /// How long there is nothing to do for one who has published `number` updates since `start`.
    fn pause(self, start: Instant, number: u64) -> Duration {
        match self {
            Pace::Rate(rate) => {
                let together = u64::from(rate / TURNS).max(1);
                let next = Duration::from_secs_f64((number + together) as f64 / f64::from(rate));
                next.saturating_sub(start.elapsed())
            }
            Pace::Following(_) => Duration::from_micros(100),
        }
    }
}

/// A running publisher.
pub struct Publisher {
    stop: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    thread: JoinHandle<Result<()>>,
}

impl Publisher {
    /// Begins to publish updates of `size` bytes. `progress` says which number all subscribers have reached.
    pub fn start(server: &Server, pace: Pace, size: usize, progress: Arc<AtomicU64>) -> Result<Publisher> {
        let mut client = Client::connect(server.address).context("the publisher")?;
        let dialect = server.dialect.clone();
        let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopping, answered) = (stop.clone(), published.clone());
        let thread = thread::spawn(move || {
            let start = Instant::now();
            let mut number = 0;
            while !stopping.load(Ordering::Relaxed) {
                let due = match pace {
                    Pace::Rate(rate) => (start.elapsed().as_secs_f64() * f64::from(rate)) as u64,
                    Pace::Following(ahead) => progress.load(Ordering::Relaxed).saturating_add(ahead),
                };
                let count = due.saturating_sub(number).min(BATCH);
                if count > 0 && (count == BATCH || !matches!(pace, Pace::Following(_))) {
                    let numbers = number..number + count;
                    let updates: Vec<_> = numbers.map(|number| (0, update(number, size))).collect();
                    let (requests, answers) = dialect.publication(&updates);
                    client.ask(&requests, answers).context("publishing")?;
                    number += count;
                    answered.store(number, Ordering::Relaxed);
                } else {
                    thread::sleep(pace.pause(start, number));
                }
            }
            Ok(())
        });
        Ok(Publisher { stop, published, thread })
    }

    /// How many updates have been answered.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Stops, and says how many there were.
    pub fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the publisher failed"))??;
        Ok(self.published.load(Ordering::Relaxed))
    }
}
