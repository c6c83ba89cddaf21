//! The one definition of a line break, for the encoder and the decoder alike.

use memchr::memchr2;

/// The first line of a text, cut off.
pub(crate) struct Cut<'a> {
    /// The line, without its break.
    pub(crate) line: &'a [u8],
    /// What follows the break.
    pub(crate) rest: &'a [u8],
    /// The text ends with a CR that ends the line: if more text comes and begins with LF, that belongs to the same break.
    pub(crate) after_cr: bool,
}

/// Cuts the first line off, or returns `None` when `text` has no line break.
///
/// HTML, "Parsing an event stream": "Lines must be separated by either a U+000D CARRIAGE RETURN U+000A LINE FEED (CRLF)
/// character pair, a single U+000A LINE FEED (LF) character, or a single U+000D CARRIAGE RETURN (CR) character."
#[inline]
pub(crate) fn cut(text: &[u8]) -> Option<Cut<'_>> {
    let at = if text.len() < 8 { find_in_few(text)? } else { memchr2(b'\n', b'\r', text)? };
    let (line, from_break) = text.split_at_checked(at)?;
    match from_break.split_first()? {
        (b'\r', []) => Some(Cut { line, rest: &[], after_cr: true }),
        (b'\r', [b'\n', rest @ ..]) | (_, rest) => Some(Cut { line, rest, after_cr: false }),
    }
}

/// A call of `memchr2` costs more than it gains on a few bytes. Not inline, to keep it out of the way of long texts.
#[inline(never)]
fn find_in_few(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| matches!(byte, b'\n' | b'\r'))
}
