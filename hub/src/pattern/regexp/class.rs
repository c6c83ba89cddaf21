//! A class of characters: `[a-z]`, as the flag v of JavaScript has them.

use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::{ANY, Set, range};
use crate::pattern::regexp::cursor::Cursor;
use crate::pattern::regexp::escape::{Escaped, escape};

const INVALID: InvalidPattern = InvalidPattern(
    "a class [...] in a group of a URL pattern is not valid: in it ( ) [ ] { } / - | and doubled signs stand for \
     themselves after a backslash only, as with the flag v of JavaScript",
);

/// How two operands are combined.
#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Union,
    Intersection,
    Subtraction,
}

/// Reads a class after its opening bracket. `depth`: in how many things it may contain others.
///
/// # Errors
///
/// When it is not valid, or too deep.
pub(crate) fn class(cursor: &mut Cursor<'_>, depth: usize) -> Result<Set, InvalidPattern> {
    let negated = cursor.eat(b"^");
    let (mut set, mut count, mut done) = (0, 0_usize, Operation::Union);
    while !cursor.eat(b"]") {
        let operation = match (cursor.at(b"&&"), cursor.at(b"--")) {
            (true, _) => Operation::Intersection,
            (_, true) => Operation::Subtraction,
            _ => Operation::Union,
        };
        // `a&&b--c` and `ab&&c` are no classes; each operand is a class or a character.
        let fits = if operation == Operation::Union {
            count == 0 || done == operation
        } else {
            count == 1 || (count > 1 && done == operation)
        };
        if !fits {
            return Err(INVALID);
        }
        if operation != Operation::Union {
            cursor.next();
            cursor.next();
        }
        let (operand, is_range) = operand(cursor, depth)?;
        // A range is no operand of an operation. As a first one it counts double, so that none fits.
        if is_range && operation != Operation::Union {
            return Err(INVALID);
        }
        match operation {
            Operation::Union => set |= operand,
            Operation::Intersection => set &= operand,
            Operation::Subtraction => set &= !operand,
        }
        done = operation;
        count = count.saturating_add(if is_range { 2 } else { 1 });
    }
    Ok(ANY & if negated { !set } else { set })
}

/// A class, a character or a range. Whether it is a range.
fn operand(cursor: &mut Cursor<'_>, depth: usize) -> Result<(Set, bool), InvalidPattern> {
    if cursor.eat(b"[") {
        let depth = depth.checked_sub(1).ok_or(INVALID)?;
        return Ok((class(cursor, depth)?, false));
    }
    let first = character(cursor)?;
    // `a--b` is a subtraction.
    if cursor.at(b"--") || !cursor.eat(b"-") {
        return Ok((first.set(), false));
    }
    match (first, character(cursor)?) {
        (Escaped::Character(first), Escaped::Character(last)) if first <= last => {
            let ascii = |character: u32| u8::try_from(character).unwrap_or(u8::MAX);
            let set = if first < 128 { range(ascii(first), ascii(last)) } else { 0 };
            Ok((set, true))
        }
        _ => Err(INVALID),
    }
}

/// A character of a class, or an escape.
fn character(cursor: &mut Cursor<'_>) -> Result<Escaped, InvalidPattern> {
    const SYNTAX: &[u8] = b"()[]{}/-|";
    const DOUBLED: &[u8] = b"&!#$%*+,.:;<=>?@^`~";
    let double = cursor.peek().is_some_and(|first| DOUBLED.contains(&first) && cursor.at(&[first, first]));
    match cursor.next() {
        Some(b'\\') => escape(cursor, true),
        Some(character) if !SYNTAX.contains(&character) && !double => Ok(Escaped::Character(character.into())),
        _ => Err(INVALID),
    }
}
