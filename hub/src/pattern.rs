//! Patterns: topic matchers that are more than a text to compare with.
//!
//! # Languages
//!
//! * **URL Patterns**, the [Living Standard](https://urlpattern.spec.whatwg.org/) as Mercure has it ("URL Pattern"):
//!   the boolean test, case-sensitive. A pattern is the text of the standard's constructor, as in
//!   `https://example.com/books/:id`, `/chat/*`, `urn\:isbn\:*`. It has named groups, wildcards, `{ }` with `?`, `*`
//!   and `+`, and groups with regular expressions. One without a scheme is relative to the hub's URL, and so is such a
//!   topic. A topic that the [URL Standard](https://url.spec.whatwg.org/) cannot parse matches no pattern.
//! * **URI Templates** ([RFC 6570](https://www.rfc-editor.org/rfc/rfc6570), all levels), as hubs before 1.0 match them,
//!   which compare the topic as it is. A text that is no template matches itself only.
//!
//! # Where it is not the standard
//!
//! * Regular expressions are those of ECMAScript with the flag v, in linear time: looking around, back-references,
//!   flags of a part (`(?i:a)`), `\q{}` and `\p{}` are refused. The components of a URL are ASCII: other characters
//!   match none.
//! * A domain that is not ASCII takes Unicode's tables. A pattern with one is refused, a topic with one matches none:
//!   both write it as DNS has it, `xn--bcher-kva.example`.
//! * A pattern with a scheme has no base: in the standard the path of `urn\:x` would be looked for in the base's
//!   folder.
//! * A port is left out where it is the default one of the pattern's own scheme, not that of `https`, as browsers do.
//! * Which characters that are not ASCII belong to the name of a group is decided by `char::is_alphanumeric`.
//!
//! # Limits
//!
//! A pattern has at most 1,024 bytes, its program 2,048 with 256 choices, and groups are at most 32 deep. What is over
//! is refused by a sentence. Matching takes at most about the length of the program times that of the topic in steps:
//! 2,048 times 3,072 at worst, and most often the length of the text that both begin with.
//!
//! # How
//!
//! Both languages become one small program (`program`), which `run` runs all ways at once. A topic becomes one text of
//! its eight components, with a line break after each: so a pattern is one program, whose literals are its bytes.

pub(crate) mod url;

pub(crate) mod base;
pub(crate) mod invalid;

#[cfg(feature = "patterns")]
pub(crate) mod program;
#[cfg(feature = "patterns")]
pub(crate) mod run;

#[cfg(feature = "patterns")]
pub(crate) mod builder;

#[cfg(feature = "patterns")]
pub(crate) mod regexp;

#[cfg(feature = "patterns")]
pub(crate) mod template;
#[cfg(feature = "patterns")]
pub(crate) mod urlpattern;

#[cfg(not(feature = "patterns"))]
pub(crate) mod without;

#[allow(clippy::module_inception, reason = "the room is named after its first type")]
pub(crate) mod pattern;

pub(crate) use base::Base;
pub use invalid::InvalidPattern;
pub(crate) use pattern::{Kind, Parsed, Pattern};

#[cfg(test)]
mod tests;
