//! A selector: which topics someone follows, or a token covers.

use std::rc::Rc;

use crate::pattern::{Base, InvalidPattern, Kind, Parsed, Pattern};
use crate::topic::invalid_selector::{InvalidSelector, MAX_PATTERN_BYTES, MAX_TOPICS};
use crate::topic::matcher::{MatchType, Matcher};
use crate::topic::text;
use crate::topic::topic::ALL;

/// Which topics a subscriber follows, or a token covers: all, or those that it lists and those that its patterns match.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    all: bool,
    has_patterns: bool,
    /// The listed topics, sorted.
    topics: Vec<Rc<str>>,
    /// What was given, in that order, each once; empty for [`Selector::ALL`].
    given: Vec<Given>,
}

/// A matcher that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    All(MatchType),
    Topic(Rc<str>),
    Pattern(Pattern),
}

impl Selector {
    /// How many topics and patterns a selector lists at most.
    pub const MAX_TOPICS: usize = MAX_TOPICS;

    /// Every topic.
    pub const ALL: Selector = Selector { all: true, has_patterns: false, topics: Vec::new(), given: Vec::new() };

    /// No topic.
    pub const fn none() -> Selector {
        Selector { all: false, has_patterns: false, topics: Vec::new(), given: Vec::new() }
    }

    /// The topics of a list in which `*` stands for every topic.
    ///
    /// # Errors
    ///
    /// [`InvalidSelector`] when it lists more than [`MAX_TOPICS`](Selector::MAX_TOPICS), or a text that no topic can
    /// be.
    pub fn new(topics: impl IntoIterator<Item = String>) -> Result<Selector, InvalidSelector> {
        Selector::of(topics.into_iter().map(Matcher::Exact), None)
    }

    /// The same, and the topics that one of these [URL Patterns] matches: for a token. A `Grant` with them is signed as
    /// it is, and its relative patterns are resolved by the hub that reads the token.
    ///
    /// ```
    /// use spin_sse_hub::{Grant, Selector};
    ///
    /// let books = Selector::new(["news".to_owned()])?.and_matching(["/books/:id".to_owned()])?;
    /// let grant = Grant::new(Selector::none(), books);
    /// assert!(grant.subscribe.matches("/books/1") && grant.subscribe.matches("news"));
    /// # Ok::<(), spin_sse_hub::InvalidSelector>(())
    /// ```
    ///
    /// [URL Patterns]: https://urlpattern.spec.whatwg.org
    ///
    /// # Errors
    ///
    /// As [`new`](Selector::new), and when a text is no pattern.
    pub fn and_matching(mut self, patterns: impl IntoIterator<Item = String>) -> Result<Selector, InvalidSelector> {
        self.extend(&Selector::of(patterns.into_iter().map(Matcher::UrlPattern), None)?)?;
        Ok(self)
    }

    /// The topics that one of these matchers matches. Relative patterns and topics are resolved against `base`, the
    /// hub's URL. Where that is not known, they match each other all the same.
    ///
    /// # Errors
    ///
    /// [`InvalidSelector`].
    pub(crate) fn of(
        matchers: impl IntoIterator<Item = Matcher>,
        base: Option<&Base>,
    ) -> Result<Selector, InvalidSelector> {
        let mut selector = Selector::none();
        for (count, matcher) in matchers.into_iter().enumerate() {
            if count == Selector::MAX_TOPICS {
                return Err(InvalidSelector::TooMany);
            }
            let (kind, text) = matcher.into_parts();
            text::check(&text).map_err(InvalidSelector::Text)?;
            match kind {
                _ if text == ALL => selector.give(Given::All(kind)),
                MatchType::Exact => selector.give(Given::Topic(text.into())),
                MatchType::Pattern(kind) => {
                    selector.give(Given::Pattern(pattern(kind, &text, base)?));
                    selector.check()?;
                }
            }
        }
        Ok(selector)
    }

    /// Matches what `other` matches, too.
    ///
    /// # Errors
    ///
    /// [`InvalidSelector`] when that is too much for one.
    pub(crate) fn extend(&mut self, other: &Selector) -> Result<(), InvalidSelector> {
        self.all |= other.all;
        other.given.iter().cloned().for_each(|given| self.give(given));
        self.check()
    }

