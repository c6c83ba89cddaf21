//! URL Patterns against the crate `urlpattern`.

use ::url::Url;
use ::urlpattern::quirks::{StringOrInit, process_construct_pattern_input};
use ::urlpattern::{Error, UrlPattern, UrlPatternMatchInput};
use proptest::prelude::*;

use crate::pattern::tests::url::differs;
use crate::pattern::tests::verbs::{HUB, base};
use crate::pattern::url::parse;
use crate::pattern::{InvalidPattern, Kind, Parsed, Pattern};

/// What that crate says: whether it is a pattern, and which of the topics it matches.
fn theirs(text: &str, topics: &[String]) -> Option<Vec<bool>> {
    let parse = |base| process_construct_pattern_input(StringOrInit::String(text.into()), base);
    // As here, only a relative pattern has a base.
    let init = match parse(None) {
        Err(Error::BaseUrlRequired) => parse(Some(HUB)),
        parsed => parsed,
    };
    let pattern: UrlPattern = UrlPattern::parse(init.ok()?, Default::default()).ok()?;
    let hub = Url::parse(HUB).unwrap();
    let test = |topic: &String| hub.join(topic).is_ok_and(|url| pattern.test(UrlPatternMatchInput::Url(url)).unwrap());
    Some(topics.iter().map(test).collect())
}

fn ours(text: &str, topics: &[String]) -> Result<Vec<bool>, InvalidPattern> {
    let pattern = Pattern::parse(Kind::UrlPattern, text, &base())?;
    Ok(topics.iter().map(|topic| pattern.matches(&Parsed::new(topic))).collect())
}

const PARTS: &str = "https:// http://h https://h h / / a b x.y * * :a :b :c ? + { } {a} {/:d}* {/b}? {x:e}+ {:f-}? (a) (\\\\d+) \
                     ([a-b]*) (a|b)? (?:a) # ?q # :80 :8080 :443 \\\\: \\\\? %41 é . - foo:// urn\\\\: @ u:p@";

fn pattern() -> impl Strategy<Value = String> {
    let parts = PARTS.replace("\\\\", "\\");
    let parts: Vec<String> = parts.split_whitespace().map(str::to_owned).collect();
    prop::collection::vec(prop::sample::select(parts), 1..8).prop_map(|parts| parts.concat())
}

fn topic() -> impl Strategy<Value = String> {
    let parts: Vec<_> = "https://h http://h https://h:8080 / / a b .. x.y 1 12 ? # q : %41 é A . - foo://h urn: @"
        .split_whitespace()
        .collect();
    prop::collection::vec(prop::sample::select(parts), 1..7).prop_map(|parts| parts.concat())
}

/// Whether that crate takes a path that begins with / for one with segments, whatever the scheme. By the standard
/// today, the paths of all schemes but the special ones are opaque in a pattern.
fn has_segments_there(pattern: &str) -> bool {
    pattern.split_once("://").is_some_and(|(scheme, rest)| scheme.ends_with("foo") && rest.contains('/'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pattern_matches_as_by_the_crate(pattern in pattern(), topics in prop::collection::vec(topic(), 20)) {
        let is_common = |topic: &String| {
            let url = parse(topic, Some(base().url()));
            !differs(topic, url.as_ref()) && url.is_none_or(|url| url.host.is_ascii())
        };
        let topics: Vec<String> = topics.into_iter().filter(is_common).collect();
        match ours(&pattern, &topics) {
            // Unicode's tables are not compiled in.
            Err(error) if error.to_string().contains("host that is not ASCII") => {}
            ours if has_segments_there(&pattern) => {
                prop_assert_eq!(ours.is_ok(), theirs(&pattern, &topics).is_some(), "{}", pattern);
            }
            ours => prop_assert_eq!(ours.ok(), theirs(&pattern, &topics), "{}", pattern),
        }
    }
}

#[test]
fn where_the_crate_has_segments_the_standard_counts() {
    for (pattern, topic) in [("foo://h/:rest", "foo://h/a/b"), ("foo://*/:a", "foo://h//h")] {
        let topics = [topic.to_owned()];
        assert_eq!(ours(pattern, &topics).unwrap(), [true], "{pattern}");
        assert_eq!(theirs(pattern, &topics).unwrap(), [false], "{pattern}");
    }
}
