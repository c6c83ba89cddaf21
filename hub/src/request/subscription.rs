//! What a component subscribes a client to.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::pattern::Base;
use crate::topic::invalid_selector::InvalidSelector;
use crate::topic::matcher::Matcher;
use crate::topic::selector::Selector;

/// What a component lets a client follow: topics that the component chose, whatever the client's query says.
///
/// ```
/// use spin_sse_hub::Subscription;
///
/// let subscription = Subscription::new(["chat/7"])?.from_start().existing();
/// let books = Subscription::matching(["https://example.com/books/:id"])?.quiet();
/// # Ok::<(), spin_sse_hub::InvalidSelector>(())
/// ```
#[derive(Debug, Clone)]
pub struct Subscription {
    matchers: Vec<Matcher>,
    pub(crate) from_start: bool,
    pub(crate) existing: bool,
    pub(crate) unended: bool,
    pub(crate) quiet: bool,
    pub(crate) headers: HeaderMap,
}

impl Subscription {
    /// To these topics, 1 to 100; `*` is every topic. The client gets private updates too: ask who the client is
    /// before.
    ///
    /// A client with a last event id gets what follows that, and any other client what is published from now on.
    ///
    /// # Errors
    ///
    /// [`InvalidSelector`].
    pub fn new(topics: impl IntoIterator<Item = impl Into<String>>) -> Result<Subscription, InvalidSelector> {
        Subscription::none().with(topics.into_iter().map(|topic| Matcher::Exact(topic.into())))
    }

    /// To the topics that one of these patterns matches, 1 to 100 of them, which are [URL Patterns] such as
    /// `https://example.com/books/:id`. Relative patterns and topics are resolved against the setting `hub_url`; where
    /// that is not set, relative patterns match relative topics only. As with [`new`](Subscription::new), the client
    /// gets private updates too.
    ///
    /// Such a stream reads all that is published, as one of `*` does, and is sent what a pattern matches. It does not
    /// end when topics end.
    ///
    /// [URL Patterns]: https://urlpattern.spec.whatwg.org
    ///
    /// # Errors
    ///
    /// [`InvalidSelector`].
    pub fn matching(patterns: impl IntoIterator<Item = impl Into<String>>) -> Result<Subscription, InvalidSelector> {
        Subscription::none().and_matching(patterns)
    }

    /// Also to the topics that one of these [patterns](Subscription::matching) matches.
    ///
    /// # Errors
    ///
    /// [`InvalidSelector`].
    pub fn and_matching(
        self,
        patterns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Subscription, InvalidSelector> {
        self.with(patterns.into_iter().map(|pattern| Matcher::UrlPattern(pattern.into())))
    }

    fn none() -> Subscription {
        let (matchers, headers) = (Vec::new(), HeaderMap::new());
        Subscription { matchers, from_start: false, existing: false, unended: false, quiet: false, headers }
    }

    fn with(mut self, matchers: impl Iterator<Item = Matcher>) -> Result<Subscription, InvalidSelector> {
        // One more than there may be is enough to be refused.
        self.matchers.extend(matchers.take(Selector::MAX_TOPICS.saturating_add(1)));
        // Whether it is a pattern does not depend on the hub's URL.
        self.selector(None).map(|_| self)
    }

    /// What it is to; patterns are resolved against `base`, the hub's URL.
    pub(crate) fn selector(&self, base: Option<&Base>) -> Result<Selector, InvalidSelector> {
        let selector = Selector::of(self.matchers.iter().cloned(), base)?;
        if selector.is_empty() { Err(InvalidSelector::Empty) } else { Ok(selector) }
    }

    /// A client without a last event id gets all that is kept, and not only what is published from now on.
    pub fn from_start(self) -> Subscription {
        Subscription { from_start: true, ..self }
    }

    /// The client is answered 204 while the log has no update on any of the topics, or no update at all if there is a
    /// pattern. An `EventSource` that is answered 204 does not come back.
    pub fn existing(self) -> Subscription {
        Subscription { existing: true, ..self }
    }

    /// The client is answered 204 when all of the topics have ended, wherever the client is in their history.
    pub fn unended(self) -> Subscription {
        Subscription { unended: true, ..self }
    }

    /// Leaves out the hub's own events, `ready`, `place` and `gap`, for a client that takes the data of every event for
    /// its own. Where the client needs its place in the history, a block has only an id. What the history has lost is
    /// not announced. All streams of a hub are so whose configuration says `quiet`.
    pub fn quiet(self) -> Subscription {
        Subscription { quiet: true, ..self }
    }

    /// Adds a header to the response. One of the same name that a stream has anyway is replaced.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Subscription {
        self.headers.insert(name, value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_to_1_to_100_topics() {
        let topics = |count: usize| (0..count).map(|topic| topic.to_string());
        let selector = |topics: [&'static str; 2]| Subscription::new(topics).unwrap().selector(None).unwrap();
        assert_eq!(selector(["b", "a"]).topics().collect::<Vec<_>>(), ["a", "b"]);
        assert!(selector(["a", "*"]).is_all());
        assert!(Subscription::new(topics(100)).is_ok());
        assert_eq!(Subscription::new(topics(101)).unwrap_err(), InvalidSelector::TooMany);
        assert_eq!(Subscription::new(topics(0)).unwrap_err(), InvalidSelector::Empty);
        assert!(matches!(Subscription::new([""]).unwrap_err(), InvalidSelector::Text(_)));
    }

    #[test]
    fn a_subscription_can_be_to_patterns_and_topics() {
        let base = Base::parse("https://hub.example/.well-known/mercure");
        let subscription = Subscription::new(["a"]).unwrap().and_matching(["/:id"]).unwrap();
        let selector = subscription.selector(base.as_ref()).unwrap();
        for (topic, expected) in [("a", true), ("/a", true), ("https://hub.example/b", true), ("/b/c", false)] {
            assert_eq!(selector.matches(topic), expected, "{topic}");
        }
        assert!(Subscription::matching(["*"]).unwrap().selector(None).unwrap().is_all());
        assert_eq!(Subscription::matching([""; 0]).unwrap_err(), InvalidSelector::Empty);
        assert!(matches!(Subscription::matching(["/(a"]).unwrap_err(), InvalidSelector::Pattern(_)));
        let many = (0..100).map(|topic| topic.to_string());
        assert_eq!(Subscription::new(many).unwrap().and_matching(["/x"]).unwrap_err(), InvalidSelector::TooMany);
    }
}
