//! Statements and scripts without what only their readers need.
//!
//! A third of their text is comments and indentation, which would be a part of every component.

/// A statement or script, from a constant text, without its comment lines (those that begin with `--`) and its
/// indentation. Nothing in it may be a text of several lines.
macro_rules! lean {
    ($text:expr) => {{
        const TEXT: &str = $text;
        const LEAN: [u8; $crate::log::lean::copy(TEXT, &mut [])] = {
            let mut lean = [0; $crate::log::lean::copy(TEXT, &mut [])];
            $crate::log::lean::copy(TEXT, &mut lean);
            lean
        };
        match str::from_utf8(&LEAN) {
            Ok(lean) => lean,
            Err(_) => TEXT,
        }
    }};
}

pub(crate) use lean;

/// Copies what is lean of `text` as far as there is room in `out`, and returns how many bytes that is.
pub(crate) const fn copy(text: &str, mut out: &mut [u8]) -> usize {
    let mut text = text.as_bytes();
    let (mut length, mut is_indentation, mut is_comment) = (0_usize, true, false);
    while let [byte, rest @ ..] = text {
        is_comment |= is_indentation && matches!(text, [b'-', b'-', ..]);
        is_indentation &= *byte == b' ';
        if !is_indentation && !is_comment {
            length = length.saturating_add(1);
            if let [room, others @ ..] = out {
                *room = *byte;
                out = others;
            }
        }
        if *byte == b'\n' {
            (is_indentation, is_comment) = (true, false);
        }
        text = rest;
    }
    length
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_lean_text_has_no_comment_lines_and_no_indentation() {
        let text = lean!("-- a\nb -- c\n\n    -- d\n    e - -1\n  é\n --");
        assert_eq!(text, "b -- c\n\ne - -1\né\n");
        assert_eq!(lean!(""), "");
    }
}
