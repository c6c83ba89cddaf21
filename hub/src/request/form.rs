//! `application/x-www-form-urlencoded`, as bytes: whether they are text is for the reader to decide.
//!
//! `form_urlencoded` would replace what is not UTF-8, and two ids that differ would become the same.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The media type of a form.
pub(crate) const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// The media type of a body, by its `content-type`, without parameters.
pub(crate) fn media_type(content_type: Option<&[u8]>) -> &[u8] {
    content_type.and_then(|value| value.split(|byte| *byte == b';').next()).unwrap_or_default().trim_ascii()
}

/// The names and values of a form or a query, decoded, in order.
///
/// URL Standard, "application/x-www-form-urlencoded parsing": a name without `=` has an empty value, and nothing is an
/// error.
pub(crate) fn pairs(input: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    input.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let mut part = || parts.next().map(decode).unwrap_or_default();
        (part(), part())
    })
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return percent_decode(text).into();
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &[(&str, &[u8])]) {
        let pairs: Vec<_> = pairs(input.as_bytes()).collect();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (str::from_utf8(name).unwrap(), &**value)).collect();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn names_and_values_are_decoded() {
        check("a=b&c=d", &[("a", b"b"), ("c", b"d")]);
        check("a=b=c&d&=e&&f=", &[("a", b"b=c"), ("d", b""), ("", b"e"), ("f", b"")]);
        check("a+b=%2B+%26%3D%00", &[("a b", b"+ &=\0")]);
        check("a=%ff&%61=%&b=%4", &[("a", b"\xff"), ("a", b"%"), ("b", b"%4")]);
        check("", &[]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn of_text_it_makes_what_form_urlencoded_makes(input in "[a-f0-9%&=+ é]{0,40}") {
            let text = |bytes: Cow<'_, [u8]>| String::from_utf8_lossy(&bytes).into_owned();
            let ours: Vec<_> = pairs(input.as_bytes()).map(|(name, value)| (text(name), text(value))).collect();
            let theirs: Vec<_> = url::form_urlencoded::parse(input.as_bytes()).into_owned().collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