    fn give(&mut self, given: Given) {
        match &given {
            _ if self.given.contains(&given) => return,
            Given::All(_) => self.all = true,
            // So few that sorting them on the way in is as quick, and 5 KB smaller, than sorting them after.
            Given::Topic(topic) => {
                let (Ok(place) | Err(place)) = self.topics.binary_search(topic);
                self.topics.insert(place, Rc::clone(topic));
            }
            Given::Pattern(_) => self.has_patterns = true,
        }
        self.given.push(given);
    }

    fn check(&self) -> Result<(), InvalidSelector> {
        if self.given.len() > Selector::MAX_TOPICS {
            return Err(InvalidSelector::TooMany);
        }
        let bytes = self.given.iter().filter_map(Given::pattern).map(Pattern::size).fold(0, usize::saturating_add);
        if bytes > MAX_PATTERN_BYTES { Err(InvalidSelector::TooLarge) } else { Ok(()) }
    }

    /// Whether it matches this topic.
    pub fn matches(&self, topic: &str) -> bool {
        self.lists(topic) || (self.has_patterns && self.matches_by_pattern(topic))
    }

    fn matches_by_pattern(&self, topic: &str) -> bool {
        let topic = Parsed::new(topic);
        self.patterns().any(|pattern| pattern.matches(&topic))
    }

    /// Whether it matches one of these topics.
    pub fn matches_any(&self, topics: impl IntoIterator<Item = impl AsRef<str>>) -> bool {
        topics.into_iter().any(|topic| self.matches(topic.as_ref()))
    }

    /// Whether it matches this topic, byte for byte, or all.
    pub(crate) fn lists(&self, topic: &str) -> bool {
        self.all || self.topics.binary_search_by(|listed| (**listed).cmp(topic)).is_ok()
    }

    /// Whether it matches every topic.
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Whether it matches none.
    pub fn is_empty(&self) -> bool {
        !self.all && self.given.is_empty()
    }

    /// Whether it may match topics that it does not list: all, or those that a pattern matches.
    pub(crate) fn is_open(&self) -> bool {
        self.all || self.has_patterns
    }

    /// The topics that it lists, in the order of their names, or `*`.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        let listed = if self.all { &[][..] } else { &self.topics };
        self.all.then_some(ALL).into_iter().chain(listed.iter().map(|topic| &**topic))
    }

    /// The topics to ask the log for: those that it lists, or `*` where it may match others too.
    pub(crate) fn asked(&self) -> impl Iterator<Item = Rc<str>> {
        let listed = if self.is_open() { &[][..] } else { &self.topics };
        self.is_open().then(|| Rc::from(ALL)).into_iter().chain(listed.iter().cloned())
    }

    /// Its patterns; none where it matches every topic anyway.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let tried = if self.all { &[][..] } else { &self.given };
        tried.iter().filter_map(Given::pattern)
    }

    /// The same, to put equal patterns in their place.
    pub(crate) fn patterns_mut(&mut self) -> impl Iterator<Item = &mut Pattern> {
        let tried = if self.all || !self.has_patterns { &mut [][..] } else { &mut self.given };
        tried.iter_mut().filter_map(|given| if let Given::Pattern(pattern) = given { Some(pattern) } else { None })
    }

    /// The matchers that make it, in the order in which they were given, each once.
    pub(crate) fn matchers(&self) -> impl Iterator<Item = (MatchType, &str)> {
        let all = (self.all && self.given.is_empty()).then_some((MatchType::Exact, ALL));
        all.into_iter().chain(self.given.iter().map(|given| match given {
            Given::All(kind) => (*kind, ALL),
            Given::Topic(topic) => (MatchType::Exact, &**topic),
            Given::Pattern(pattern) => (MatchType::Pattern(pattern.kind()), pattern.text()),
        }))
    }
}

fn pattern(kind: Kind, text: &str, base: Option<&Base>) -> Result<Pattern, InvalidSelector> {
    let base = base.cloned().or_else(|| Base::configured(None));
    let base = base.ok_or(InvalidPattern("a pattern needs the hub's URL: set hub_url"));
    base.and_then(|base| Pattern::parse(kind, text, &base)).map_err(InvalidSelector::Pattern)
}

