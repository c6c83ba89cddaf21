//! The one definition of a line break, for the encoder and the decoder alike.

use memchr::memchr2;

/// The first line of a text, cut off.
pub(crate) struct Cut<'a> {
    /// The line, without its break.
    pub(crate) line: &'a [u8],
    /// What follows the break.
    pub(crate) rest: &'a [u8],
    /// The text ends with a CR, which ends the line. If the next text begins with LF, the LF belongs to the same break.
    pub(crate) after_cr: bool,
}

/// Cuts the first line off, or returns `None` when `text` has no line break.
///
/// HTML, "Parsing an event stream": "Lines must be separated by either a U+000D CARRIAGE RETURN U+000A LINE FEED (CRLF)
/// character pair, a single U+000A LINE FEED (LF) character, or a single U+000D CARRIAGE RETURN (CR) character."
#[inline]
pub(crate) fn cut(text: &[u8]) -> Option<Cut<'_>> {
    let at = if text.first().is_some_and(|first| is_break(*first)) { 0 } else { find(text)? };
    let (line, from_break) = text.split_at_checked(at)?;
    match from_break.split_first()? {
        (b'\r', []) => Some(Cut { line, rest: &[], after_cr: true }),
        (b'\r', [b'\n', rest @ ..]) | (_, rest) => Some(Cut { line, rest, after_cr: false }),
    }
}

/// A call of `memchr2` costs as much as a search of this many bytes here. Most lines are shorter.
const NEAR: usize = 128;
const BLOCK: usize = 32;
const WORD: usize = 8;

/// Where the first line break begins.
#[inline]
fn find(text: &[u8]) -> Option<usize> {
    let (blocks, few) = text.as_chunks::<BLOCK>();
    let mut before = 0_usize;
    for block in blocks {
        // The compiler turns this into one comparison of vectors.
        if block.iter().fold(0, |found, byte| found | u8::from(is_break(*byte))) != 0 {
            return find_in_words(block).map(|at| at.saturating_add(before));
        }
        before = before.saturating_add(BLOCK);
        if before >= NEAR {
            return memchr2(b'\n', b'\r', text.get(before..)?).map(|at| at.saturating_add(before));
        }
    }
    find_in_words(few).map(|at| at.saturating_add(before))
}

#[inline]
fn find_in_words(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<WORD>();
    let mut before = 0_usize;
    for word in words {
        let found = breaks_in(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(before.saturating_add(found.trailing_zeros() as usize / 8));
        }
        before = before.saturating_add(WORD);
    }
    rest.iter().position(|byte| is_break(*byte)).map(|at| at.saturating_add(before))
}

#[inline]
fn is_break(byte: u8) -> bool {
    (byte == b'\n') | (byte == b'\r')
}

/// A word whose lowest set bit is in the first byte that is a line break.
#[inline]
fn breaks_in(word: u64) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([1; WORD]);
    let zeros = |word: u64| word.wrapping_sub(LOW) & !word & LOW << 7;
    zeros(word ^ LOW.wrapping_mul(b'\n' as u64)) | zeros(word ^ LOW.wrapping_mul(b'\r' as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_break_is_found_wherever_it_is() {
        for length in 0..300 {
            for at in 0..=length {
                for (first, filler) in [(b'\n', b'\x0b'), (b'\r', b'\x8a'), (b'\n', b'\xff'), (b'\r', b'\0')] {
                    let mut text = vec![filler; length];
                    assert_eq!(find(&text), None);
                    if let Some(rest) = text.get_mut(at..) {
                        rest.fill(b'\r');
                    }
                    if let Some(byte) = text.get_mut(at) {
                        *byte = first;
                    }
                    assert_eq!(find(&text), Some(at).filter(|at| *at < length), "{length} {filler}");
                }
            }
        }
    }
}
