//! The URL parser against the crate `url`.

use proptest::prelude::*;
use url::Url;

use crate::pattern::url::{Url as Ours, parse};

const BASE: &str = "https://u:p@hub.example:8080/.well-known/mercure?q#f";

fn ours(topic: &str) -> Option<Ours> {
    parse(topic, Some(&parse(BASE, None).unwrap()))
}

/// What that crate says of a topic.
fn theirs(topic: &str) -> Option<Ours> {
    let url = Url::parse(BASE).unwrap().join(topic).ok()?;
    Some(Ours {
        scheme: url.scheme().to_owned(),
        username: url.username().to_owned(),
        password: url.password().unwrap_or_default().to_owned(),
        host: url.host_str().unwrap_or_default().to_owned(),
        port: url.port(),
        path: url.path().to_owned(),
        query: url.query().unwrap_or_default().to_owned(),
        fragment: url.fragment().unwrap_or_default().to_owned(),
    })
}

/// Where that crate does not do what the standard says today. The test below has an example of each.
pub(super) fn differs(topic: &str, ours: Option<&Ours>) -> bool {
    let text = topic.replace(['\t', '\n'], "");
    let text = text.trim_matches(|character| character <= ' ');
    let relative = text.strip_prefix("https:").unwrap_or(text);
    let slashes = relative.chars().take_while(|character| "/\\".contains(*character)).count();
    let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let port = authority.and_then(|authority| authority.split_once('\\')?.0.rsplit_once(':'));
    slashes > 2
        || (ours.is_none() && port.is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())))
        || text.contains(" ?")
        || text.contains(" #")
        || ours.is_some_and(|url| url.scheme == "file" && url.path.contains("//"))
}

const PARTS: &str = "/ / // /// \\ . .. %2e %2E. a B ? # @ : http: https: https:// ws: ftp: file: foo: urn: data: FOO h \
                     %2F % %41 é 😀 1 0x1 256 [ ] :: [::1] 80 443 65536 localhost ' \" < > ` { } | ~ ! $ & ( ) * + , ; = \
                     %00 %c3%a9";

fn topic() -> impl Strategy<Value = String> {
    let parts = PARTS.split_whitespace().chain([" ", "\t", "\n", "\u{1}", "\u{7F}"]).collect::<Vec<_>>();
    prop::collection::vec(prop::sample::select(parts), 0..9).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn topics_are_parsed_as_by_the_crate(topic in topic()) {
        let ours = ours(&topic);
        if differs(&topic, ours.as_ref()) {
            return Ok(());
        }
        match &ours {
            // A host that is not ASCII is left as it is.
            Some(url) if !url.host.is_ascii() => {}
            _ => prop_assert_eq!(ours, theirs(&topic)),
        }
    }
}

#[test]
fn where_the_crate_differs_the_standard_counts() {
    for (topic, path) in [
        ("^", "/.well-known/%5E"),
        ("///h/a", "/a"),
        ("urn:a ?b", "a%20"),
        ("urn:a #b", "a%20"),
        ("file:..//a", "//a"),
        ("/c|/..", "/"),
        ("file:c|/..", "/c:/"),
        ("file:///C|/a", "/C:/a"),
        ("file://C:/../..", "/C:/"),
        ("https://xn--a/b", "/b"),
        ("https://é/b", "/b"),
    ] {
        assert_eq!(ours(topic).unwrap().path, path, "{topic}");
    }
    assert_eq!(ours("https://xn--a/").unwrap().host, "xn--a");
    assert_eq!(ours("https://É.example/").unwrap().host, "É.example");
    // Only a special scheme has \ for /: here it ends no port.
    for topic in ["foo://h:\\", "foo://h:1\\"] {
        assert_eq!(ours(topic), None, "{topic}");
        assert!(theirs(topic).is_some(), "{topic}");
    }
}

#[test]
fn what_is_no_url_is_none() {
    for topic in [
        "https://",
        "https://a b/",
        "https://h:65536/",
        "https://h:x/",
        "https://[1]/",
        "foo://h:1x",
        "foo://u@/",
        "https://1.2.3.256/",
        "https://%/",
        "//:1",
        "https://%FF/",
        "https://a%00/",
        "https://[::1",
    ] {
        assert_eq!(ours(topic), None, "{topic}");
        assert_eq!(theirs(topic), None, "{topic}");
    }
    assert_eq!(parse("a", None), None);
}
