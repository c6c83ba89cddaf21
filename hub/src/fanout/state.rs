//! What a session is doing, and what it was given.

use bytes::Bytes;

/// What happens to a session at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits to know where the log ended when its client asked: it starts there.
    AwaitingPosition,
    /// There may be something to write to it.
    Runnable,
    /// The host is taking what was written to it.
    Writing,
    /// Its time is over in the middle of a write, which is taken back if the host took nothing of it.
    Interrupted,
    /// The log may have updates for it that are not in memory. It waits for a read.
    AwaitingPage,
    /// It has been sent all there is for it.
    CaughtUp,
    /// The host is taking its last words.
    Ending,
}

/// What a session leaves to the dispatcher when it was served from the cache.
#[derive(Debug)]
pub(crate) struct Served {
    /// An update that is larger than a chunk, to be sent instead of one. All who are sent it share it.
    pub(crate) large: Bytes,
    /// The head must be read before it is known which of two logs is newer.
    pub(crate) unresolved: bool,
}
