//! The byte order mark at the start of a stream.

const MARK: &[u8] = b"\xEF\xBB\xBF";

/// How many bytes of the mark have come. It counts as complete when the stream starts with something else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bom(usize);

impl Bom {
    /// "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
    ///
    /// Takes the mark, or a part of the mark, off the front of `input`. Returns bytes that earlier calls took off and
    /// that are not a mark but the start of the first line.
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
