//! What subscribers have received.

use hdrhistogram::Histogram;
use memchr::memmem::Finder;

use crate::update::{RECORD, Stamp, read};

/// What subscribers have received.
pub struct Tally {
    /// Updates, all subscribers together.
    pub delivered: u64,
    /// Bytes of the streams.
    pub bytes: u64,
    /// Updates that did not come: numbers that were left out.
    pub lost: u64,
    /// Updates that came again, or after a later one.
    pub disordered: u64,
    /// Events with the name `gap`.
    pub gaps: u64,
    /// From publication to receipt, in microseconds.
    pub latency: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1, 100_000_000, 3).expect("valid bounds");
        Tally { delivered: 0, bytes: 0, lost: 0, disordered: 0, gaps: 0, latency }
    }
}

impl Tally {
    /// Counts the updates in `body`, which is whole events. `next` is the number of the next one, once it is known.
    pub fn count(&mut self, next: &mut Option<u64>, body: &[u8], mark: &Finder) {
        let now = Stamp::now();
        for start in mark.find_iter(body).map(|start| start + mark.needle().len()) {
            let Some(record) = body.get(start..start + RECORD) else { return };
            let (number, published) = read(record);
            match *next {
                Some(expected) if number < expected => self.disordered += 1,
                Some(expected) => self.lost += number - expected,
                None => {}
            }
            *next = Some(next.unwrap_or(0).max(number + 1));
            self.delivered += 1;
            self.latency.saturating_record(published.micros_until(now).max(1));
        }
    }

    /// What went wrong, if anything did.
    pub fn order(&self) -> String {
        match (self.lost, self.disordered, self.gaps) {
            (0, 0, 0) => "kept".to_owned(),
            (lost, disordered, gaps) => format!("{lost} lost, {disordered} disordered, {gaps} gaps"),
        }
    }
}
