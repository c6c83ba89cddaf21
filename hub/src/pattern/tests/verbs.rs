//! What the tests are written in.

use crate::pattern::{Base, Kind, Parsed, Pattern};

pub(crate) const HUB: &str = "https://hub.example:8080/.well-known/mercure?q";

pub(crate) fn base() -> Base {
    Base::parse(HUB).unwrap()
}

pub(crate) fn url_pattern(text: &str) -> Pattern {
    Pattern::parse(Kind::UrlPattern, text, &base()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn template(text: &str) -> Pattern {
    Pattern::parse(Kind::UriTemplate, text, &base()).unwrap()
}

#[track_caller]
pub(crate) fn matches(pattern: &Pattern, topics: &[&str]) {
    for topic in topics {
        assert!(pattern.matches(&Parsed::new(topic)), "{pattern:?} matches {topic:?}");
    }
}

#[track_caller]
pub(crate) fn matches_not(pattern: &Pattern, topics: &[&str]) {
    for topic in topics {
        assert!(!pattern.matches(&Parsed::new(topic)), "{pattern:?} does not match {topic:?}");
    }
}

#[track_caller]
pub(crate) fn refused(text: &str, sentence: &str) {
    let error = Pattern::parse(Kind::UrlPattern, text, &base()).unwrap_err().to_string();
    assert!(error.contains(sentence) && !error.ends_with('.'), "{text}: {error}");
}
