//! What a publisher would rather have as an answer.

use http::HeaderMap;

/// Whether the request says `Prefer: return=minimal`: an answer without a body.
///
/// RFC 7240, section 2: several fields are one list, names are case-insensitive, a value may be quoted, parameters may
/// follow, and "if any preference is specified more than once, only the first instance is to be considered".
pub(crate) fn wants_minimal(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .flat_map(|field| split(field.as_bytes(), b','))
        .filter_map(|preference| split(preference, b';').next())
        .filter_map(|preference| {
            let mut parts = preference.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
            Some((parts.next()?, parts.next().unwrap_or_default()))
        })
        .find(|(name, _)| name.eq_ignore_ascii_case(b"return"))
        .is_some_and(|(_, value)| matches!(value, b"minimal" | br#""minimal""#))
}

/// Splits at each `separator` that is not quoted.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |&byte| {
        let separates = !quoted && byte == separator;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        separates
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(fields: &[&str], expected: bool) {
        let headers =
            fields.iter().map(|field| (http::HeaderName::from_static("prefer"), HeaderValue::from_str(field).unwrap()));
        assert_eq!(wants_minimal(&headers.collect()), expected, "{fields:?}");
    }

    #[test]
    fn return_minimal_is_found_wherever_it_stands() {
        for field in [
            "return=minimal",
            "Return = minimal",
            "return=\"minimal\"",
            "respond-async, return=minimal",
            "return=minimal;x=y",
        ] {
            check(&[field], true);
        }
        check(&["respond-async", "wait=10, return=minimal"], true);
        check(&[r#"x="a, return=representation\", b", return=minimal"#], true);
    }

    #[test]
    fn anything_else_is_not() {
        check(&[], false);
        for field in [
            "",
            "return",
            "return=",
            "return=representation",
            "minimal",
            "returns=minimal",
            "x;return=minimal",
            ",,;=",
            "\"",
        ] {
            check(&[field], false);
        }
        check(&[r#"x="return=minimal, return=minimal""#], false);
    }

    #[test]
    fn the_first_of_two_counts() {
        check(&["return=representation, return=minimal"], false);
        check(&["return=minimal", "return=representation"], true);
    }
}
