//! Which topics are the hub's own: those that address its path.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The hub's path, which the Mercure protocol keeps for hubs. Topics that address it are the hub's own.
pub const PATH: &str = "/.well-known/mercure";

/// What parts the segments of a path: in URLs of the web a backslash is a slash.
const WEB: &[char] = &['/', '\\'];
const OTHER: &[char] = &['/'];

/// Whether `topic`, resolved against the hub's URL, has the hub's path or one below it, whatever its scheme and
/// authority.
///
/// Such topics are for what the hub itself would publish, so that nobody else can forge it. Resolving is what the URL
/// Standard says ("basic URL parser"), as far as it decides the path: leading and trailing spaces, slashes in any
/// number, backslashes, dot-segments and percent-encoding included. It errs on the safe side: where the standard fails,
/// as for a host that cannot be one, and with the drive letters of `file` URLs, this looks at the path all the same.
pub(crate) fn addresses_hub(topic: &str) -> bool {
    // Control characters, which the standard ignores, never get here.
    let reference = topic.trim_matches(' ');
    let reference = reference.split_once(['?', '#']).map_or(reference, |(before, _)| before);
    let Some((scheme, rest)) = split_scheme(reference) else { return relative(reference) };
    match scheme.to_ascii_lowercase().as_str() {
        // With the scheme of the base, no slash or one makes a relative reference; with the other of the two, a host
        // follows. Which of them the hub is reached by is not known here.
        "http" | "https" => relative(rest) || is_hub(None, after_host(rest.trim_start_matches(WEB), WEB), WEB),
        "ws" | "wss" | "ftp" => is_hub(None, after_host(rest.trim_start_matches(WEB), WEB), WEB),
        "file" => is_hub(None, strip_host(rest, WEB), WEB),
        // Without a slash the path is opaque: `urn:mercure`.
        _ => rest.starts_with('/') && is_hub(None, strip_host(rest, OTHER), OTHER),
    }
}

/// `scheme:rest`, where the scheme is one.
fn split_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character));
    is_scheme.then_some((scheme, rest))
}

fn relative(reference: &str) -> bool {
    match reference.strip_prefix(WEB) {
        None if reference.is_empty() => true,
        None => is_hub(Some(".well-known"), reference, WEB),
        Some(rest) if rest.starts_with(WEB) => is_hub(None, after_host(rest.trim_start_matches(WEB), WEB), WEB),
        Some(path) => is_hub(None, path, WEB),
    }
}

/// What follows `//host`, if the text begins like that.
fn strip_host<'t>(text: &'t str, slashes: &[char]) -> &'t str {
    match text.strip_prefix(slashes).and_then(|rest| rest.strip_prefix(slashes)) {
        Some(rest) => after_host(rest, slashes),
        None => text,
    }
}

fn after_host<'t>(text: &'t str, slashes: &[char]) -> &'t str {
    text.find(slashes).and_then(|end| text.get(end..)).unwrap_or_default()
}

