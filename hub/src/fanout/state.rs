//! What a session is doing.

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
