//! Which topics are the hub's own: those that address its path.

use percent_encoding::percent_decode_str;

use crate::pattern::url::{Url as Parsed, parse};

/// The hub's path, which the Mercure protocol keeps for hubs. Topics that address it are the hub's own.
pub const PATH: &str = "/.well-known/mercure";

/// The path of a URL, without a slash at its end.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|start| rest.get(start..)).unwrap_or_default();
    path.trim_end_matches('/')
}

/// Whether `topic`, resolved against the hub's URL, has the path of that URL or one below it, whatever its scheme and
/// authority. `hub` is that path.
///
/// Such topics are for what the hub itself publishes, so that nobody else can forge it. Resolving is what the URL
/// Standard says: dot-segments, backslashes and slashes in any number included. A topic that it cannot parse addresses
/// nothing.
pub(crate) fn addresses_hub(topic: &str, hub: &str) -> bool {
    // By which of the two the hub is reached is not known here, and decides what `https:mercure` is relative to.
    ["http", "https"].iter().any(|scheme| {
        let hub = Parsed {
            scheme: (*scheme).to_owned(),
            host: "hub.invalid".to_owned(),
            path: hub.to_owned(),
            ..Parsed::default()
        };
        parse(topic, Some(&hub)).is_some_and(|url| is_at_or_below(&url.path, &hub.path))
    })
}

/// Whether a path is the hub's, or below it. Compared are whole segments, decoded. Of a hub at the root of its host
/// only what it publishes itself is reserved.
fn is_at_or_below(path: &str, hub: &str) -> bool {
    let hub = match hub.trim_end_matches('/') {
        "" => "/subscriptions",
        hub => hub,
    };
    let mut segments = path.split('/').map(percent_decode_str);
    hub.split('/').map(percent_decode_str).all(|own| segments.next().is_some_and(|segment| segment.eq(own)))
}

#[cfg(test)]
mod tests {
    use ::url::Url;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn reserved(topics: &[&str]) {
        for topic in topics {
            assert!(addresses_hub(topic, PATH), "{topic:?}");
            assert!(by_the_standard(topic), "{topic:?}, says the standard");
        }
    }

    #[test]
    fn a_url_has_a_path() {
        for (url, path) in [
            ("https://example.com/.well-known/mercure", "/.well-known/mercure"),
            ("http://h:1/a/b/", "/a/b"),
            ("https://h/", ""),
            ("https://h", ""),
        ] {
            assert_eq!(path_of(url), path);
        }
    }

    #[test]
    fn the_path_of_a_hub_elsewhere_is_reserved_there() {
        for (topic, hub, reserved) in [
            ("/hub", "/hub", true),
            ("https://example.com/hub/subscriptions/exact/a/b", "/hub", true),
            ("/%68ub/x/../subscriptions", "/hub/", true),
            ("/hubs", "/hub", false),
            ("hub", "/a/hub", true),
            ("https://example.com/books/1", "/", false),
            ("/subscriptions/exact/a/b", "", true),
        ] {
            assert_eq!(addresses_hub(topic, hub), reserved, "{topic} {hub}");
        }
    }

    #[track_caller]
    fn free(topics: &[&str]) {
        for topic in topics {
            assert!(!addresses_hub(topic, PATH), "{topic:?}");
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
        assert!(addresses_hub("///h/.well-known/mercure", PATH));
        assert!(!addresses_hub("file:////.well-known/mercure", PATH));
    }

    #[test]
    fn a_topic_that_is_no_url_is_free() {
        free(&["https://a b/.well-known/mercure", "https://h:65536/.well-known/mercure", "//:/.well-known/mercure"]);
        reserved(&["https://é.example/.well-known/mercure", "https://xn--9ca.example/.well-known/mercure"]);
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
            prop_assert!(addresses_hub(&topic, PATH) || !by_the_standard(&topic));
        }
    }
}