/// Whether a path, appended to the folder `base`, is the hub's. Compared are whole segments, decoded: the characters of
/// the hub's path are all unreserved, and a decoded `%2F` makes a segment that equals none of them.
fn is_hub(base: Option<&'static str>, path: &str, slashes: &[char]) -> bool {
    let mut segments: Vec<_> = base.map(percent_decode_str).map(Into::into).into_iter().collect();
    for segment in path.strip_prefix(slashes).unwrap_or(path).split(slashes) {
        let segment: Cow<'_, [u8]> = percent_decode_str(segment).into();
        match &*segment {
            b"." => {}
            b".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut segments = segments.iter().map(|segment| &**segment);
    segments.next() == Some(b".well-known") && segments.next() == Some(b"mercure")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[track_caller]
    fn reserved(topics: &[&str]) {
        for topic in topics {
            assert!(addresses_hub(topic), "{topic:?}");
            assert!(by_the_standard(topic), "{topic:?}, says the standard");
        }
    }

    #[track_caller]
    fn free(topics: &[&str]) {
        for topic in topics {
            assert!(!addresses_hub(topic), "{topic:?}");
            assert!(!by_the_standard(topic), "{topic:?}, says the standard");
        }
    }

    /// The same question, answered by an implementation of the whole standard.
    fn by_the_standard(topic: &str) -> bool {
        ["http", "https"].iter().any(|scheme| {
            let base = Url::parse(&format!("{scheme}://hub.example/.well-known/mercure")).unwrap();
            let Ok(url) = base.join(topic) else { return false };
            let Some(segments) = url.path_segments() else { return false };
            let mut segments = segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy());
            segments.next().is_some_and(|first| first == ".well-known")
                && segments.next().is_some_and(|second| second == "mercure")
        })
    }

    #[test]
    fn the_hubs_path_is_reserved_in_every_scheme_and_on_every_host() {
        reserved(&[
            "/.well-known/mercure",
            "/.well-known/mercure/",
            "/.well-known/mercure/subscriptions/x",
            "/.well-known/mercure?x",
        ]);
        reserved(&["https://example.com/.well-known/mercure", "HTTP://u:p@example.com:8080/.well-known/mercure/x#y"]);
        reserved(&["//example.com/.well-known/mercure", "ws://h/.well-known/mercure", "ftp:/h/.well-known/mercure"]);
        reserved(&["foo:/.well-known/mercure", "foo://bar/.well-known/mercure", "foo:///.well-known/mercure/x"]);
        reserved(&["file:///.well-known/mercure", "file:/.well-known/mercure", "file:.well-known/mercure"]);
    }

    #[test]
    fn what_is_relative_to_the_hub_can_be_the_hubs() {
        reserved(&[
            "mercure",
            "mercure/subscriptions",
            "./mercure",
            "x/../mercure",
            "",
            "?query",
            "#fragment",
            "https:mercure",
        ]);
        free(&["mercurex", "Mercure", "../mercure", "chat", "/chat", "chat/mercure", "urn:mercure", "foo:mercure"]);
    }

    #[test]
    fn no_spelling_gets_round_the_check() {
        reserved(&[
            "/.well-known/%6Dercure/x",
            "/%2ewell-known/mercur%65",
            "/.well-known/mercure/../mercure/x",
            "/./.well-known/mercure",
        ]);
        reserved(&["/x/%2e%2E/.well-known/mercure", "/../../.well-known/mercure", "/.well-known/mercure/."]);
        reserved(&[
            r"\.well-known\mercure",
            r"https:\\h\.well-known/mercure",
            r"/\h/.well-known/mercure",
            r"x\..\mercure",
        ]);
        reserved(&[" /.well-known/mercure ", "https:////h/.well-known/mercure", "https:h/.well-known/mercure"]);
    }

    #[test]
    fn where_that_implementation_differs_from_browsers_the_browsers_count() {
        assert!(addresses_hub("///h/.well-known/mercure"));
        assert!(!addresses_hub("file:////.well-known/mercure"));
    }

    #[test]
    fn other_paths_are_free() {
        free(&[
            "/.well-known/mercurex",
            "/.well-known/mercure/..",
            "/.well-known//mercure",
            "/.WELL-KNOWN/mercure",
            "/.well-known",
        ]);
        free(&[
            "https://example.com/books/1",
            "https://example.com",
            "https://.well-known/mercure",
            "//.well-known/mercure",
        ]);
        free(&[
            "/.well-known%2Fmercure",
            "/.well-known/%256Dercure",
            "/a/.well-known/mercure",
            "https://h/?/.well-known/mercure",
        ]);
        free(&[r"foo:/.well-known\mercure", "foo:////.well-known/mercure", "urn:uuid:1", "1:/x"]);
    }

    fn topic() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "/",
            "/",
            "//",
            "\\",
            ".well-known",
            "mercure",
            ".",
            "..",
            "%2e",
            "%2E.",
            "%6d",
            "ercure",
            "x",
            "?",
            "#",
            "@",
            ":",
            " ",
            "http:",
            "https:",
            "ws:",
            "foo:",
            "FOO",
            "h",
            "%2F",
            "%",
            "é",
        ]);
        prop::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_standard_resolves_to_the_hub_is_reserved(topic in topic()) {
            prop_assert!(addresses_hub(&topic) || !by_the_standard(&topic));
        }
    }
}
