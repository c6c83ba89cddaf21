//! A place in a text that is read from left to right.

/// A place in a text.
pub(crate) struct Cursor<'t> {
    rest: &'t [u8],
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str) -> Cursor<'t> {
        Cursor { rest: text.as_bytes() }
    }

    /// What comes next.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Whether this comes next.
    pub(crate) fn at(&self, text: &[u8]) -> bool {
        self.rest.starts_with(text)
    }

    /// Takes what comes next.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Takes this, if it comes next.
    pub(crate) fn eat(&mut self, text: &[u8]) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes the digits that come next, if there are any, as a number.
    pub(crate) fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            self.next();
            let tens = number.unwrap_or(0_usize).saturating_mul(10);
            number = Some(tens.saturating_add(usize::from(digit.wrapping_sub(b'0'))));
        }
        number
    }
}
