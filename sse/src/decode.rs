//! Bytes to events: the HTML Standard's "Interpreting an event stream", from any slices of the stream.

use std::mem;

use crate::block::{Block, Step, after_keep_alive, is_comment, push_text, value_of};
use crate::bom::Bom;
use crate::frame::{Frame, Message, TooLarge};
use crate::line::{self, Cut};

const DEFAULT_LIMIT: usize = 1 << 20;

/// An incremental decoder of one event stream.
///
/// The decoder does no I/O. Pass it the slices of the stream as they come, however the stream is cut. The decoder holds
/// at most one event. Its time is linear in the number of bytes, also when the bytes come one by one.
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
    bom: Bom,
    /// The last slice ended with a CR. An LF that belongs to the CR may follow.
    after_cr: bool,
    /// The start of a line whose end has not come. Of a comment, only the colon.
    line: Vec<u8>,
    block: Block,
    /// How many bytes the fields of the block have, with those of the line whose end has not come.
    size: usize,
    /// The block was yielded, and must be cleared first.
    dispatched: bool,
    /// The data of the last event, if bytes of it were not UTF-8.
    repaired: String,
}

impl Decoder {
    /// A decoder for the first connection of a client, which has no last event id.
    pub fn new() -> Decoder {
        Decoder::with_last_event_id(String::new())
    }

    /// A decoder for a client that sent this last event id.
    ///
    /// The id is valid until the stream sets another id. (By the letter of the standard, an event without an id would
    /// reset the id on each new connection. Browsers keep the id, and so does this decoder.)
    pub fn with_last_event_id(id: impl Into<String>) -> Decoder {
        Decoder {
            limit: DEFAULT_LIMIT,
            last_event_id: id.into(),
            bom: Bom::default(),
            after_cr: false,
            line: Vec::new(),
            block: Block::default(),
            size: 0,
            dispatched: false,
            repaired: String::new(),
        }
    }

    /// Sets how many bytes an event may have; the default is 1 MiB. The names and values of all fields count. Line ends
    /// and comments do not count.
    pub fn limit(self, bytes: usize) -> Decoder {
        Decoder { limit: bytes, ..self }
    }

    /// Sets the last event id.
    #[cfg(feature = "source")]
    pub(crate) fn at(self, id: impl Into<String>) -> Decoder {
        Decoder { last_event_id: id.into(), ..self }
    }

    /// The next frame of the stream.
    ///
    /// The decoder takes bytes off the front of `input`. `None` means that it has taken all of them: call again with
    /// the next slice. The end of the stream needs no call, because half a block is no event.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] when an event is larger than the [limit](Decoder::limit), and then at each call until
    /// [`reconnect`](Decoder::reconnect), because the rest of that event follows. Close the connection.
    pub fn next<'d, 'i: 'd>(&'d mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'d>>, TooLarge> {
        self.start(input)?;
        // The data of the block, while it is one line and the line is whole in `input`. It is never copied.
        let mut only: Option<&'i [u8]> = None;
        loop {
            let Some(Cut { line, rest, after_cr }) = line::cut(input) else {
                self.keep(only);
                self.hold(mem::take(input))?;
                return Ok(None);
            };
            *input = rest;
            // A CR ends its line at once: an event does not wait for an LF that may not follow.
            self.after_cr = after_cr;
            if line.is_empty() && self.line.is_empty() && only.is_none() && self.size == 0 {
                // In most cases the empty line after a comment.
                continue;
            }
            match self.apply(line, &mut only)? {
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
                    // "If the data buffer is an empty string, set the data buffer and the event type buffer to the
                    // empty string and return."
                    self.clear_block();
                }
            }
        }
        self.dispatched = true;
        Ok(Some(Frame::Event(self.message(only))))
    }

    /// The last event id, which a client sends as `Last-Event-ID` when it reconnects. Empty when no event had an id.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Starts again, for a new connection of the same client. Half a block is dropped, the last event id is kept.
    pub fn reconnect(&mut self) {
        self.dispatched = false;
        self.bom = Bom::default();
        self.after_cr = false;
        self.line.clear();
        self.clear_block();
    }

    /// Clears a block that was yielded, and takes off the front of `input` the bytes that belong to no line.
    #[inline]
    fn start(&mut self, input: &mut &[u8]) -> Result<(), TooLarge> {
        if mem::take(&mut self.dispatched) {
            self.clear_block();
        }
        self.count(&[])?;
        let start = self.bom.skip(input);
        if !start.is_empty() {
            self.line.extend_from_slice(start);
            self.size = start.len();
        }
        if self.after_cr && !input.is_empty() {
            *input = input.strip_prefix(b"\n").unwrap_or(input);
            self.after_cr = false;
        }
        if self.size == 0 && self.line.is_empty() {
            // An idle stream is nothing but keep-alive comments.
            while let Some(rest) = after_keep_alive(input) {
                *input = rest;
            }
        }
        Ok(())
    }

    /// Applies a line, or the end of a line that began in an earlier slice.
    #[inline]
    fn apply<'i>(&mut self, line: &'i [u8], only: &mut Option<&'i [u8]>) -> Result<Step, TooLarge> {
        if !self.line.is_empty() {
            self.hold(line)?;
            return Ok(self.block.apply_buffer(&mut self.line));
        }
        if line.is_empty() {
            return Ok(Step::Dispatch);
        }
        if is_comment(line) {
            return Ok(Step::Next);
        }
        self.count(line)?;
        match value_of(b"data", line) {
            Some(value) if only.is_none() && !self.block.has_data() => *only = Some(value),
            Some(value) => {
                self.keep(only.take());
                self.block.push_data(value);
            }
            None => return Ok(self.block.apply(line)),
        }
        Ok(Step::Next)
    }

    /// The event that ends here. Its data is `only`, else the data of the block.
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

    /// Keeps a piece of a line. Of a comment it keeps only the colon, because a comment may be endless.
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
