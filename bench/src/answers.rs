//! What has become of requests for streams.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::subscriber::{Stage, Subscriber};

/// What has become of requests for streams, since the beginning.
#[derive(Debug, Default)]
pub struct Answers {
    /// How many subscribers have had a stream.
    pub streams: usize,
    /// How many were answered otherwise, by status. Such a subscriber does not come back.
    pub refused: BTreeMap<String, usize>,
    /// When the last first answer came.
    pub last: Option<Instant>,
    /// How many streams have ended.
    pub ended: usize,
    /// How many connections were closed without an answer.
    pub failed: usize,
    /// How many streams went on on another connection.
    pub returned: usize,
}

impl Answers {
    /// Counts what has changed since the connection of a subscriber was at the stage `before`.
    pub fn note(&mut self, subscriber: &mut Subscriber, before: Stage) {
        let begun = subscriber.has_begun();
        if before == Stage::Asking && begun {
            if let Some(refusal) = subscriber.refusal() {
                *self.refused.entry(refusal.to_owned()).or_default() += 1;
            } else if subscriber.answered {
                self.returned += 1;
            } else {
                subscriber.answered = true;
                self.streams += 1;
                self.last = Some(Instant::now());
            }
        }
        if subscriber.stage == Stage::Ended && before != Stage::Ended {
            let count = if begun { &mut self.ended } else { &mut self.failed };
            *count += 1;
        }
    }

    /// How many subscribers have been answered, with a stream or without. One that is refused when it comes back counts
    /// twice.
    pub fn subscribers(&self) -> usize {
        self.streams + self.refused.values().sum::<usize>()
    }

    /// What was answered instead of streams.
    pub fn refusals(&self) -> String {
        match self.refused.len() {
            0 => "0".to_owned(),
            _ => self.refused.iter().map(|(why, count)| format!("{count} x {why}")).collect::<Vec<_>>().join(", "),
        }
    }
}
