//! Runs a program on a text, all ways through it at once, a byte at a time.
//!
//! So a text of `n` bytes takes a program of `m` bytes at most `2 * m * (n + 1)` steps, whatever they are. (Thompson,
//! "Regular Expression Search Algorithm", 1968; Cox, "Regular Expression Matching: the Virtual Machine Approach",
//! 2009.)

use std::mem;

use crate::pattern::program::{
    self, ACCEPT, ASSERT, AT_END, AT_START, AT_WORD, BRANCH_BYTES, END, JUMP, MAX_BYTES, OTHER_BYTE, Program,
    SEPARATOR, SET, SPLIT, STAR, WORD,
};

impl Program {
    /// Whether it matches all of a text.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        self.run(text, || {})
    }

    /// Whether it matches all of a text. `step` is called at each step.
    pub(crate) fn run(&self, text: &[u8], step: impl FnMut()) -> bool {
        // Most programs differ from most texts in what they begin with.
        let same = self.code.iter().zip(text).take_while(|(code, byte)| code == byte && **code < OTHER_BYTE).count();
        if self.code.get(same).is_none_or(|code| *code < OTHER_BYTE) {
            return false;
        }
        let (before, rest) = text.split_at(same);
        let mut run = Run::new(self, step);
        run.follow(same, before.last().copied(), rest.first().copied());
        let mut rest = rest.iter().copied().peekable();
        while !run.accepted {
            let Some(byte) = rest.next() else { return false };
            run.take(byte, rest.peek().copied());
        }
        true
    }
}

const WORDS: usize = MAX_BYTES.div_ceil(64);

/// Places in a program.
type Places = [u64; WORDS];

struct Run<'p, S> {
    program: &'p Program,
    step: S,
    /// The places where the ways are.
    places: Places,
    /// How many words of them may have any.
    words: usize,
    /// The places that are still to be followed.
    pending: Vec<usize>,
    accepted: bool,
}

impl<'p, S: FnMut()> Run<'p, S> {
    fn new(program: &'p Program, step: S) -> Run<'p, S> {
        let words = program.code.len().div_ceil(64);
        Run { program, step, places: [0; WORDS], words, pending: Vec::new(), accepted: false }
    }

    /// Takes a byte. `after`: the one that comes after it.
    fn take(&mut self, byte: u8, after: Option<u8>) {
        if self.places.iter().take(self.words).all(|word| *word == 0) {
            return;
        }
        let here = mem::replace(&mut self.places, [0; WORDS]);
        for (at, word) in here.iter().take(self.words).enumerate() {
            let mut bits = *word;
            while bits != 0 {
                (self.step)();
                let place = at.wrapping_mul(64).wrapping_add(bits.trailing_zeros() as usize);
                bits &= bits.wrapping_sub(1);
                if let Some(next) = self.past(place, byte) {
                    self.follow(next, Some(byte), after);
                }
            }
        }
    }

    /// The place after the one that takes this byte, if it does.
    fn past(&self, place: usize, byte: u8) -> Option<usize> {
        let code = *self.program.code.get(place)?;
        if code < OTHER_BYTE {
            return (code == byte).then_some(place.wrapping_add(1));
        }
        let operand = *self.program.code.get(place.wrapping_add(1))?;
        let in_set = || byte < OTHER_BYTE && program::set(operand, &self.program.sets) >> byte & 1 == 1;
        match code {
            OTHER_BYTE if operand == byte => Some(place.wrapping_add(2)),
            SET if in_set() => Some(place.wrapping_add(2)),
            STAR if in_set() => Some(place),
            _ => None,
        }
    }

    /// Goes to a place, and on from there as far as it needs no byte.
    fn follow(&mut self, place: usize, before: Option<u8>, after: Option<u8>) {
        let mut place = place;
        loop {
            let next = if self.arrive(place) { self.beyond(place, before, after) } else { None };
            match next.or_else(|| self.pending.pop()) {
                Some(next) => place = next,
                None => return,
            }
        }
    }

    /// Notes a place. Whether it is a new one.
    fn arrive(&mut self, place: usize) -> bool {
        let Some(word) = self.places.get_mut(place / 64) else { return false };
        let bit = 1 << (place % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// The place to go on to from one without a byte. A second one becomes pending.
    fn beyond(&mut self, place: usize, before: Option<u8>, after: Option<u8>) -> Option<usize> {
        let instruction = self.program.code.get(place..)?;
        (self.step)();
        match *instruction {
            [STAR, ..] => Some(place.wrapping_add(2)),
            [SPLIT, low, high, ..] => {
                self.pending.push(place.wrapping_add_signed(i16::from_le_bytes([low, high]).into()));
                Some(place.wrapping_add(BRANCH_BYTES))
            }
            [JUMP, low, high, ..] => Some(place.wrapping_add_signed(i16::from_le_bytes([low, high]).into())),
            [ASSERT, assertion, ..] => holds(assertion, before, after).then_some(place.wrapping_add(2)),
            [END, ..] => {
                self.accepted |= after.is_none();
                None
            }
            [ACCEPT, ..] => {
                self.accepted = true;
                None
            }
            _ => None,
        }
    }
}

/// Whether an assertion holds between these two bytes.
fn holds(assertion: u8, before: Option<u8>, after: Option<u8>) -> bool {
    let is_border = |byte: Option<u8>| byte.is_none_or(|byte| byte == SEPARATOR);
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte < OTHER_BYTE && WORD >> byte & 1 == 1);
    match assertion {
        AT_START => is_border(before),
        AT_END => is_border(after),
        AT_WORD => is_word(before) != is_word(after),
        _ => is_word(before) == is_word(after),
    }
}
