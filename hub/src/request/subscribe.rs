//! What a subscriber asks for: which topics, from where on, and whether it wants to hear of the hub itself.

use crate::pattern::Base;
use crate::request::form;
use crate::request::refusal::Refusal;
use crate::topic::field::{EARLIEST, UNKNOWN};
use crate::topic::matcher::Matcher;
use crate::topic::selector::Selector;
use crate::topic::text::MAX_BYTES;

/// What a query asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    /// The topics to follow.
    pub(crate) selector: Selector,
    /// Without the hub's own events, if it says so or not.
    pub(crate) quiet: Option<bool>,
    /// It has a `last_event_id`, which may be empty.
    pub(crate) names_place: bool,
}

/// Reads what a query asks for, and a body of the same form after it, which only the method `QUERY` has: each `match`
/// or `match_exact` is a topic, each `match_urlpattern` a URL Pattern, which may be relative to `base`, the hub's URL.
/// Each `topic`, as clients of 0.x hubs say, is a topic, or a URI Template when it has a brace. Any of them may be `*`.
/// `quiet` is `true` or `false`.
///
/// # Errors
///
/// 400 when `quiet` is something else, there is no topic, there are more than [`Selector::MAX_TOPICS`], one cannot be a
/// topic, a pattern is none, or another parameter begins with `match`: what the hub does not understand must not be
/// passed over, or the subscriber would wait in vain.
pub(crate) fn parse(query: Option<&str>, body: &[u8], base: Option<&Base>) -> Result<Query, Refusal> {
    let (mut matchers, mut quiet, mut names_place) = (Vec::new(), None, false);
    // "The hub MUST then take the union of the two".
    for (name, value) in form::pairs(query.unwrap_or_default().as_bytes()).chain(form::pairs(body)) {
        let matcher = match &*name {
            b"match" | b"match_exact" => Matcher::Exact,
            b"match_urlpattern" => Matcher::UrlPattern,
            b"topic" => Matcher::of_older_hubs,
            b"quiet" => {
                quiet = match &*value {
                    b"true" => Some(true),
                    b"false" => Some(false),
                    _ => {
                        return Err(Refusal::bad_request(
                            "quiet is neither true nor false: say which, or leave it out",
                        ));
                    }
                };
                continue;
            }
            b"last_event_id" => {
                names_place = true;
                continue;
            }
            // The protocol keeps this whole prefix, in either case, for kinds of matching to come.
            other if other.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"match")) => {
                let name = String::from_utf8_lossy(other);
                let name: String = name.chars().take(64).collect();
                return Err(Refusal::bad_request(format!(
                    "parameter {name:?} is not supported: use match with the name of a topic, or match_urlpattern"
                )));
            }
            _ => continue,
        };
        let Ok(value) = String::from_utf8(value.into_owned()) else {
            return Err(Refusal::bad_request(format!(
                "{} is not UTF-8: encode it as UTF-8",
                String::from_utf8_lossy(&name)
            )));
        };
        matchers.push(matcher(value));
    }
    if matchers.is_empty() {
        return Err(Refusal::bad_request("no topic to follow: add ?match= with the name of a topic, or with *"));
    }
    let selector = Selector::of(matchers, base).map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(Query { selector, quiet, names_place })
}

/// Where a subscriber wants to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// With what comes from now on.
    Now,
    /// With the oldest update that is kept.
    Earliest,
    /// After the update with this id, which may be any text.
    After(String),
}

impl Start {
    /// The last event id that asks for it.
    pub(crate) fn asked(&self) -> &str {
        match self {
            Start::After(id) => id,
            Start::Now | Start::Earliest => EARLIEST,
        }
    }
}

