//! A pattern, and a topic that it is tried on.

use std::cell::OnceCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::pattern::base::Base;
use crate::pattern::invalid::InvalidPattern;
#[cfg(feature = "patterns")]
use crate::pattern::program::Program;
#[cfg(feature = "patterns")]
use crate::pattern::template::compile as template;
use crate::pattern::url;
#[cfg(feature = "patterns")]
use crate::pattern::urlpattern::{compile as url_pattern, components};
#[cfg(not(feature = "patterns"))]
use crate::pattern::without::{Program, components, template, url_pattern};

/// How long the text of a pattern is at most, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 1_024;

/// Which language a pattern is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The URL Pattern Living Standard.
    UrlPattern,
    /// A URI Template (RFC 6570), as hubs before 1.0 match them.
    UriTemplate,
}

/// A compiled pattern. A clone shares it.
#[derive(Clone)]
pub struct Pattern(Rc<Compiled>);

struct Compiled {
    kind: Kind,
    text: Box<str>,
    base: Base,
    /// None for a text that matches itself only.
    program: Option<Program>,
}

impl Pattern {
    /// The pattern that a text is. One that is relative is so to `base`.
    ///
    /// A text that is no URI Template is one all the same: it matches itself.
    ///
    /// # Errors
    ///
    /// When it is not valid, or would need too much memory or time.
    pub fn parse(kind: Kind, text: &str, base: &Base) -> Result<Pattern, InvalidPattern> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(InvalidPattern("the pattern is longer than 1024 bytes: shorten it"));
        }
        let program = match kind {
            Kind::UrlPattern => Some(url_pattern(text, base.url())?),
            Kind::UriTemplate => template(text)?,
        };
        Ok(Pattern(Rc::new(Compiled { kind, text: text.into(), base: base.clone(), program })))
    }

    /// Which language it is in.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// About how many bytes it holds, itself included. Its clones and its base are shared.
    pub fn size(&self) -> usize {
        // Two counters, a pointer to them, and what an allocator needs for each of four blocks.
        const OVERHEAD: usize = size_of::<Compiled>() + 11 * size_of::<usize>();
        let program = self.0.program.as_ref().map_or(0, Program::size);
        self.text().len().saturating_add(program).saturating_add(OVERHEAD)
    }

    /// Whether it matches a topic. The time is at most in proportion to the length of the topic times that of the
    /// pattern.
    pub fn matches(&self, topic: &Parsed<'_>) -> bool {
        self.run(topic, |program, text| program.matches(text))
    }

    /// Whether it matches a topic, and how many steps that took.
    #[cfg(all(feature = "patterns", any(test, fuzzing)))]
    pub fn steps(&self, topic: &Parsed<'_>) -> (bool, usize) {
        let steps = std::cell::Cell::new(0);
        let matches = self.run(topic, |program, text| program.run(text, || steps.set(steps.get() + 1)));
        (matches, steps.get())
    }

    fn run(&self, topic: &Parsed<'_>, run: impl Fn(&Program, &[u8]) -> bool) -> bool {
        let run = |text: &str| self.0.program.as_ref().is_some_and(|program| run(program, text.as_bytes()));
        match self.kind() {
            Kind::UriTemplate => topic.text == self.text() || run(topic.text),
            Kind::UrlPattern => topic.against(&self.0.base, |components| components.is_some_and(run)),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
            || (self.kind() == other.kind() && self.text() == other.text() && self.0.base == other.0.base)
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind(), self.text(), &self.0.base).hash(state);
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.kind()).field(&self.text()).finish()
    }
}

/// A topic. It is parsed once for all patterns of a base, if there are at most two: that of tokens, and that of
/// queries. For templates it is not parsed at all.
#[derive(Debug)]
pub struct Parsed<'t> {
    text: &'t str,
    /// Its components, and what it was resolved against. `None`: it is no URL.
    components: [OnceCell<(Base, Option<String>)>; 2],
}

impl<'t> Parsed<'t> {
    /// A topic that is parsed as soon as that is needed.
    pub fn new(topic: &'t str) -> Parsed<'t> {
        Parsed { text: topic, components: Default::default() }
    }

    /// Tells its components, if it is a URL when resolved against `base`.
    fn against<R>(&self, base: &Base, tell: impl FnOnce(Option<&str>) -> R) -> R {
        let parse = || url::parse(self.text, Some(base.url())).as_ref().and_then(components);
        for components in &self.components {
            let (parsed, parts) = components.get_or_init(|| (base.clone(), parse()));
            if parsed == base {
                return tell(parts.as_deref());
            }
        }
        tell(parse().as_deref())
    }
}
