//! The regular expressions in the groups of URL patterns: those of
//! [ECMAScript](https://tc39.es/ecma262/#sec-patterns) with the flag v, without what takes more than linear time, such
//! as looking around and back-references. The text they match is ASCII.

pub(crate) mod cursor;

pub(crate) mod escape;

pub(crate) mod class;

use crate::pattern::builder::Builder;
use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::{ANY, ASSERT, AT_END, AT_START, AT_WORD, NOT_AT_WORD, one};
use crate::pattern::regexp::class::class;
use crate::pattern::regexp::cursor::Cursor;
use crate::pattern::regexp::escape::escape;

/// How deep groups and classes are in each other at most.
const MAX_DEPTH: usize = 32;

const INVALID: InvalidPattern = InvalidPattern(
    "a group (...) of a URL pattern is no regular expression: a sign such as . * + ? { [ | stands for itself after a \
     backslash only",
);
const TOO_DEEP: InvalidPattern = InvalidPattern("a group of a URL pattern has more than 32 others in each other");

/// Adds to a program what matches a regular expression, from its start to its end.
///
/// # Errors
///
/// When it is not valid, or has what this engine does not do.
pub(crate) fn compile(text: &str, builder: &mut Builder) -> Result<(), InvalidPattern> {
    let mut cursor = Cursor::new(text);
    disjunction(&mut cursor, builder, MAX_DEPTH)?;
    if cursor.peek().is_some() { Err(INVALID) } else { Ok(()) }
}

/// `a|b`
fn disjunction(cursor: &mut Cursor<'_>, builder: &mut Builder, depth: usize) -> Result<(), InvalidPattern> {
    let mut jumps = Vec::new();
    loop {
        let start = builder.here();
        while !matches!(cursor.peek(), None | Some(b'|' | b')')) {
            term(cursor, builder, depth)?;
        }
        if !cursor.eat(b"|") {
            break;
        }
        jumps.push(builder.or(start));
    }
    for jump in jumps {
        builder.join(jump);
    }
    Ok(())
}

/// An atom and how often it comes, or an assertion.
fn term(cursor: &mut Cursor<'_>, builder: &mut Builder, depth: usize) -> Result<(), InvalidPattern> {
    let start = builder.here();
    for (text, assertion) in [(&b"^"[..], AT_START), (b"$", AT_END), (b"\\b", AT_WORD), (b"\\B", NOT_AT_WORD)] {
        if cursor.eat(text) {
            // A quantifier that follows is found to be none in the next term.
            builder.push(&[ASSERT, assertion]);
            return Ok(());
        }
    }
    match cursor.next() {
        Some(b'.') => builder.set(ANY),
        Some(b'[') => builder.set(class(cursor, depth)?),
        Some(b'\\') => builder.set(escape(cursor, false)?.set()),
        Some(b'(') => {
            let depth = depth.checked_sub(1).ok_or(TOO_DEEP)?;
            open(cursor)?;
            disjunction(cursor, builder, depth)?;
            if !cursor.eat(b")") {
                return Err(INVALID);
            }
        }
        Some(b'*' | b'+' | b'?' | b'{' | b'}' | b']' | b')' | b'|') | None => return Err(INVALID),
        Some(character) if character.is_ascii() => builder.set(one(character) & ANY),
        Some(_) => return Err(INVALID),
    }
    if let Some((least, most)) = quantifier(cursor)? {
        builder.repeat(start, least, most);
    }
    Ok(())
}

/// What follows the parenthesis of a group.
fn open(cursor: &mut Cursor<'_>) -> Result<(), InvalidPattern> {
    if !cursor.eat(b"?") || cursor.eat(b":") {
        return Ok(());
    }
    if [&b"="[..], b"!", b"<=", b"<!"].iter().any(|around| cursor.at(around)) {
        return Err(InvalidPattern(
            "a group of a URL pattern looks around, by (?= (?! (?<= or (?<!: this hub matches in linear time, so write \
             what is to be matched",
        ));
    }
    if !cursor.eat(b"<") {
        return Err(InvalidPattern(
            "a group of a URL pattern begins with (? and neither : nor <name>: flags of a part are not supported",
        ));
    }
    let mut length = 0_usize;
    while cursor.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte)) {
        length = length.saturating_add(1);
        cursor.next();
    }
    if length > 0 && cursor.eat(b">") { Ok(()) } else { Err(INVALID) }
}

/// How often an atom comes, if that is said. Whether it prefers more or fewer does not decide whether it matches.
fn quantifier(cursor: &mut Cursor<'_>) -> Result<Option<(usize, Option<usize>)>, InvalidPattern> {
    let times = if cursor.eat(b"*") {
        (0, None)
    } else if cursor.eat(b"+") {
        (1, None)
    } else if cursor.eat(b"?") {
        (0, Some(1))
    } else if cursor.eat(b"{") {
        let least = cursor.number().ok_or(INVALID)?;
        let most = if cursor.eat(b",") { cursor.number() } else { Some(least) };
        if !cursor.eat(b"}") || most.is_some_and(|most| most < least) {
            return Err(INVALID);
        }
        (least, most)
    } else {
        return Ok(None);
    };
    cursor.eat(b"?");
    Ok(Some(times))
}
