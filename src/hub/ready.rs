//! A session that the tail may write to, and its writes, which own it while they last.

use std::time::Duration;

use bytes::Bytes;
use spin_sse::timer::{Instant, now};
use spin_sse::{Closed, Writer};

use crate::hub::limits::Limit;
use crate::hub::subscriber::{CHUNK, Subscriber};

/// How long a reader has to take a stream's last words.
pub const FAREWELL: Duration = Duration::from_secs(1);

/// A session between two writes.
pub struct Ready {
    /// Who is written to.
    pub subscriber: Subscriber,
    /// The stream's body.
    pub writer: Writer,
    /// When the stream must end.
    pub deadline: Instant,
    /// When it was last sent something.
    pub last_write: Instant,
    /// Emptied; reused for the next chunk.
    pub buffer: Vec<u8>,
    /// The budget is used.
    pub full: bool,
    /// In which log its position is: the log may be lost and begin anew. `None` while the session knows another one than
    /// the tail, and it is not known which is the newer.
    pub generation: Option<usize>,
    /// After how many looks at the head that is known.
    pub settled: u64,
}

/// Writes `out` and then `large`, which together end at the end of an event; `None` when the stream has ended, be it that
/// `limit` came before the first byte was taken.
pub async fn write(mut session: Ready, out: Vec<u8>, mut large: Bytes, limit: Limit) -> Option<Ready> {
    let first = if out.is_empty() { chunk(out, &mut large) } else { out };
    let mut written = session.writer.write_unless(first, limit).await;
    while let Ok(buffer) = written {
        if large.is_empty() {
            // What a large update needed is given back.
            session.buffer = if buffer.capacity() > 2 * CHUNK { Vec::new() } else { buffer };
            session.last_write = now();
            return Some(session);
        }
        written = session.writer.write(chunk(buffer, &mut large)).await;
    }
    match written {
        Err(Closed::BudgetUsed) => {
            session.writer.finish().await;
            println!("hub: stream ended: a reader did not keep up until its budget was used");
        }
        _ => println!("hub: stream ended: the client has gone"),
    }
    None
}

/// The next part of a large update.
fn chunk(mut buffer: Vec<u8>, large: &mut Bytes) -> Vec<u8> {
    buffer.extend_from_slice(&large.split_to(large.len().min(CHUNK)));
    buffer
}

/// Ends a stream with its last words, unless nobody takes them.
pub async fn end(mut writer: Writer, out: Vec<u8>, limit: Limit) -> Option<Ready> {
    // A client that has gone does not need them.
    let _ = writer.write_unless(out, limit).await;
    writer.finish().await;
    println!("hub: stream ended: its budget is used");
    None
}
