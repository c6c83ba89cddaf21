//! What is published in all scenarios: a number, the time, and some text.

use std::sync::LazyLock;
use std::time::Instant;

/// What an update begins with on the wire, however a server writes it.
pub const MARK: &[u8] = b"data: ~";
/// What a token of an answer begins with, however its event is framed.
pub const TOKEN_MARK: &[u8] = b"\"content\":\"~";
/// The bytes after the mark, up to the end of the time.
pub const RECORD: usize = NUMBER + 1 + TIME;

const NUMBER: usize = 10;
const TIME: usize = 16;

/// A moment of this process, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(u64);

impl Stamp {
    /// Now.
    pub fn now() -> Stamp {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Stamp(START.elapsed().as_micros() as u64)
    }

    /// Microseconds from this moment to a later one.
    pub fn micros_until(self, later: Stamp) -> u64 {
        later.0.saturating_sub(self.0)
    }
}

/// The data of update `number`, published now, filled up to `size` bytes.
pub fn update(number: u64, size: usize) -> String {
    let mut text = format!("~{number:0NUMBER$} {:0TIME$} ", Stamp::now().0);
    text.extend(std::iter::repeat_n('x', size.saturating_sub(text.len())));
    text
}

/// The number and the time of a record, which follows a mark.
pub fn read(record: &[u8]) -> (u64, Stamp) {
    let digits = |from: usize, len: usize| {
        record[from..from + len].iter().fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
    };
    (digits(0, NUMBER), Stamp(digits(NUMBER + 1, TIME)))
}
