//! Contenders in turn, in one run: on a busy machine the ratio of two neighbours holds where neither figure does.

use std::time::{Duration, Instant};

/// How long a contender runs when it is its turn, and how often the turn comes.
const TURN: Duration = Duration::from_millis(4);
const ROUNDS: usize = 31;
/// A contender that has taken this long sits the other rounds out.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Lane<'a> {
    pub name: &'static str,
    /// Runs one batch, and says how long it took.
    pub batch: Box<dyn FnMut() -> Duration + 'a>,
}

/// What a contender achieved.
pub struct Result {
    pub name: &'static str,
    /// Seconds for a batch: the median of all rounds.
    pub seconds: f64,
    /// How many times the first contender's time: the median of the ratios within a round.
    pub ratio: f64,
}

pub fn race(mut lanes: Vec<Lane>) -> Vec<Result> {
    let mut times = vec![Vec::new(); lanes.len()];
    let mut spent = vec![Duration::ZERO; lanes.len()];
    for round in 0..ROUNDS {
        for place in 0..lanes.len() {
            // Each round begins with another one.
            let which = (place + round) % lanes.len();
            if spent[which] < PATIENCE {
                let start = Instant::now();
                times[which].push(turn(&mut lanes[which].batch));
                spent[which] += start.elapsed();
            }
        }
    }
    let first = times[0].clone();
    let result = |(lane, times): (Lane, Vec<f64>)| Result {
        name: lane.name,
        seconds: median(times.clone()),
        ratio: median(times.iter().zip(&first).map(|(time, first)| time / first).collect()),
    };
    lanes.into_iter().zip(times).map(result).collect()
}

/// The median of the batches of one turn: one that was interrupted does not count.
fn turn(batch: &mut dyn FnMut() -> Duration) -> f64 {
    let start = Instant::now();
    let mut times = vec![batch().as_secs_f64()];
    while start.elapsed() < TURN || times.len() < 3 && start.elapsed() < 10 * TURN {
        times.push(batch().as_secs_f64());
    }
    median(times)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
