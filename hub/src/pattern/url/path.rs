//! The path of a URL (URL Standard, "path state").
//!
//! A path that is a list of segments is kept as it is written: a slash before each of them.

use crate::pattern::url::encode;

/// What parts the segments of a path: in URLs of the web a backslash is a slash.
pub(crate) const WEB: &[char] = &['/', '\\'];
pub(crate) const OTHER: &[char] = &['/'];

/// Appends the segments of `text` to a path, in a URL of a special scheme or not.
pub(crate) fn push(path: &mut String, text: &str, scheme: &str, special: bool) {
    let mut segments = text.split(if special { WEB } else { OTHER }).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match dots(segment) {
            2 => {
                shorten(path, scheme);
                if last {
                    path.push('/');
                }
            }
            1 if last => path.push('/'),
            1 => {}
            _ => {
                let drive = scheme == "file" && path.is_empty() && is_drive(segment);
                path.push('/');
                encode::push(path, segment, encode::PATH);
                if drive {
                    path.truncate(2);
                    path.push(':');
                }
            }
        }
    }
}

/// Removes the last segment, unless it is the drive of a `file` URL.
pub(crate) fn shorten(path: &mut String, scheme: &str) {
    let drive = scheme == "file" && matches!(path.as_bytes(), [b'/', letter, b':'] if letter.is_ascii_alphabetic());
    if !drive {
        path.truncate(path.rfind('/').unwrap_or_default());
    }
}

/// Whether a text is a Windows drive letter.
pub(crate) fn is_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':' | b'|'] if letter.is_ascii_alphabetic())
}

/// 1 for `.`, 2 for `..`, however they are encoded; 0 for another segment.
fn dots(segment: &str) -> usize {
    let mut rest = segment.as_bytes();
    for count in 0..3 {
        rest = match rest {
            [] => return count,
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return 0,
        };
    }
    0
}
