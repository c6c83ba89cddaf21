//! A matcher: what selects topics, as it was given.

use crate::pattern::Kind;

/// What matches topics. `*` is every topic, whatever the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// The topic with this name.
    Exact(String),
    /// Those that a URL Pattern matches.
    UrlPattern(String),
    /// Those that a URI Template makes, as hubs of version 0.x have it.
    UriTemplate(String),
}

impl Matcher {
    /// Its kind and its text.
    pub(crate) fn into_parts(self) -> (MatchType, String) {
        match self {
            Matcher::Exact(text) => (MatchType::Exact, text),
            Matcher::UrlPattern(text) => (MatchType::Pattern(Kind::UrlPattern), text),
            Matcher::UriTemplate(text) => (MatchType::Pattern(Kind::UriTemplate), text),
        }
    }

    /// What a text is in the parameter `topic` and in the claim `mercure` of hubs of version 0.x.
    pub(crate) fn of_older_hubs(text: String) -> Matcher {
        if text.contains('{') { Matcher::UriTemplate(text) } else { Matcher::Exact(text) }
    }
}

/// The kind of a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MatchType {
    Exact,
    Pattern(Kind),
}

impl MatchType {
    /// Its name in the protocol; that of templates is this hub's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            MatchType::Exact => "exact",
            MatchType::Pattern(Kind::UrlPattern) => "urlpattern",
            MatchType::Pattern(Kind::UriTemplate) => "uritemplate",
        }
    }
}
