//! Chunks of an upstream that is not an event stream.

use std::mem;

/// Cuts a text at the borders of its characters, wherever its bytes were cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    /// The start of a character whose end has not come: at most three bytes.
    held: Vec<u8>,
}

impl Text {
    /// The whole characters that have come. Bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        let mut text = mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        self.held = text.split_off(text.len().saturating_sub(unfinished(&text)));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// What is left at the end.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&mem::take(&mut self.held)).into_owned()
    }
}

/// How many bytes at the end are the start of a character.
fn unfinished(text: &[u8]) -> usize {
    for (from_end, byte) in (1_usize..=3).zip(text.iter().rev()) {
        let length = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            // It continues a character, whose start is before it.
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if from_end < length { from_end } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(slices: &[&[u8]]) -> String {
        let mut text = Text::default();
        let mut all: String = slices.iter().map(|slice| text.push(slice)).collect();
        all.push_str(&text.finish());
        all
    }

    #[test]
    fn a_text_is_the_same_wherever_it_is_cut() {
        let whole = "a\u{e9}\u{20ac}\u{1f600}b".as_bytes();
        for bytes in
            [whole, b"\xff\xe2\x82", b"\xe2\x82a\xc0\x80", b"\xf0\x9f\x98", b"\x80\x80\x80\x80", b"\xed\xa0\x80"]
        {
            let expected = String::from_utf8_lossy(bytes);
            for second in 0..=bytes.len() {
                for first in 0..=second {
                    let slices = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    assert_eq!(joined(&slices), expected, "{slices:?}");
                }
            }
        }
    }

    #[test]
    fn a_character_comes_when_it_is_whole() {
        let mut text = Text::default();
        assert_eq!([text.push(b"a\xe2\x82"), text.push(b""), text.push(b"\xacb")], ["a", "", "\u{20ac}b"]);
        assert_eq!(text.finish(), "");
    }
}
