//! Updates that are larger than a chunk, and are sent in parts: how far a session is in one, and where the rest is.

use crate::log::Entry;

/// How many bytes one write has at most, but for the first block of a stream.
pub(crate) const CHUNK: usize = 64 * 1024;
/// So many large updates are kept for those who are inside of them. Each keeps the page in memory that it came with.
const LARGE: usize = 4;

/// What was sent of a large update, and what becomes of the rest.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// What was sent, if there is a rest.
    pub(super) part: Option<Part>,
    /// What is being sent begins in the middle of an update.
    pub(super) goes_on: bool,
    /// The rest cannot be had any more: the stream ends.
    pub(super) is_broken: bool,
}

/// How much was sent of an update, the next that the session hears after its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The update's sequence.
    pub(super) sequence: u64,
    /// The first bytes of the update.
    pub(super) sent: usize,
}

impl Parts {
    /// Whether a part of an update was sent and not the rest.
    pub(super) fn is_inside(&self) -> bool {
        self.part.is_some()
    }
}

/// Appends to a chunk, which takes no more room than it must: a reader that stops keeps it.
pub(super) fn append(bytes: &[u8], chunk: &mut Vec<u8>) {
    let size = chunk.len().saturating_add(bytes.len());
    if size > chunk.capacity() {
        chunk.reserve_exact(size.next_power_of_two().saturating_sub(chunk.len()));
    }
    chunk.extend_from_slice(bytes);
}

/// The large updates that were read last: a session that is inside of one gets the rest without a read. It would need
/// one for each part where many sessions, of other topics or at other places, make the cache drop what it has.
#[derive(Debug, Default)]
pub(super) struct LargeUpdates(Vec<Entry>);

impl LargeUpdates {
    /// Keeps those of what was read.
    pub(super) fn keep(&mut self, read: &[Entry]) {
        for entry in read.iter().filter(|entry| entry.wire.len() > CHUNK) {
            self.0.retain(|kept| kept.sequence != entry.sequence);
            if self.0.len() == LARGE {
                self.0.remove(0);
            }
            self.0.push(entry.clone());
        }
    }

    /// The one with this sequence.
    pub(super) fn get(&self, sequence: u64) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.sequence == sequence)
    }

    /// Drops what the log may have lost: all that comes after `head`.
    pub(super) fn cut(&mut self, head: u64) {
        self.0.retain(|entry| entry.sequence <= head);
    }
}

#[cfg(test)]
impl LargeUpdates {
    /// How many are kept.
    pub(super) fn is_bounded(&self) -> bool {
        self.0.len() <= LARGE
    }
}
