//! Which characters of a part of a URL are percent-encoded (URL Standard, "percent-encoded bytes").

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The C0 control percent-encode set. Each of these sets has all that is not ASCII, too.
pub(crate) const CONTROL: &AsciiSet = CONTROLS;
pub(crate) const FRAGMENT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
pub(crate) const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
pub(crate) const SPECIAL_QUERY: &AsciiSet = &QUERY.add(b'\'');
pub(crate) const PATH: &AsciiSet = &QUERY.add(b'?').add(b'^').add(b'`').add(b'{').add(b'}');
pub(crate) const USERINFO: &AsciiSet =
    &PATH.add(b'/').add(b':').add(b';').add(b'=').add(b'@').add(b'[').add(b'\\').add(b']').add(b'|');

/// Appends `text` with the characters of `set` encoded.
pub(crate) fn push(to: &mut String, text: &str, set: &'static AsciiSet) {
    to.extend(utf8_percent_encode(text, set));
}

/// `text` with the characters of `set` encoded.
pub(crate) fn encode(text: &str, set: &'static AsciiSet) -> String {
    let mut encoded = String::with_capacity(text.len());
    push(&mut encoded, text, set);
    encoded
}
