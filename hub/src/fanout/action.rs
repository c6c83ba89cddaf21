//! What the dispatcher wants done.

use bytes::Bytes;

use crate::fanout::cache::Read;
use crate::log::Position;

/// Names a session of a dispatcher: an index, which is used again after the session has ended.
pub(crate) type SessionId = usize;

/// Something to do. The end of a write, of a read and of a wait is told to the dispatcher, in any order.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the response head of a session that joined without a position: the position is known now, or the log is
    /// away.
    Answer(SessionId),
    /// Write `chunk` and then `large` to a session. Together they end at the end of an event. `write_ended` or
    /// `session_ended` follows.
    Write {
        /// To whom.
        session: SessionId,
        /// The first bytes.
        chunk: Vec<u8>,
        /// An update that is larger than a chunk, to be written in slices; mostly empty.
        large: Bytes,
    },
    /// Write last words to a session and end its stream. `session_ended` follows.
    End {
        /// To whom.
        session: SessionId,
        /// The last words, possibly none.
        last_words: Vec<u8>,
    },
    /// Take a session's write back and end its stream, if the host has taken nothing of the write. Otherwise the write
    /// goes on to its end.
    Interrupt(SessionId),
    /// End a session's stream at once: its reader stalls in the middle of a write.
    Cut(SessionId),
    /// Read the log. `read_ended` follows. There is one read at a time.
    Read(Read),
    /// Wait until something follows this position, in place of a wait that is under way. `wait_ended` follows.
    Wait(Position),
    /// Tell who runs the hub.
    Report(&'static str),
}
