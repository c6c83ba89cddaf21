//! How a stream ends.

use std::error::Error;
use std::fmt;

/// How the author of an event stream fails: with any error, so that `?` works on all of them.
pub type BoxError = Box<dyn Error>;

/// Why nothing more can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The client has gone.
    ClientLeft,
    /// The stream has used its budget of time or bytes. The client will reconnect by itself.
    BudgetUsed,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Closed::ClientLeft => "the client has gone",
            Closed::BudgetUsed => "the stream has used its budget",
        })
    }
}

impl Error for Closed {}

/// How a stream ended.
#[derive(Debug)]
pub enum End {
    /// The author returned.
    Finished,
    /// The author returned an error other than [`Closed`].
    Failed(BoxError),
    /// The client has gone, or the budget is used.
    Closed(Closed),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Finished => f.write_str("finished"),
            End::Failed(error) => error.fmt(f),
            End::Closed(closed) => closed.fmt(f),
        }
    }
}
