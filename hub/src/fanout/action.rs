//! What the dispatcher wants done.

use std::time::Duration;

use crate::fanout::cache::Read;
use crate::log::{ListenerId, Registration};

/// Names a session of a dispatcher: an index, which is used again after the session has ended.
pub(crate) type SessionId = usize;

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its budget of time or bytes is used: the client comes back.
    Budget,
    /// All its topics have ended.
    TopicsEnded,
}

/// Something to do. The end of a write, of a read, of a registration and of a wait is told to the dispatcher, in any
/// order.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Write `chunk` to a session. `write_ended` or `session_ended` follows.
    Write {
        /// To whom.
        session: SessionId,
        /// Whole events, or a part of one that is larger than a chunk.
        chunk: Vec<u8>,
    },
    /// Write last words to a session and end its stream. `session_ended` follows.
    End {
        /// To whom.
        session: SessionId,
        /// The last words, possibly none.
        last_words: Vec<u8>,
        /// Why it ends.
        cause: Cause,
    },
    /// Take a session's write back and end its stream, if the host has taken nothing of the write. Otherwise the write
    /// goes on to its end.
    Interrupt(SessionId),
    /// End a session's stream at once: its reader stalls in the middle of a write.
    Cut(SessionId),
    /// Read the log. `read_ended` follows. There is one read at a time.
    Read(Read),
    /// Register this instance with the log. `registered` follows. There is one registration at a time.
    Register(Registration),
    /// Wait until the log tells this instance of something. `wait_ended` follows. There is one wait at a time.
    Wait(ListenerId),
    /// Tell these instances to end their streams, unless some were told so within the pause. Nothing follows.
    Drain(Vec<ListenerId>, Duration),
    /// Open the log for writing. Nothing follows.
    Prepare,
    /// Take no more requests.
    CloseDoor,
    /// Take requests again.
    OpenDoor,
    /// Tell who runs the hub.
    Report(&'static str),
}