impl Given {
    fn pattern(&self) -> Option<&Pattern> {
        if let Given::Pattern(pattern) = self { Some(pattern) } else { None }
    }
}

/// Two selectors are equal if they match the same topics by the same matchers, in whatever order.
impl PartialEq for Selector {
    fn eq(&self, other: &Selector) -> bool {
        let has_all_of = |other: &Selector| other.given.iter().all(|given| self.given.contains(given));
        self.all == other.all && (self.all || (self.given.len() == other.given.len() && has_all_of(other)))
    }
}

impl Eq for Selector {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::invalid_selector::MAX_PATTERN_BYTES;

    #[track_caller]
    fn selector(topics: &[&str]) -> Selector {
        Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap()
    }

    fn of(matchers: &[Matcher]) -> Result<Selector, InvalidSelector> {
        Selector::of(matchers.iter().cloned(), Base::parse("https://hub.example/.well-known/mercure").as_ref())
    }

    fn exact(text: &str) -> Matcher {
        Matcher::Exact(text.to_owned())
    }

    fn pattern(text: &str) -> Matcher {
        Matcher::UrlPattern(text.to_owned())
    }

    fn template(text: &str) -> Matcher {
        Matcher::UriTemplate(text.to_owned())
    }

    #[track_caller]
    fn matches(matchers: &[Matcher], topics: &[&str]) {
        let selector = of(matchers).unwrap();
        for topic in topics {
            assert!(selector.matches(topic), "{matchers:?} {topic}");
        }
    }

    #[track_caller]
    fn misses(matchers: &[Matcher], topics: &[&str]) {
        let selector = of(matchers).unwrap();
        for topic in topics {
            assert!(!selector.matches(topic), "{matchers:?} {topic}");
        }
    }

    #[test]
    fn a_selector_matches_what_it_lists_byte_for_byte() {
        let some = selector(&["b", "a", "é", "b"]);
        for topic in ["a", "b", "é"] {
            assert!(some.matches(topic), "{topic}");
        }
        for topic in ["", "A", "c", "ab", "e\u{301}", "*", "a "] {
            assert!(!some.matches(topic), "{topic}");
        }
        assert_eq!(some.topics().collect::<Vec<_>>(), ["a", "b", "é"]);
        assert!(some.matches_any(["x", "a"]) && !some.matches_any(["x", "y"]) && !some.matches_any([""; 0]));
        assert!(!some.is_all() && !some.is_empty() && !some.is_open());
    }

    #[test]
    fn a_star_matches_every_topic_whatever_its_kind() {
        let all = selector(&["a", "*", "b"]);
        assert_eq!(all, Selector::ALL);
        assert!(all.matches("anything") && all.is_all() && !all.is_empty());
        assert_eq!(all.topics().collect::<Vec<_>>(), ["*"]);
        assert!(!selector(&["**"]).is_all());
        for star in [exact("*"), pattern("*"), template("*")] {
            assert_eq!(of(&[exact("a"), star]).unwrap(), Selector::ALL);
        }
    }

    #[test]
    fn a_pattern_matches_by_the_rules_of_its_kind() {
        matches(&[pattern("/books/:id")], &["/books/1", "https://hub.example/books/1"]);
        misses(&[pattern("/books/:id")], &["/books/1/2", "https://other.example/books/1", "/books/:id/x", "http://["]);
        matches(&[template("https://example.com/{id}")], &["https://example.com/1", "https://example.com/{id}"]);
        misses(&[template("https://example.com/{id}")], &["https://example.com/1/2"]);
        misses(&[exact("/books/:id"), exact("{id}")], &["/books/1", "1"]);
        matches(&[exact("a"), pattern("/books/:id"), template("urn:{id}")], &["a", "/books/1", "urn:7"]);
        let Err(InvalidSelector::Pattern(reason)) = of(&[pattern("/(a")]) else { panic!("no pattern") };
        assert!(reason.to_string().contains("pattern"), "{reason}");
    }

