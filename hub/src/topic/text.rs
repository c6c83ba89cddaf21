//! What the texts that name something have in common: topics, ids, event types.

use std::error::Error;
use std::fmt;

/// How many bytes such a text has at most.
pub(crate) const MAX_BYTES: usize = 1_024;

/// Checks that `text` has 1 to [`MAX_BYTES`] bytes and no control or format character.
///
/// Control characters would break out of a line of an event stream or of a header; format characters are invisible, so
/// that two texts that look the same would not be the same.
///
/// # Errors
///
/// [`InvalidText`], the first reason that applies.
pub(crate) fn check(text: &str) -> Result<(), InvalidText> {
    if text.is_empty() {
        return Err(InvalidText::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(InvalidText::TooLong);
    }
    match text.chars().find(|&character| character.is_control() || is_format(character)) {
        Some(character) => Err(InvalidText::Invisible(character)),
        None => Ok(()),
    }
}

/// Why a text cannot name anything. Printed, it is what follows the name of the field: "is empty: ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidText {
    /// It has no character.
    Empty,
    /// It has more than 1,024 bytes.
    TooLong,
    /// It contains this control or format character.
    Invisible(char),
}

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidText::Empty => f.write_str("is empty: give it a value"),
            InvalidText::TooLong => write!(f, "is longer than {MAX_BYTES} bytes: shorten it"),
            InvalidText::Invisible(character) => {
                write!(f, "contains U+{:04X}, a control or format character: remove it", u32::from(*character))
            }
        }
    }
}

impl Error for InvalidText {}

/// The general category Cf of Unicode 16.
const FORMAT: [(char, char); 21] = [
    ('\u{00AD}', '\u{00AD}'),
    ('\u{0600}', '\u{0605}'),
    ('\u{061C}', '\u{061C}'),
    ('\u{06DD}', '\u{06DD}'),
    ('\u{070F}', '\u{070F}'),
    ('\u{0890}', '\u{0891}'),
    ('\u{08E2}', '\u{08E2}'),
    ('\u{180E}', '\u{180E}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{202A}', '\u{202E}'),
    ('\u{2060}', '\u{2064}'),
    ('\u{2066}', '\u{206F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFF9}', '\u{FFFB}'),
    ('\u{110BD}', '\u{110BD}'),
    ('\u{110CD}', '\u{110CD}'),
    ('\u{13430}', '\u{1343F}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0001}', '\u{E0001}'),
    ('\u{E0020}', '\u{E007F}'),
];

fn is_format(character: char) -> bool {
    !character.is_ascii() && FORMAT.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_1_to_1024_bytes() {
        assert_eq!(check(""), Err(InvalidText::Empty));
        assert_eq!(check("a"), Ok(()));
        assert_eq!(check(&"é".repeat(512)), Ok(()));
        assert_eq!(check(&("é".repeat(512) + "a")), Err(InvalidText::TooLong));
    }

    #[test]
    fn control_and_format_characters_are_refused() {
        for character in [
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{1F}',
            '\u{7F}',
            '\u{80}',
            '\u{85}',
            '\u{9F}',
            '\u{AD}',
            '\u{600}',
            '\u{61C}',
            '\u{180E}',
            '\u{200B}',
            '\u{200D}',
            '\u{202E}',
            '\u{2060}',
            '\u{2066}',
            '\u{FEFF}',
            '\u{FFFB}',
            '\u{1343F}',
            '\u{1D173}',
            '\u{E0001}',
            '\u{E007F}',
        ] {
            assert_eq!(check(&format!("a{character}b")), Err(InvalidText::Invisible(character)));
        }
        for text in
            [" ", "~", "\u{A0}", "é", "e\u{301}", "\u{2010}", "\u{2065}", "漢字", "\u{FFFD}", "🎉", "\u{2028}", "{id}"]
        {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn the_reason_says_what_to_change() {
        assert_eq!(InvalidText::Empty.to_string(), "is empty: give it a value");
        assert_eq!(InvalidText::TooLong.to_string(), "is longer than 1024 bytes: shorten it");
        assert_eq!(
            InvalidText::Invisible('\t').to_string(),
            "contains U+0009, a control or format character: remove it"
        );
    }
}
