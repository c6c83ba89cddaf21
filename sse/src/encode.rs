//! Events and comments to bytes.

use std::time::Duration;

use crate::event::Event;
use crate::id::Id;
use crate::line;
use crate::name::Name;

/// Room for the parts of a block that are not its texts: names of fields, a retry time, line ends.
const FRAME: usize = 64;

impl Event<'_> {
    /// Appends the event to `out`: one block, with the empty line that ends the block.
    ///
    /// The encoding cannot fail, and allocates nothing but room in `out`. [`Decoder`](crate::Decoder) is the inverse:
    /// it yields an equal event, with each line break of the data as LF and the retry time in whole milliseconds (at
    /// most `u64::MAX`).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let parts = self.as_parts();
        let data = parts.data.map(str::as_bytes);
        let name = parts.name.map(Name::as_str).map(str::as_bytes);
        let id = parts.id.map(Id::as_bytes);
        let [data_len, name_len, id_len] = [data, name, id].map(|text| text.map_or(0, <[u8]>::len));
        out.reserve(FRAME.saturating_add(data_len).saturating_add(name_len).saturating_add(id_len));

        // The decoder removes exactly one space after the colon, so a value may start with a space.
        if let Some(delay) = parts.retry {
            encode_retry(delay, out);
        }
        if let Some(id) = id {
            encode_line(b"id: ", id, out);
        }
        if let Some(name) = name {
            encode_line(b"event: ", name, out);
        }
        if let Some(data) = data {
            encode_lines(b"data: ", b"\ndata: ", data, out);
        }
        out.push(b'\n');
    }
}

/// Appends a comment to `out`: each line of `text` after `: `.
///
/// Clients ignore a comment. It keeps a connection alive, or is a note for a person who reads the bytes. `text` may be
/// any text. The empty text gives the shortest comment, a lone `:`. A comment belongs between events, never inside an
/// event.
///
/// No empty line follows. Some clients take each empty line for the end of an event, and hand over an event that is
/// empty.
///
/// ```
/// let mut out = Vec::new();
/// spin_sse::encode_comment("two\nlines", &mut out);
/// spin_sse::encode_comment("", &mut out);
/// assert_eq!(out, b": two\n: lines\n:\n");
/// ```
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    out.reserve(FRAME.saturating_add(text.len()));
    if text.is_empty() {
        out.extend_from_slice(b":\n");
        return;
    }
    encode_lines(b": ", b"\n: ", text.as_bytes(), out);
}

/// Appends a retry time alone to `out`: how long a client waits before it reconnects, in whole milliseconds.
///
/// It is a line without the empty line that ends a block, for the reason that [`encode_comment`] gives. A client
/// applies the line when it has read it. It belongs between events.
///
/// ```
/// let mut out = Vec::new();
/// spin_sse::encode_retry(std::time::Duration::from_secs(2), &mut out);
/// assert_eq!(out, b"retry: 2000\n");
/// ```
///
/// Source: HTML, "Interpreting an event stream": a field `retry` is processed with its line, not with its block.
pub fn encode_retry(delay: Duration, out: &mut Vec<u8>) {
    encode_line(b"retry: ", itoa::Buffer::new().format(millis(delay)).as_bytes(), out);
}

#[inline]
fn encode_line<const P: usize>(prefix: &[u8; P], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(prefix);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// A text with n line breaks has n + 1 lines, so neither empty data nor a last line break is lost.
///
/// `between` is a line end and the prefix in one piece, which is faster.
#[inline]
fn encode_lines<const P: usize, const B: usize>(
    prefix: &[u8; P],
    between: &[u8; B],
    mut text: &[u8],
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(prefix);
    while let Some(cut) = line::cut(text) {
        out.extend_from_slice(cut.line);
        out.extend_from_slice(between);
        text = cut.rest;
    }
    out.extend_from_slice(text);
    out.push(b'\n');
}

fn millis(delay: Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}