impl From<Option<String>> for Start {
    /// From the last event id of the request.
    fn from(last_event_id: Option<String>) -> Start {
        match last_event_id {
            None => Start::Now,
            Some(id) if id == EARLIEST => Start::Earliest,
            // No update has it. It would be sent back, and be in memory until the client has read that.
            Some(id) if id.len() > MAX_BYTES => Start::After(UNKNOWN.to_owned()),
            Some(id) => Start::After(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn follows(query: &str, topics: &[&str]) {
        assert_eq!(parse(Some(query), b"", None).unwrap().selector.topics().collect::<Vec<_>>(), topics);
    }

    #[track_caller]
    fn refused(query: &str, sentence: &str) {
        let refusal = parse(Some(query), b"", None).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.challenge), (400, None));
        assert!(refusal.reason.contains(sentence), "{refusal}");
    }

    #[test]
    fn each_parameter_is_a_topic() {
        follows("match=a", &["a"]);
        follows("match_exact=a&topic=b&match=c&match=a", &["a", "b", "c"]);
        follows("match=https%3A%2F%2Fexample.com%2F1&match=b+c&m%61tch=d", &["b c", "d", "https://example.com/1"]);
        follows("match=a&last_event_id=5&x=%FF&lastEventID=%FF", &["a"]);
        follows("match=*&match=a", &["*"]);
        follows("topic=*", &["*"]);
        follows("match={id}&match=mercure", &["mercure", "{id}"]);
        follows("match_urlpattern=*&match=a", &["*"]);
    }

    #[test]
    fn a_parameter_can_be_a_pattern() {
        let base = Base::parse("https://hub.example/.well-known/mercure");
        let query = "match=:id&match_urlpattern=/:id&topic=a&topic=https://example.com/%7Bid%7D";
        let selector = parse(Some(query), b"", base.as_ref()).unwrap().selector;
        let matchers: Vec<_> = selector.matchers().map(|(kind, text)| (kind.name(), text)).collect();
        let expected =
            [("exact", ":id"), ("urlpattern", "/:id"), ("exact", "a"), ("uritemplate", "https://example.com/{id}")];
        assert_eq!(matchers, expected);
    }

    #[test]
    fn a_query_without_topics_is_refused() {
        assert_eq!(parse(None, b"", None).unwrap_err().status, 400);
        for query in ["", "x=1", "&&", "topics=a", "topic[]=a"] {
            refused(query, "no topic to follow: add ?match=");
        }
    }

    #[test]
    fn what_cannot_be_a_topic_is_refused() {
        refused("match=", "a topic to match is empty");
        refused("match", "a topic to match is empty");
        refused("match=a&match=b%00", "a topic to match contains U+0000");
        refused("match=%E2%80%8B", "contains U+200B");
        refused("match=a&match=%FF", "match is not UTF-8");
        refused(&format!("match={}", "a".repeat(1_025)), "longer than 1024 bytes");
    }

    #[test]
    fn what_a_body_asks_for_is_added_to_what_the_query_does() {
        for (query, body, topics) in [
            (Some("match=a"), "match=b&match=a", &["a", "b"][..]),
            (None, "match=a+b&topic=c", &["a b", "c"]),
            (Some("match=a"), "", &["a"]),
        ] {
            assert_eq!(
                parse(query, body.as_bytes(), None).unwrap().selector.topics().collect::<Vec<_>>(),
                topics,
                "{body}"
            );
        }
        assert!(parse(Some("match=a"), b"MATCH=b", None).unwrap_err().reason.contains("is not supported"));
        let topics = ["match=a"; 51].join("&");
        assert!(parse(Some(&topics), topics.as_bytes(), None).unwrap_err().reason.contains("more than 100"));
    }

    #[test]
    fn a_last_event_id_that_is_empty_is_one() {
        for (query, body, names_place) in [
            ("match=a", "", false),
            ("match=a&last_event_id=", "", true),
            ("match=a&last_event_id", "", true),
            ("match=a", "last_event_id=", true),
            ("match=a&last_event_id_=1", "", false),
        ] {
            assert_eq!(parse(Some(query), body.as_bytes(), None).unwrap().names_place, names_place, "{query} {body}");
        }
    }

    #[test]
    fn at_most_100_topics_are_followed() {
        let query = |count| vec!["match=a"; count].join("&");
        follows(&query(100), &["a"]);
        refused(&query(101), "more than 100 topics to match");
    }

    #[test]
    fn every_other_parameter_that_begins_with_match_is_refused_by_name() {
        for name in [
            "match_URLPattern",
            "match_uritemplate",
            "Match",
            "MATCH",
            "match_Exact",
            "matcher",
            "match[]",
            "mAtch_x",
            "match ",
        ] {
            refused(&format!("match=a&{name}=b"), &format!("parameter {name:?} is not supported"));
        }
        refused("m%41tch=a", r#"parameter "mAtch" is not supported"#);
        refused("match%FF=a", "parameter \"match\u{FFFD}\" is not supported");
        refused(&format!("match{}=a", "x".repeat(9_000)), "is not supported");
    }

    #[test]
    fn a_stream_is_quiet_if_the_query_says_so() {
        for (query, quiet) in
            [("match=a", None), ("quiet=true&match=a", Some(true)), ("match=a&quiet=false", Some(false))]
        {
            assert_eq!(parse(Some(query), b"", None).unwrap().quiet, quiet, "{query}");
        }
        for value in ["", "=", "=1", "=True", "=yes", "=%FF"] {
            refused(&format!("match=a&quiet{value}"), "quiet is neither true nor false");
        }
    }

    #[test]
    fn the_last_event_id_says_where_to_start() {
        for (id, start) in [
            (None, Start::Now),
            (Some("earliest"), Start::Earliest),
            (Some("Earliest"), Start::After("Earliest".into())),
            (Some("#e-7"), Start::After("#e-7".into())),
            (Some(&*"x".repeat(1_024)), Start::After("x".repeat(1_024))),
            (Some(&*"x".repeat(1_025)), Start::After("#unknown".into())),
        ] {
            assert_eq!(Start::from(id.map(str::to_owned)), start);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_query_makes_it_panic(query in "(match|topic|quiet|%|=|&|\\PC|.)*") {
            let _ = parse(Some(&query), query.as_bytes(), None);
        }
    }
}
