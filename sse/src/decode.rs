//! Bytes to events: the HTML Standard's "Interpreting an event stream", over any slices of the stream.

use std::error::Error;
use std::fmt;
use std::mem;
use std::time::Duration;

use crate::block::{Block, Step, push_text, value_of};
use crate::line::{self, Cut};

const BOM: &[u8] = b"\xEF\xBB\xBF";
const DEFAULT_LIMIT: usize = 1 << 20;

/// An incremental decoder of one event stream.
///
/// It does no I/O: hand it the slices of the stream as they come, in any split. It holds at most one event, and takes time in
/// proportion to the bytes, also when they come one by one.
///
/// ```
/// use spin_sse::{Decoder, Frame};
///
/// let mut decoder = Decoder::new();
/// let mut seen = Vec::new();
/// for slice in [&b"id: 1\nda"[..], b"ta: one\n\nda", b"ta: two\n\n"] {
///     let mut input = slice;
///     while let Some(frame) = decoder.next(&mut input)? {
///         if let Frame::Event(message) = frame {
///             seen.push(message.data.to_owned());
///         }
///     }
/// }
/// assert_eq!(seen, ["one", "two"]);
/// assert_eq!(decoder.last_event_id(), "1");
/// # Ok::<(), spin_sse::TooLarge>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    limit: usize,
    last_event_id: String,
    /// How many bytes of the byte order mark have come; all of them also once it is certain that none will.
    bom: usize,
    /// The last slice ended with a CR, whose LF may still come.
    after_cr: bool,
    /// The start of a line whose end has not come; of a comment just its colon.
    line: Vec<u8>,
    block: Block,
    /// Bytes of the block's fields, with those of the line whose end has not come.
    size: usize,
    /// The block was handed out, and is to be cleared before anything else.
    dispatched: bool,
    /// The data of the last event, where it had to be repaired.
    repaired: String,
}

/// What the decoder has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frame<'d> {
    /// An event.
    Event(Message<'d>),
    /// From now on the client should wait this long before it reconnects, whole milliseconds.
    Retry(Duration),
}

/// An event as its receiver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message<'d> {
    /// The data, its lines separated by LF.
    pub data: &'d str,
    /// The name; `message` when the event has none.
    pub name: &'d str,
    /// The last event id in force: that of this event or, if it has none, of the last one that had. Empty when none had.
    pub last_event_id: &'d str,
}

/// An event is larger than the [limit](Decoder::limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    limit: usize,
}

impl Decoder {
    /// A decoder for the first connection of a client, which has no last event id.
    pub fn new() -> Decoder {
        Decoder::with_last_event_id(String::new())
    }

    /// A decoder for a client that sent this last event id.
    ///
    /// It is in force until the stream sets another one. (By the letter of the standard an event without an id would reset it
    /// on each new connection; browsers keep it, and so does this.)
    pub fn with_last_event_id(id: impl Into<String>) -> Decoder {
        Decoder {
            limit: DEFAULT_LIMIT,
            last_event_id: id.into(),
            bom: 0,
            after_cr: false,
            line: Vec::new(),
            block: Block::default(),
            size: 0,
            dispatched: false,
            repaired: String::new(),
        }
    }

    /// Sets how large an event may be, 1 MiB if not set: bytes of all its fields, names included, line ends and comments not.
    pub fn limit(self, bytes: usize) -> Decoder {
        Decoder { limit: bytes, ..self }
    }

    /// The next frame of the stream. Takes the bytes it needs from the front of `input`; `None` means that all are taken:
    /// call again with the next slice. At the end of the stream there is nothing to call: half a block is no event.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] when the event under way is larger than the [limit](Decoder::limit), and from then on at each call
    /// until [`reconnect`](Decoder::reconnect): what follows is the rest of that event. Close the connection.
    pub fn next<'d, 'i: 'd>(&'d mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'d>>, TooLarge> {
        if mem::take(&mut self.dispatched) {
            self.clear_block();
        }
        self.count(&[])?;
        self.skip_bom(input);
        if self.after_cr && !input.is_empty() {
            *input = input.strip_prefix(b"\n").unwrap_or(input);
            self.after_cr = false;
        }

        if self.size == 0 && self.line.is_empty() {
            // On an idle stream there is nothing but these.
            while let Some(rest) = after_keep_alive(input) {
                *input = rest;
            }
        }

