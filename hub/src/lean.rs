//! Constant texts without what only their readers need: a third of a statement or script is comments and indentation,
//! which would be a part of every component.

/// A constant text without its indentation and its lines of comment, which begin with `--`, or with one of the pairs of
/// bytes that are given. Nothing in it may be a text of several lines.
macro_rules! lean {
    ($text:expr $(,)?) => {
        $crate::lean::lean!($text, b"--")
    };
    ($text:expr, $($comment:literal),+) => {{
        const TEXT: &str = $text;
        const COMMENTS: &[&[u8; 2]] = &[$($comment),+];
        const LEAN: [u8; $crate::lean::copy(TEXT, COMMENTS, &mut [])] = {
            let mut lean = [0; $crate::lean::copy(TEXT, COMMENTS, &mut [])];
            $crate::lean::copy(TEXT, COMMENTS, &mut lean);
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
pub(crate) const fn copy(text: &str, comments: &[&[u8; 2]], mut out: &mut [u8]) -> usize {
    let mut text = text.as_bytes();
    let (mut length, mut is_indentation, mut is_comment) = (0_usize, true, false);
    while let [byte, rest @ ..] = text {
        is_comment |= is_indentation && begins_with_one(text, comments);
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

const fn begins_with_one(text: &[u8], mut comments: &[&[u8; 2]]) -> bool {
    while let [[first, second], others @ ..] = comments {
        if let [byte, next, ..] = text
            && *byte == *first
            && *next == *second
        {
            return true;
        }
        comments = others;
    }
    false
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_lean_text_has_no_comment_lines_and_no_indentation() {
        let text = lean!("-- a\nb -- c\n\n    -- d\n    e - -1\n  é\n --");
        assert_eq!(text, "b -- c\n\ne - -1\né\n");
        let text = lean!("// a\nb // c\n    // d\n/* f */\n    --e\n  é\n //", b"//", b"/*");
        assert_eq!(text, "b // c\n--e\né\n");
        assert_eq!(lean!(""), "");
    }
}
