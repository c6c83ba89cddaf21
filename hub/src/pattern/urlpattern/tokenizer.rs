//! A pattern string to its tokens (URL Pattern, "tokenizing").

use crate::pattern::invalid::InvalidPattern;

const BACKSLASH: InvalidPattern = InvalidPattern("the URL pattern ends in a backslash: write a character after it");
const NAME: InvalidPattern =
    InvalidPattern("the URL pattern has a colon without a name after it: write \\: for a colon, or :name for a group");
const GROUP: InvalidPattern = InvalidPattern(
    "the URL pattern has a parenthesis that begins no group: write \\( for a parenthesis, or (...) around a regular \
     expression of ASCII characters whose own groups begin with (?:",
);

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `(regular expression)`
    Regexp,
    /// `:name`
    Name,
    /// A character that stands for itself.
    Char,
    /// One that does so after a backslash.
    Escaped,
    /// `?` or `+`
    Modifier,
    /// `*`
    Asterisk,
    End,
    /// What no pattern has. Only in text whose parts are not known yet.
    Invalid,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    /// Where it begins in the text.
    pub(crate) index: usize,
    pub(crate) value: &'t str,
}

/// The tokens of a text, of which the last is its end.
///
/// # Errors
///
/// When it has what is no token, unless that is to be kept: `lenient`.
pub(crate) fn tokenize(text: &str, lenient: bool) -> Result<Vec<Token<'_>>, InvalidPattern> {
    let (mut tokens, mut index) = (Vec::new(), 0_usize);
    while let Some(rest) = text.get(index..).filter(|rest| !rest.is_empty()) {
        let (kind, value, length) = match token(rest) {
            Ok(token) => token,
            Err(error) if !lenient => return Err(error.0),
            // The standard goes on after what could not be read of a group or name: after its first character.
            Err(_) => (Kind::Invalid, rest.get(..1).unwrap_or_default(), 1),
        };
        tokens.push(Token { kind, index, value });
        index = index.saturating_add(length);
    }
    tokens.push(Token { kind: Kind::End, index, value: "" });
    Ok(tokens)
}

struct NoToken(InvalidPattern);

/// The first token of a text that is not empty: what it is, its value, and its length.
fn token(text: &str) -> Result<(Kind, &str, usize), NoToken> {
    let mut characters = text.chars();
    let first = characters.next().unwrap_or_default();
    let after = characters.as_str();
    let kind = match first {
        '*' => Kind::Asterisk,
        '+' | '?' => Kind::Modifier,
        '{' => Kind::Open,
        '}' => Kind::Close,
        '\\' => {
            let length = after.chars().next().ok_or(NoToken(BACKSLASH))?.len_utf8();
            return Ok((Kind::Escaped, after.get(..length).unwrap_or_default(), length.saturating_add(1)));
        }
        ':' => {
            let name = after.char_indices().find(|(at, character)| !is_of_name(*character, *at == 0));
            let name = after.get(..name.map_or(after.len(), |(end, _)| end)).unwrap_or_default();
            if name.is_empty() {
                return Err(NoToken(NAME));
            }
            return Ok((Kind::Name, name, name.len().saturating_add(1)));
        }
        '(' => {
            let regexp = after.get(..group_length(after).ok_or(NoToken(GROUP))?).unwrap_or_default();
            return Ok((Kind::Regexp, regexp, regexp.len().saturating_add(2)));
        }
        _ => Kind::Char,
    };
    let length = first.len_utf8();
    Ok((kind, text.get(..length).unwrap_or_default(), length))
}

/// Whether a character can be in the name of a group, as its first or a later one.
///
/// Of those that are not ASCII, an identifier of JavaScript has what Unicode calls letters, nearly: its tables for just
/// that are larger than this room.
fn is_of_name(character: char, first: bool) -> bool {
    match character {
        '_' | '$' | '\u{2118}' | '\u{212E}' | '\u{309B}' | '\u{309C}' => true,
        _ if first => character.is_alphabetic(),
        _ => character.is_alphanumeric(),
    }
}

/// How long a regular expression is, before the parenthesis that closes it.
fn group_length(text: &str) -> Option<usize> {
    let (mut depth, mut escaped) = (1_usize, false);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii() || (at == 0 && *byte == b'?') {
            return None;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => {
                if bytes.get(at.saturating_add(1)) != Some(&b'?') {
                    return None;
                }
                depth = depth.saturating_add(1);
            }
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at).filter(|length| *length > 0);
                }
            }
            _ => {}
        }
    }
    None
}