        // Data that is one line, whole in `input`, is never copied.
        let mut only: Option<&'i [u8]> = None;
        loop {
            let Some(Cut { line, rest, after_cr }) = line::cut(input) else {
                self.keep(only);
                self.hold(mem::take(input))?;
                return Ok(None);
            };
            *input = rest;
            // A CR ends its line at once: no event is held back until it is known whether a LF follows.
            self.after_cr = after_cr;

            let step = if line.is_empty() && self.line.is_empty() {
                if only.is_none() && self.size == 0 {
                    // After a comment, mostly.
                    continue;
                }
                Step::Dispatch
            } else if !self.line.is_empty() {
                self.hold(line)?;
                self.block.apply_buffer(&mut self.line)
            } else if is_comment(line) {
                Step::Next
            } else {
                self.count(line)?;
                match value_of(b"data", line) {
                    Some(value) if only.is_none() && !self.block.has_data() => {
                        only = Some(value);
                        Step::Next
                    }
                    Some(value) => {
                        self.keep(only.take());
                        self.block.push_data(value);
                        Step::Next
                    }
                    None => self.block.apply(line),
                }
            };
            match step {
                Step::Next => {}
                Step::Retry(delay) => {
                    self.keep(only);
                    return Ok(Some(Frame::Retry(delay)));
                }
                Step::Dispatch => {
                    self.block.commit_id(&mut self.last_event_id);
                    if only.is_some() || self.block.has_data() {
                        break;
                    }
                    // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty
                    // string and return."
                    self.clear_block();
                }
            }
        }
        self.dispatched = true;
        Ok(Some(Frame::Event(self.message(only))))
    }

    /// The last event id in force: what a client sends as `Last-Event-ID` when it reconnects. Empty when there is none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Starts over with a new connection of the same client: half a block is dropped, the last event id stays.
    pub fn reconnect(&mut self) {
        self.dispatched = false;
        self.bom = 0;
        self.after_cr = false;
        self.line.clear();
        self.clear_block();
    }

    /// The event that ends here. `only` is its data, unless the block has it.
    fn message<'d>(&'d mut self, only: Option<&'d [u8]>) -> Message<'d> {
        let data = only.unwrap_or(self.block.data());
        let data = match simdutf8::basic::from_utf8(data) {
            Ok(text) => text,
            Err(_) => {
                self.repaired.clear();
                push_text(&mut self.repaired, data);
                &self.repaired
            }
        };
        Message { data, name: self.block.name(), last_event_id: &self.last_event_id }
    }

    fn keep(&mut self, data: Option<&[u8]>) {
        if let Some(data) = data {
            self.block.push_data(data);
        }
    }

    fn clear_block(&mut self) {
        self.block.clear();
        self.size = 0;
    }

    /// "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
    fn skip_bom(&mut self, input: &mut &[u8]) {
        while let Some(expected) = BOM.get(self.bom)
            && let Some((byte, rest)) = input.split_first()
        {
            if byte == expected {
                self.bom = self.bom.saturating_add(1);
                *input = rest;
            } else {
                // What looked like one is the start of the first line.
                let start = BOM.get(..self.bom).unwrap_or_default();
                self.line.extend_from_slice(start);
                self.size = start.len();
                self.bom = BOM.len();
            }
        }
    }

    /// Keeps a piece of a line. Of a comment only the colon: it may be endless.
    fn hold(&mut self, piece: &[u8]) -> Result<(), TooLarge> {
        if self.line.is_empty() && is_comment(piece) {
            self.line.push(b':');
        }
        if !is_comment(&self.line) {
            self.count(piece)?;
            self.line.extend_from_slice(piece);
        }
        Ok(())
    }

    #[inline]
    fn count(&mut self, piece: &[u8]) -> Result<(), TooLarge> {
        self.size = self.size.saturating_add(piece.len());
        if self.size > self.limit {
            return Err(TooLarge { limit: self.limit });
        }
        Ok(())
    }
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

/// What follows a short comment that is a block of its own.
#[inline]
fn after_keep_alive(input: &[u8]) -> Option<&[u8]> {
    match input {
        [b':', b'\n', b'\n', rest @ ..] | [b':', b' ', b'\n', b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn is_comment(line: &[u8]) -> bool {
    line.first() == Some(&b':')
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event is larger than {} bytes", self.limit)
    }
}

impl Error for TooLarge {}
