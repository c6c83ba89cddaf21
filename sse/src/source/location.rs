//! Where a redirect leads.
//!
//! The library `url` would do it, and bring tables of Unicode into the component.

use http::Uri;

/// The URL that `reference` means in a response from `base`, or `None` if it is no URL.
///
/// RFC 3986, 5.2.2. The fragment is dropped: it is not sent.
pub(crate) fn resolve(base: &Uri, reference: &str) -> Option<Uri> {
    let reference = reference.split('#').next().unwrap_or_default();
    if has_scheme(reference) {
        // Without this check `mailto:a@b` would be read as the host `b`.
        return reference.parse().ok().filter(|uri: &Uri| uri.scheme().is_some());
    }
    if let Some(network_path) = reference.strip_prefix("//") {
        let scheme = base.scheme_str()?;
        return format!("{scheme}://{network_path}").parse().ok();
    }
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let query = if path.is_empty() { query.or(base.query()) } else { query };
    let path = if path.is_empty() {
        base.path().to_owned()
    } else if path.starts_with('/') {
        without_dots(path)
    } else {
        let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        without_dots(&format!("{directory}/{path}"))
    };
    let mut parts = base.clone().into_parts();
    let text = query.map_or(path.clone(), |query| format!("{path}?{query}"));
    parts.path_and_query = Some(text.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// "scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )", before a colon.
fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
}

/// An absolute path without its segments `.` and `..`: RFC 3986, 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_dots = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        if !is_dots {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn resolves(base: &'static str, reference: &str, expected: &str) {
        let resolved = resolve(&Uri::from_static(base), reference).map(|uri| uri.to_string());
        assert_eq!(resolved.as_deref(), Some(expected), "{reference}");
    }

    /// Of RFC 3986, 5.4, what can be sent by HTTP.
    #[test]
    fn a_reference_is_resolved_as_the_examples_of_the_rfc_are() {
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
        ] {
            resolves("http://a/b/c/d;p?q", reference, expected);
        }
    }

    #[test]
    fn a_reference_with_a_scheme_stands_for_itself() {
        resolves("http://a/b", "https://example.com:8443/x?y", "https://example.com:8443/x?y");
        resolves("http://a/b", "/x?u=http://c/", "http://a/x?u=http://c/");
        resolves("https://a", "x", "https://a/x");
    }

    #[test]
    fn what_is_no_url_is_none() {
        for reference in ["http://", "http://a b/", "/a b", "//", "mailto:a@b"] {
            assert_eq!(resolve(&Uri::from_static("http://a/"), reference), None, "{reference}");
        }
        assert_eq!(resolve(&Uri::from_static("/relative"), "//a/b"), None);
    }
}
