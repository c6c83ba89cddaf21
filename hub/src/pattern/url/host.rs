//! The host of a URL (URL Standard, "host parsing").

use percent_encoding::percent_decode_str;

use crate::pattern::url::encode::{self, encode};
use crate::pattern::url::ip;

/// The forbidden host code points, without NUL, TAB, LF and CR.
const FORBIDDEN: &[char] = &[' ', '#', '/', ':', '<', '>', '?', '@', '[', '\\', ']', '^', '|'];

/// The host that a text is, as it is written canonically. `special`: whether the scheme is one whose hosts are domains.
///
/// A domain that is not ASCII is returned as it is: to map it takes the tables of Unicode, which are not compiled in.
/// It has no canonical form here, so no pattern can be compared with it.
pub(crate) fn parse(text: &str, special: bool) -> Option<String> {
    if let Some(rest) = text.strip_prefix('[') {
        return ip::v6(rest.strip_suffix(']')?);
    }
    let forbidden = |character: char| FORBIDDEN.contains(&character) || "\0\t\n\r".contains(character);
    if !special {
        return (!text.contains(forbidden)).then(|| encode(text, encode::CONTROL));
    }
    let domain = percent_decode_str(text).decode_utf8().ok()?;
    let forbidden = |character: char| forbidden(character) || character.is_ascii_control() || character == '%';
    if domain.is_empty() || domain.contains(forbidden) {
        return None;
    }
    if !domain.is_ascii() {
        return Some(domain.into_owned());
    }
    let domain = domain.to_ascii_lowercase();
    if ip::ends_in_a_number(&domain) { ip::v4(&domain) } else { Some(domain) }
}
