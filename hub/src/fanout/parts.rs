//! How far a session is in an update that is larger than a chunk, and is sent in parts.

/// About how many bytes one write has.
pub(crate) const CHUNK: usize = 64 * 1024;

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
