//! Builds a program from its parts.
//!
//! Where an instruction goes on is said relative to itself, so a part can be copied and moved. A program that becomes
//! too long is built no further, and refused in the end: so nothing here fails, and nothing takes long.

use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::{
    self, ACCEPT, BRANCH_BYTES, END, JUMP, MAX_BYTES, MAX_CHOICES, OTHER_BYTE, Program, SET, SPLIT, STAR, Set,
};

const TOO_COMPLEX: InvalidPattern =
    InvalidPattern("the pattern is too complex: shorten it, or repeat and choose less often in it");

/// A program that is being built.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    code: Vec<u8>,
    sets: Vec<Set>,
    too_long: bool,
}

impl Builder {
    /// Where the part begins that comes next.
    pub(crate) fn here(&self) -> usize {
        self.code.len()
    }

    /// A text that matches itself.
    pub(crate) fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            if byte < OTHER_BYTE {
                self.push(&[byte]);
            } else {
                self.push(&[OTHER_BYTE, byte]);
            }
        }
    }

    /// One character of a set.
    pub(crate) fn set(&mut self, set: Set) {
        if let (1, Ok(only)) = (set.count_ones(), u8::try_from(set.trailing_zeros())) {
            return self.push(&[only]);
        }
        let number = program::number(set, &mut self.sets);
        self.push(&[SET, number]);
    }

    /// Any number of characters of a set.
    pub(crate) fn star(&mut self, set: Set) {
        let number = program::number(set, &mut self.sets);
        self.push(&[STAR, number]);
    }

    /// An instruction without an operand, or with one.
    pub(crate) fn push(&mut self, instruction: &[u8]) {
        self.code.extend_from_slice(instruction);
        let sets = self.sets.len().saturating_mul(size_of::<Set>());
        self.too_long |= self.code.len().saturating_add(sets) > MAX_BYTES;
        if self.too_long {
            self.code.clear();
            self.sets.clear();
        }
    }

    /// Copies the part from `start` up to `end`.
    pub(crate) fn copy(&mut self, start: usize, end: usize) {
        let part = self.code.get(start..end).unwrap_or_default().to_vec();
        self.push(&part);
    }

    /// Makes the part from `start` on one that is repeated: at least `least` times, and at most `most`, if that is
    /// given.
    pub(crate) fn repeat(&mut self, start: usize, least: usize, most: Option<usize>) {
        let part = self.code.get(start..).unwrap_or_default().to_vec();
        // What repeats by itself and may be nothing, is the same however often.
        if part.is_empty() || (matches!(*part, [STAR, _]) && most != Some(0)) {
            return;
        }
        self.code.truncate(start);
        let length = part.len();
        for _ in 0..least {
            self.push(&part);
            if self.too_long {
                return;
            }
        }
        match (most, &*part) {
            (None, [SET, number]) => self.push(&[STAR, *number]),
            (None, _) if least > 0 => self.branch(SPLIT, 0, length),
            (None, _) => {
                self.branch(SPLIT, length.saturating_add(2 * BRANCH_BYTES), 0);
                self.push(&part);
                self.branch(JUMP, 0, length.saturating_add(BRANCH_BYTES));
            }
            (Some(most), _) => {
                // Each begins with the choice to have no more of them.
                for left in (0..most.saturating_sub(least)).rev() {
                    let rest = left.saturating_add(1).saturating_mul(length.saturating_add(BRANCH_BYTES));
                    self.branch(SPLIT, rest, 0);
                    self.push(&part);
                    if self.too_long {
                        return;
                    }
                }
            }
        }
    }

    /// Ends an alternative, which began at `start`, before another one. Returns what [`Builder::join`] takes.
    pub(crate) fn or(&mut self, start: usize) -> usize {
        let part = self.code.split_off(start.min(self.code.len()));
        self.branch(SPLIT, part.len().saturating_add(2 * BRANCH_BYTES), 0);
        self.push(&part);
        let jump = self.code.len();
        self.branch(JUMP, 0, 0);
        jump
    }

    /// Makes an alternative that has ended go on here.
    pub(crate) fn join(&mut self, jump: usize) {
        let [low, high] = offset(self.code.len().saturating_sub(jump), 0);
        if let Some([_, at_low, at_high]) = self.code.get_mut(jump..).and_then(|code| code.first_chunk_mut()) {
            (*at_low, *at_high) = (low, high);
        }
    }

    /// A branch that goes as far forward or back.
    fn branch(&mut self, instruction: u8, forward: usize, back: usize) {
        let [low, high] = offset(forward, back);
        self.push(&[instruction, low, high]);
    }

    /// The program, which ends with this instruction.
    ///
    /// # Errors
    ///
    /// When it is too long, or has too many choices.
    pub(crate) fn finish(mut self, last: u8) -> Result<Program, InvalidPattern> {
        self.push(&[last]);
        if self.too_long || choices(&self.code) > MAX_CHOICES {
            return Err(TOO_COMPLEX);
        }
        Ok(Program { code: self.code.into(), sets: self.sets.into() })
    }
}

fn offset(forward: usize, back: usize) -> [u8; 2] {
    // A program that is not too long has none that does not fit.
    let offset = |length| i16::try_from(length).unwrap_or_default();
    offset(forward).wrapping_sub(offset(back)).to_le_bytes()
}

/// How many instructions are a choice.
fn choices(code: &[u8]) -> usize {
    let (mut count, mut rest) = (0_usize, code);
    while let [instruction, after @ ..] = rest {
        count = count.saturating_add(usize::from(matches!(*instruction, SPLIT | STAR)));
        let operand = match *instruction {
            SPLIT | JUMP => BRANCH_BYTES.saturating_sub(1),
            END | ACCEPT => 0,
            instruction => usize::from(instruction >= OTHER_BYTE),
        };
        rest = after.get(operand..).unwrap_or_default();
    }
    count
}
