//! A pattern and what it is tried on.

use std::rc::Rc;

use crate::pattern::base::Base;
use crate::pattern::invalid::InvalidPattern;

/// Which language a pattern is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The URL Pattern Living Standard.
    UrlPattern,
    /// A URI Template (RFC 6570), as 0.x hubs match them.
    UriTemplate,
}

/// A compiled pattern. A clone shares it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pattern {
    kind: Kind,
    text: Rc<str>,
    base: Base,
}

impl Pattern {
    /// The pattern that a text is.
    pub(crate) fn parse(kind: Kind, text: &str, base: &Base) -> Result<Pattern, InvalidPattern> {
        if !cfg!(feature = "patterns") {
            return Err(InvalidPattern("this hub was built without patterns: name each topic"));
        }
        Ok(Pattern { kind, text: text.into(), base: base.clone() })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The text as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// About how many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        self.text.len()
    }

    /// Whether it matches a topic.
    pub(crate) fn matches(&self, topic: &Parsed<'_>) -> bool {
        topic.text == self.text()
    }
}

/// A topic, parsed at most once however many patterns are tried on it.
#[derive(Debug)]
pub(crate) struct Parsed<'t> {
    text: &'t str,
}

impl<'t> Parsed<'t> {
    pub(crate) fn new(topic: &'t str) -> Parsed<'t> {
        Parsed { text: topic }
    }
}
