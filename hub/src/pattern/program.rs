//! What a pattern is compiled to.
//!
//! A program is run by [`run`](crate::pattern::run), all ways through it at once. Its bytes below [`OTHER_BYTE`] match
//! themselves: a text without special characters is its own program.

/// How long a program is at most, in bytes, its own sets included.
pub(crate) const MAX_BYTES: usize = 2_048;

/// How many of its instructions are a choice, at most: about so many ways there are to be followed at once.
pub(crate) const MAX_CHOICES: usize = 256;

/// The byte that follows, which is not ASCII, matches itself.
pub(crate) const OTHER_BYTE: u8 = 0x80;
/// One byte of the set whose number follows.
pub(crate) const SET: u8 = 0x81;
/// Any number of bytes of the set whose number follows.
pub(crate) const STAR: u8 = 0x82;
/// Goes on after this instruction, and as far from its start as the two bytes that follow say.
pub(crate) const SPLIT: u8 = 0x83;
/// Goes on as far from the start of this instruction as the two bytes that follow say.
pub(crate) const JUMP: u8 = 0x84;
/// Goes on if the assertion holds whose number follows.
pub(crate) const ASSERT: u8 = 0x85;
/// Matches, if the text ends here.
pub(crate) const END: u8 = 0x86;
/// Matches, whatever follows.
pub(crate) const ACCEPT: u8 = 0x87;

/// How long a [`SPLIT`] or a [`JUMP`] is. The other instructions with an operand have two bytes.
pub(crate) const BRANCH_BYTES: usize = 3;

/// The assertions: at the start of a component, at its end, where a word starts or ends, where none does.
pub(crate) const AT_START: u8 = 0;
pub(crate) const AT_END: u8 = 1;
pub(crate) const AT_WORD: u8 = 2;
pub(crate) const NOT_AT_WORD: u8 = 3;

/// What parts the components of a URL, and is in none of them.
pub(crate) const SEPARATOR: u8 = b'\n';

/// A set of ASCII characters, a bit for each.
pub(crate) type Set = u128;

/// All but the separator.
pub(crate) const ANY: Set = !one(SEPARATOR);

pub(crate) const DIGIT: Set = range(b'0', b'9');
pub(crate) const HEX: Set = DIGIT | range(b'a', b'f') | range(b'A', b'F');
pub(crate) const ALPHANUMERIC: Set = DIGIT | range(b'a', b'z') | range(b'A', b'Z');
pub(crate) const WORD: Set = ALPHANUMERIC | one(b'_');

/// The sets that no program has to bring: their numbers come before those of its own.
const SHARED: [Set; 8] = [
    ANY,
    ANY & !one(b'/'),
    ANY & !one(b'.'),
    DIGIT,
    HEX,
    WORD,
    range(b'a', b'z'),
    range(b'0', b'9') | range(b'a', b'z') | range(b'A', b'Z'),
];

/// The set of one character.
pub(crate) const fn one(character: u8) -> Set {
    range(character, character)
}

/// The characters from one to another.
pub(crate) const fn range(first: u8, last: u8) -> Set {
    let last = if last > 127 { 127 } else { last };
    if first > last { 0 } else { (Set::MAX << first) & (Set::MAX >> 127_u8.wrapping_sub(last)) }
}

/// The set that a number stands for in a program with these sets of its own.
pub(crate) fn set(number: u8, own: &[Set]) -> Set {
    let number = usize::from(number);
    let set = SHARED.get(number).or_else(|| own.get(number.checked_sub(SHARED.len())?));
    set.copied().unwrap_or_default()
}

/// The number of a set, which is added to those of the program if it has to be.
pub(crate) fn number(set: Set, own: &mut Vec<Set>) -> u8 {
    let shared = SHARED.iter().position(|shared| *shared == set);
    let at = shared.unwrap_or_else(|| {
        let at = own.iter().position(|owned| *owned == set).unwrap_or_else(|| {
            own.push(set);
            own.len().saturating_sub(1)
        });
        at.saturating_add(SHARED.len())
    });
    // There are not so many, see `MAX_BYTES`.
    u8::try_from(at).unwrap_or(u8::MAX)
}

/// A program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) code: Box<[u8]>,
    /// The sets of its own.
    pub(crate) sets: Box<[Set]>,
}

impl Program {
    /// About how many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        self.code.len().saturating_add(size_of_val(&*self.sets))
    }
}
