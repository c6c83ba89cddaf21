//! What stands after a backslash in a regular expression.

use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::{ANY, DIGIT, Set, WORD, one};
use crate::pattern::regexp::cursor::Cursor;

/// White space and line ends. Of those only the space can be in a URL.
const SPACE: Set = one(b' ') | one(b'\t') | one(0x0B) | one(0x0C) | one(b'\r');

const INVALID: InvalidPattern = InvalidPattern(
    "a backslash in a group of a URL pattern is not followed by what it can escape: the syntax is that of regular \
     expressions of JavaScript with the flag v",
);

/// What an escape stands for.
pub(crate) enum Escaped {
    /// A character, which may be none of ASCII.
    Character(u32),
    /// Any character of a set.
    Set(Set),
}

impl Escaped {
    pub(crate) fn set(&self) -> Set {
        match *self {
            Escaped::Character(character) => u8::try_from(character).map(one_ascii).unwrap_or_default(),
            Escaped::Set(set) => set,
        }
    }
}

fn one_ascii(character: u8) -> Set {
    if character.is_ascii() { one(character) & ANY } else { 0 }
}

/// Reads what follows a backslash. `in_class`: in a class there are more characters to escape.
///
/// # Errors
///
/// When it is no escape, or one that no program can match: a back-reference, a property of Unicode.
pub(crate) fn escape(cursor: &mut Cursor<'_>, in_class: bool) -> Result<Escaped, InvalidPattern> {
    let Some(escaped) = cursor.next() else { return Err(INVALID) };
    Ok(match escaped {
        b'd' => Escaped::Set(DIGIT),
        b'D' => Escaped::Set(ANY & !DIGIT),
        b'w' => Escaped::Set(WORD),
        b'W' => Escaped::Set(ANY & !WORD),
        b's' => Escaped::Set(SPACE),
        b'S' => Escaped::Set(ANY & !SPACE),
        b't' => Escaped::Character(0x09),
        b'n' => Escaped::Character(0x0A),
        b'v' => Escaped::Character(0x0B),
        b'f' => Escaped::Character(0x0C),
        b'r' => Escaped::Character(0x0D),
        b'b' if in_class => Escaped::Character(0x08),
        b'0' if !cursor.peek().is_some_and(|next| next.is_ascii_digit()) => Escaped::Character(0),
        b'c' => match cursor.next() {
            Some(letter) if letter.is_ascii_alphabetic() => Escaped::Character(u32::from(letter % 32)),
            _ => return Err(INVALID),
        },
        b'x' => Escaped::Character(hex(cursor, 2)?),
        b'u' if cursor.eat(b"{") => Escaped::Character(braced(cursor)?),
        b'u' => Escaped::Character(hex(cursor, 4)?),
        b'1'..=b'9' | b'k' => {
            return Err(InvalidPattern(
                "a group of a URL pattern refers to another one: this hub matches in linear time, so write what is to \
                 be matched again",
            ));
        }
        b'p' | b'P' => {
            return Err(InvalidPattern(
                "a group of a URL pattern has a property of Unicode: URLs are ASCII, so write a class such as [a-z]",
            ));
        }
        b'^' | b'$' | b'\\' | b'.' | b'*' | b'+' | b'?' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'|' | b'/' => {
            Escaped::Character(escaped.into())
        }
        b'&' | b'-' | b'!' | b'#' | b'%' | b',' | b':' | b';' | b'<' | b'=' | b'>' | b'@' | b'`' | b'~' if in_class => {
            Escaped::Character(escaped.into())
        }
        _ => return Err(INVALID),
    })
}

/// As many hexadecimal digits.
fn hex(cursor: &mut Cursor<'_>, count: usize) -> Result<u32, InvalidPattern> {
    let mut value = 0;
    for _ in 0..count {
        value = digit(cursor, value)?;
    }
    Ok(value)
}

/// Hexadecimal digits and the brace that ends them.
fn braced(cursor: &mut Cursor<'_>) -> Result<u32, InvalidPattern> {
    let mut value = 0;
    loop {
        value = digit(cursor, value)?;
        if cursor.eat(b"}") {
            return Ok(value);
        }
    }
}

fn digit(cursor: &mut Cursor<'_>, value: u32) -> Result<u32, InvalidPattern> {
    let digit = cursor.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(INVALID)?;
    let value = value.saturating_mul(16).saturating_add(digit);
    if value > u32::from(char::MAX) { Err(INVALID) } else { Ok(value) }
}
