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

/// The log may have something for a session up to a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// The sequence; `u64::MAX` for the end of the log, wherever that is.
    pub sequence: u64,
    /// How many reads had begun when that was known. A later read that finds no more proves that there is no more.
    pub reads: u64,
}
