//! What is done to subscribers: they are cut, and made to stop reading.

use anyhow::Result;

use super::{Stage, Swarm};

impl Swarm {
    /// Cuts the connection of one of them by chance, if that one has a stream and can come back; returns whether it was
    /// cut. Only an event source comes back.
    pub fn cut_any(&mut self) -> Result<bool> {
        let number = self.random.below(self.subscribers.len() as u64) as usize;
        let subscriber = &mut self.subscribers[number];
        if subscriber.stage != Stage::Streaming || subscriber.last.is_none() {
            return Ok(false);
        }
        subscriber.end();
        self.note(number, Stage::Streaming)?;
        Ok(true)
    }

    /// Makes the first `count` stop reading, or read again.
    pub fn stop(&mut self, count: usize, stopped: bool) -> Result<()> {
        for number in 0..count {
            self.subscribers[number].stopped = stopped;
            if !stopped {
                self.step(number)?;
            }
        }
        Ok(())
    }
}
