//! The relays of an instance: they append together, and hold their topics together.

use std::rc::Rc;
use std::time::Duration;

use slab::Slab;

use crate::instant::{Instant, after, between};
use crate::log::{Position, Record};
use crate::relays::action::{Action, Finished, Refused, RelayId};
use crate::relays::batch::{Batch, BatchState, MAX_BYTES, MAX_UPDATES, pause};
use crate::relays::relay::Relay;

/// A relay that appended nothing for so long asks whether its topic was ended: who stops it does not wait longer.
const HOLD: Duration = Duration::from_millis(700);
/// How often leases are renewed.
pub(crate) const RENEW: Duration = Duration::from_secs(5);
/// An append that failed is tried again after so long, and then after twice that, up to `MAX_RETRY`.
const RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY: Duration = Duration::from_secs(5);

/// The relays of an instance.
#[derive(Debug)]
pub(crate) struct Relays {
    relays: Slab<Relay>,
    batch: Option<Batch>,
    /// Whose updates were the last of the last batch.
    turn: RelayId,
    /// When the next append may begin, or the present one be tried again.
    append_at: Instant,
    failures: u32,
    holding: bool,
    /// When the log may be asked which relays hold their topics.
    hold_at: Instant,
    renew_at: Instant,
}

impl Relays {
    pub(crate) fn new(now: Instant) -> Relays {
        Relays {
            relays: Slab::new(),
            batch: None,
            turn: 0,
            append_at: 0,
            failures: 0,
            holding: false,
            hold_at: after(now, HOLD),
            renew_at: after(now, RENEW),
        }
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.relays.is_empty()
    }

    /// A relay begins, which holds `topic` in the log. `position` is the log's end at that time.
    pub(crate) fn begin(&mut self, topic: Rc<str>, position: Position, now: Instant) -> RelayId {
        self.relays.insert(Relay::new(topic, position, now))
    }

    /// An event of the upstream, as an update.
    pub(crate) fn message(&mut self, id: RelayId, record: Record) {
        if let Some(relay) = self.relays.get_mut(id) {
            relay.reading = false;
            relay.push(record);
        }
    }

    /// The upstream has ended. `last` is the last update of the topic.
    pub(crate) fn upstream_ended(&mut self, id: RelayId, last: Record) {
        if let Some(relay) = self.relays.get_mut(id) {
            relay.reading = false;
            relay.over = true;
            relay.push(last);
        }
    }

    /// The append has ended. The result has the position of its last update.
    pub(crate) fn appended(&mut self, result: Result<Position, Refused>, now: Instant, actions: &mut Vec<Action>) {
        match result {
            Ok(last) => self.batch_is_stored(&last, now),
            Err(Refused::Ended(topic)) => {
                self.set_state(BatchState::Refused);
                let stopped = self.relays.iter().find(|(_, relay)| *relay.topic == *topic).map(|(id, _)| id);
                match stopped {
                    Some(id) => self.stop(id, actions),
                    // The log speaks of a topic that has no relay here: what was refused is not known.
                    None => self.retry_later(BatchState::Refused, now),
                }
            }
            Err(Refused::Unavailable { uncertain: true }) => self.retry_later(BatchState::Uncertain, now),
            Err(Refused::Unavailable { uncertain: false }) => self.retry_later(BatchState::Refused, now),
        }
    }

    /// Whether the update of [`Action::Find`] is in the log, and the log's end; `None` when the log is away.
    pub(crate) fn found(&mut self, found: Option<(bool, Position)>, now: Instant) {
        match found {
            Some((true, end)) => self.batch_is_stored(&end, now),
            Some((false, _)) => self.set_state(BatchState::Refused),
            None => self.retry_later(BatchState::Uncertain, now),
        }
    }

    /// The topics that the log says this instance holds; `None` when the log is away.
    pub(crate) fn held(&mut self, topics: Option<&[String]>, asked: Instant, now: Instant, actions: &mut Vec<Action>) {
        self.holding = false;
        self.hold_at = after(now, HOLD);
        let Some(topics) = topics else {
            // It may be that no lease was renewed for long.
            return self.renew_at = self.hold_at;
        };
        for (id, relay) in &mut self.relays {
            if topics.iter().any(|topic| **topic == *relay.topic) {
                relay.held_at = relay.held_at.max(asked);
            } else if relay.held_at < asked && !relay.over {
                // One that is over may have ended its topic itself. Of this one nothing more is read.
                relay.reading = true;
                actions.push(Action::Interrupt(id));
            }
        }
    }

