//! The byte order mark at the start of a stream.

const MARK: &[u8] = b"\xEF\xBB\xBF";

/// How many bytes of the mark have come. All of them, too, when the stream starts with something else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bom(usize);

impl Bom {
    /// "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
    ///
    /// Takes the mark off the front of `input`, which may hold only a part of it. Returns the bytes that an earlier call
    /// took for the mark and that are the start of the first line.
    #[inline]
    pub(crate) fn skip(&mut self, input: &mut &[u8]) -> &'static [u8] {
        while let Some(expected) = MARK.get(self.0)
            && let Some((byte, rest)) = input.split_first()
        {
            if byte != expected {
                let start = MARK.get(..self.0).unwrap_or_default();
                self.0 = MARK.len();
                return start;
            }
            self.0 = self.0.saturating_add(1);
            *input = rest;
        }
        &[]
    }
}
