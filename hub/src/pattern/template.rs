//! URI Templates ([RFC 6570](https://www.rfc-editor.org/rfc/rfc6570)) to programs.
//!
//! A template matches what hubs before 1.0 have it match: less what it can be expanded to than its shape. An expression
//! matches as many values as it has variables, or any number if one of them is exploded. A value is anything of the
//! characters that its operator allows, names and `=` included; it can be empty, and the whole expression missing.

use crate::pattern::builder::Builder;
use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::{ALPHANUMERIC, END, HEX, Program, Set, one, range};

/// The characters of RFC 3986 that are free of a meaning, and those that are not.
const UNRESERVED: Set = ALPHANUMERIC | one(b'-') | one(b'.') | one(b'_') | one(b'~');
const RESERVED: Set = one(b'!')
    | range(b'#', b'$')
    | range(b'&', b',')
    | one(b'/')
    | range(b':', b';')
    | one(b'=')
    | range(b'?', b'@')
    | one(b'[')
    | one(b']');

/// Compiles a template. `None`: the text is none, and so matches nothing but itself.
///
/// # Errors
///
/// When it is too complex.
pub(crate) fn compile(text: &str) -> Result<Option<Program>, InvalidPattern> {
    let mut builder = Builder::default();
    let mut rest = text;
    while let Some((literal, after)) = rest.split_once('{') {
        let Some((expression, after)) = after.split_once('}') else { return Ok(None) };
        let Some(expression) = is_literal(literal).then(|| Expression::parse(expression)).flatten() else {
            return Ok(None);
        };
        builder.text(literal);
        expression.compile(&mut builder);
        rest = after;
    }
    if !is_literal(rest) {
        return Ok(None);
    }
    builder.text(rest);
    builder.finish(END).map(Some)
}

/// Whether a text can stand in a template outside of its expressions (RFC 6570, section 2.1).
fn is_literal(text: &str) -> bool {
    text.char_indices().all(|(at, character)| match character {
        '%' => is_triplet(text.get(at..).unwrap_or_default()),
        _ if character.is_ascii() => !character.is_ascii_control() && !" \"<>\\^`{|}".contains(character),
        _ => is_ucschar(character),
    })
}

/// Whether a text begins with an encoded byte.
fn is_triplet(text: &str) -> bool {
    matches!(text.as_bytes(), [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// The characters outside of ASCII that an IRI has, in its private parts included.
fn is_ucschar(character: char) -> bool {
    match u32::from(character) {
        0x80..0xA0 | 0xFDD0..0xFDF0 | 0xFFF0..=0xFFFF | 0xE0000..0xE1000 => false,
        code => code & 0xFFFE != 0xFFFE,
    }
}

/// An expression: `{?a,b*}`.
struct Expression {
    first: &'static str,
    separator: &'static str,
    /// What the first value has, besides encoded bytes, and what the others have.
    allowed: [Set; 2],
    /// How many values there are besides the first, at most. `None`: any number.
    others: Option<usize>,
}

impl Expression {
    /// What stands between the braces.
    fn parse(text: &str) -> Option<Expression> {
        let (first, separator) = match text.as_bytes().first()? {
            b'#' => ("#", ","),
            b'.' => (".", "."),
            b'/' => ("/", "/"),
            b';' => (";", ";"),
            b'?' => ("?", "&"),
            b'&' => ("&", "&"),
            _ => ("", ","),
        };
        let variables = text.strip_prefix(if first.is_empty() { "+" } else { first }).unwrap_or(text);
        let reserved = text.starts_with(['+', '#']);
        let named = matches!(first, ";" | "?" | "&");
        let (mut others, mut first_explodes, mut explodes) = (None, false, false);
        for variable in variables.split(',') {
            explodes |= is_exploded(variable)?;
            first_explodes = if others.is_none() { explodes } else { first_explodes };
            others = Some(others.map_or(0, |others: usize| others.saturating_add(1)));
        }
        let allowed = |with_equals: bool| match (reserved, with_equals || named) {
            (true, _) => UNRESERVED | RESERVED,
            (_, true) => UNRESERVED | one(b',') | one(b'='),
            _ => UNRESERVED | one(b','),
        };
        let allowed = [allowed(first_explodes), allowed(explodes)];
        Some(Expression { first, separator, allowed, others: others.filter(|_| !explodes) })
    }

    fn compile(&self, builder: &mut Builder) {
        let start = builder.here();
        builder.text(self.first);
        let [first, others] = self.allowed;
        value(first, builder);
        let other = builder.here();
        builder.text(self.separator);
        value(others, builder);
        builder.repeat(other, 0, self.others);
        builder.repeat(start, 0, Some(1));
    }
}

/// Whether a variable is exploded. `None`: it is no variable.
fn is_exploded(variable: &str) -> Option<bool> {
    let (name, exploded) = match (variable.strip_suffix('*'), variable.split_once(':')) {
        (Some(name), _) => (name, true),
        (_, Some((name, length))) => {
            let is_length = length.len() <= 4 && !length.starts_with('0') && length.bytes().all(|b| b.is_ascii_digit());
            (Some(name).filter(|_| is_length && !length.is_empty())?, false)
        }
        _ => (variable, false),
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name.char_indices().all(|(at, character)| {
                character.is_ascii_alphanumeric()
                    || character == '_'
                    || (character == '%' && is_triplet(name.get(at..).unwrap_or_default()))
            })
    };
    name.split('.').all(is_name).then_some(exploded)
}

/// Any number of allowed characters and encoded bytes.
fn value(allowed: Set, builder: &mut Builder) {
    let start = builder.here();
    builder.set(allowed);
    let jump = builder.or(start);
    builder.text("%");
    builder.set(HEX);
    builder.set(HEX);
    builder.join(jump);
    builder.repeat(start, 0, None);
}
