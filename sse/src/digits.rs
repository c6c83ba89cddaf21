//! An integer as text, without an allocation.

/// As long as the longest: `u64::MAX` and `i64::MIN` both have 20 characters.
const LEN: usize = 20;

/// The decimal digits of an integer, after a `-` if it is negative.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    /// The text stands at the end.
    bytes: [u8; LEN],
    start: usize,
}

impl Digits {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    #[inline]
    fn new(mut absolute: u64, negative: bool) -> Digits {
        let mut bytes = [0; LEN];
        let mut start = LEN;
        // Two at a time: the division of a long number is what costs.
        for pair in bytes.as_chunks_mut().0.iter_mut().rev() {
            let two = (absolute % 100) as u8;
            absolute /= 100;
            *pair = [b'0' | (two / 10), b'0' | (two % 10)];
            start = start.saturating_sub(2);
            if absolute == 0 {
                start = start.saturating_add(usize::from(two < 10));
                break;
            }
        }
        if negative {
            start = start.saturating_sub(1);
            if let Some(sign) = bytes.get_mut(start) {
                *sign = b'-';
            }
        }
        Digits { bytes, start }
    }
}

impl From<u64> for Digits {
    #[inline]
    fn from(number: u64) -> Digits {
        Digits::new(number, false)
    }
}

impl From<i64> for Digits {
    #[inline]
    fn from(number: i64) -> Digits {
        Digits::new(number.unsigned_abs(), number < 0)
    }
}
