//! An integer as text, held without an allocation.

/// The length of the longest text: `u64::MAX` and `i64::MIN` both have 20 characters.
const LEN: usize = 20;

/// The decimal digits of an integer, after a `-` if it is negative.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    bytes: [u8; LEN],
    len: u8,
}

impl Digits {
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    #[inline]
    fn new(integer: impl itoa::Integer) -> Digits {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(integer).as_bytes();
        let mut digits = Digits { bytes: [0; LEN], len: 0 };
        if let Some(start) = digits.bytes.get_mut(..text.len()) {
            start.copy_from_slice(text);
            digits.len = text.len() as u8;
        }
        digits
    }
}

impl From<u64> for Digits {
    #[inline]
    fn from(number: u64) -> Digits {
        Digits::new(number)
    }
}

impl From<i64> for Digits {
    #[inline]
    fn from(number: i64) -> Digits {
        Digits::new(number)
    }
}