    #[test]
    fn a_selector_with_patterns_asks_the_log_for_everything() {
        for (matchers, asked) in [
            (&[exact("b"), exact("a")][..], &["a", "b"][..]),
            (&[exact("a"), pattern("/:id")], &["*"]),
            (&[template("{id}")], &["*"]),
            (&[exact("a"), pattern("*")], &["*"]),
            (&[], &[]),
        ] {
            let selector = of(matchers).unwrap();
            assert_eq!(
                selector.asked().collect::<Vec<_>>(),
                asked.iter().map(|topic| Rc::from(*topic)).collect::<Vec<_>>()
            );
            assert_eq!(selector.is_open(), asked == ["*"]);
        }
    }

    #[test]
    fn the_matchers_are_told_in_the_order_in_which_they_were_given_each_once() {
        let given =
            [template("{b}"), exact("b"), pattern("/:id"), exact("a"), exact("b"), pattern("/:id"), pattern("*")];
        let selector = of(&given).unwrap();
        let told: Vec<_> = selector.matchers().map(|(kind, text)| (kind.name(), text)).collect();
        let expected =
            [("uritemplate", "{b}"), ("exact", "b"), ("urlpattern", "/:id"), ("exact", "a"), ("urlpattern", "*")];
        assert_eq!(told, expected);
        assert_eq!(
            Selector::ALL.matchers().map(|(kind, text)| (kind.name(), text)).collect::<Vec<_>>(),
            [("exact", "*")]
        );
    }

    #[test]
    fn the_patterns_of_a_selector_hold_at_most_32_kib() {
        let long = |number: usize| pattern(&format!("/{number}/{}", "x".repeat(1_000)));
        let many = |count: usize| (0..count).map(long).collect::<Vec<_>>();
        assert_eq!(of(&many(100)), Err(InvalidSelector::TooLarge));
        let some = of(&many(10)).unwrap();
        let bytes = some.patterns().map(Pattern::size).sum::<usize>();
        assert!((10_000..=MAX_PATTERN_BYTES).contains(&bytes), "{bytes}");
        let usual: Vec<_> =
            (0..100).map(|number| pattern(&format!("https://example.com/{number}/:kind/:id"))).collect();
        assert!(of(&usual).is_ok());
    }

    #[test]
    fn a_selector_of_a_component_may_have_patterns() {
        let selector = selector(&["a"]).and_matching(["/books/:id".to_owned()]).unwrap();
        assert!(selector.matches("a") && selector.matches("/books/1") && !selector.matches("/books/1/2"));
        let Err(InvalidSelector::Pattern(_)) = selector.and_matching(["/(".to_owned()]) else { panic!("no pattern") };
        let many = (0..101).map(|number| format!("/{number}/:id"));
        assert_eq!(Selector::none().and_matching(many), Err(InvalidSelector::TooMany));
    }

    #[test]
    fn selectors_add_up_to_what_one_may_be() {
        let mut selector = of(&[exact("a"), pattern("/:id")]).unwrap();
        selector.extend(&of(&[exact("b"), pattern("/:id")]).unwrap()).unwrap();
        assert_eq!(selector, of(&[exact("a"), exact("b"), pattern("/:id")]).unwrap());
        let many: Vec<_> = (0..98).map(|number| exact(&number.to_string())).collect();
        assert_eq!(selector.extend(&of(&many).unwrap()), Err(InvalidSelector::TooMany));
        let mut all = Selector::none();
        all.extend(&Selector::ALL).unwrap();
        assert_eq!(all, Selector::ALL);
    }

    #[test]
    fn an_empty_list_matches_none() {
        assert_eq!(selector(&[]), Selector::none());
        assert!(Selector::none().is_empty() && !Selector::none().matches("a") && !Selector::none().is_all());
    }

    #[test]
    fn a_list_has_at_most_100_topics_that_can_be_topics() {
        let list = |length: usize| (0..length).map(|number| number.to_string());
        assert!(Selector::new(list(100)).is_ok());
        assert_eq!(Selector::new(list(101)), Err(InvalidSelector::TooMany));
        for text in ["", "a\u{7F}", "\u{FEFF}a", &"a".repeat(1_025)] {
            for matcher in [exact(text), pattern(text), template(text)] {
                let Err(InvalidSelector::Text(_)) = of(&[exact("a"), matcher]) else { panic!("{text:?}") };
            }
        }
        assert!(Selector::new(["mercure".to_owned()]).is_ok());
    }
}