    /// Does what is due.
    pub(crate) fn round(&mut self, now: Instant, actions: &mut Vec<Action>) {
        for (id, relay) in &mut self.relays {
            if relay.is_thirsty() {
                relay.reading = true;
                actions.push(Action::Read(id));
            }
        }
        if now >= self.append_at {
            self.append(now, actions);
        }
        let renew = now >= self.renew_at;
        if !self.holding && !self.relays.is_empty() && (renew || now >= self.ask_at()) {
            self.holding = true;
            if renew {
                self.renew_at = after(now, RENEW);
            }
            actions.push(Action::Hold { renew });
        }
        self.finish(actions);
    }

    /// When the next round is due, if nothing happens before.
    pub(crate) fn due(&self) -> Instant {
        let hold_at =
            if self.holding || self.relays.is_empty() { Instant::MAX } else { self.renew_at.min(self.ask_at()) };
        let waits = match &self.batch {
            Some(batch) => batch.state != BatchState::Asked,
            None => self.relays.iter().any(|(_, relay)| !relay.pending.is_empty()),
        };
        if waits { hold_at.min(self.append_at) } else { hold_at }
    }

    /// When the log is asked which relays hold their topics.
    fn ask_at(&self) -> Instant {
        let silent = self.relays.iter().map(|(_, relay)| relay.held_at).min();
        silent.map_or(Instant::MAX, |held_at| after(held_at, HOLD).max(self.hold_at))
    }

    fn append(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.batch.is_none() {
            self.batch = self.collect();
        }
        let Some(batch) = &mut self.batch else { return };
        match (batch.state, batch.updates.first()) {
            (BatchState::Asked, _) => return,
            (_, None) => return self.batch = None,
            (BatchState::Refused, _) => actions.push(Action::Append(batch.records())),
            (BatchState::Uncertain, Some((id, record))) => {
                let Some(relay) = self.relays.get(*id) else { return };
                actions.push(Action::Find(relay.position.clone(), record.clone()));
            }
        }
        (batch.state, batch.began) = (BatchState::Asked, now);
        self.append_at = after(now, pause(Duration::ZERO));
    }

    /// The updates of all relays, as many as go at once.
    fn collect(&mut self) -> Option<Batch> {
        let (mut updates, mut bytes) = (Vec::new(), 0_usize);
        // The relay after the last one that had its turn begins.
        let (later, earlier): (Vec<_>, Vec<_>) = self.relays.iter().map(|(id, _)| id).partition(|id| *id > self.turn);
        for id in later.into_iter().chain(earlier) {
            let Some(relay) = self.relays.get_mut(id) else { continue };
            while updates.len() < MAX_UPDATES && bytes < MAX_BYTES {
                let Some(record) = relay.pop() else { break };
                relay.appending = relay.appending.saturating_add(1);
                bytes = bytes.saturating_add(record.size());
                updates.push((id, record));
                self.turn = id;
            }
        }
        (!updates.is_empty()).then_some(Batch { updates, state: BatchState::Refused, began: 0 })
    }

    fn set_state(&mut self, state: BatchState) {
        if let Some(batch) = &mut self.batch {
            batch.state = state;
        }
    }

    fn retry_later(&mut self, state: BatchState, now: Instant) {
        self.set_state(state);
        let wait = RETRY.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(MAX_RETRY);
        self.failures = self.failures.saturating_add(1);
        self.append_at = after(now, wait);
    }

    fn batch_is_stored(&mut self, last: &Position, now: Instant) {
        self.failures = 0;
        let Some(batch) = self.batch.take() else { return };
        self.append_at = self.append_at.max(after(batch.began, pause(between(batch.began, now))));
        for (id, _) in batch.updates {
            let Some(relay) = self.relays.get_mut(id) else { continue };
            relay.appending = relay.appending.saturating_sub(1);
            relay.appended = relay.appended.saturating_add(1);
            relay.position = last.clone();
            relay.held_at = now;
        }
    }

    /// The topic of a relay has ended.
    fn stop(&mut self, id: RelayId, actions: &mut Vec<Action>) {
        if let Some(batch) = &mut self.batch {
            batch.updates.retain(|(other, _)| *other != id);
        }
        if let Some(relay) = self.relays.try_remove(id) {
            actions.push(Action::Finish(id, Finished { updates: relay.appended, stopped: true }));
        }
    }

    fn finish(&mut self, actions: &mut Vec<Action>) {
        self.relays.retain(|id, relay| {
            if relay.is_done() {
                actions.push(Action::Finish(id, Finished { updates: relay.appended, stopped: false }));
            }
            !relay.is_done()
        });
    }
}

#[cfg(test)]
impl Relays {
    /// How many updates are held in memory, at most for one relay, and whether a relay waits for its turn.
    pub(super) fn held_in_memory(&self) -> usize {
        self.relays.iter().map(|(_, relay)| relay.pending.len().saturating_add(relay.appending)).max().unwrap_or(0)
    }
}
