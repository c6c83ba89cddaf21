//! The name of an event: what a page listens for.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// An event's name, the `event` field on the wire: text without CR or LF.
///
/// The name is the type under which a page receives the event: `source.addEventListener("timestamp", ...)`. An event
/// without a name, or with an empty name, has the type `message`. Avoid `open` and `error`: `EventSource` itself fires
/// events of these types, and a page could not distinguish them.
///
/// [`Name::new`] takes any text and may refuse it. [`Name::from_static`] takes a literal, which the compiler checks:
///
/// ```
/// use spin_sse::Name;
///
/// const TIMESTAMP: Name = Name::from_static("timestamp");
/// assert_eq!(TIMESTAMP, Name::new(String::from("timestamp"))?);
/// assert!(Name::new("two\nlines").is_err());
/// # Ok::<(), spin_sse::InvalidName>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name<'a>(Cow<'a, str>);

impl<'a> Name<'a> {
    /// A name from any text.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when `text` contains CR or LF.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Name<'a>, InvalidName> {
        let text = text.into();
        if is_valid(text.as_bytes()) { Ok(Name(text)) } else { Err(InvalidName) }
    }

    /// The name, as it goes on the wire.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same name, which borrows nothing.
    pub fn into_owned(self) -> Name<'static> {
        Name(Cow::Owned(self.0.into_owned()))
    }
}

impl Name<'static> {
    /// A name from a literal, for constants: `const TICK: Name = Name::from_static("tick");`
    ///
    /// # Panics
    ///
    /// When `text` contains CR or LF. In a constant this is a compile error.
    ///
    /// ```compile_fail
    /// # use spin_sse::Name;
    /// const WRONG: Name = Name::from_static("two\nlines");
    /// # let _ = WRONG;
    /// ```
    pub const fn from_static(text: &'static str) -> Name<'static> {
        assert!(is_valid(text.as_bytes()), "an event name cannot contain CR or LF");
        Name(Cow::Borrowed(text))
    }
}

#[inline]
const fn is_valid(mut text: &[u8]) -> bool {
    while let [first, rest @ ..] = text {
        if matches!(first, b'\r' | b'\n') {
            return false;
        }
        text = rest;
    }
    true
}

/// For a literal, as in `event.name("timestamp")`. A conversion cannot refuse, so each CR and LF becomes a space. For
/// text that is not a literal there is [`Name::new`].
impl From<&'static str> for Name<'_> {
    #[inline]
    fn from(text: &'static str) -> Self {
        match Name::new(text) {
            Ok(name) => name,
            Err(InvalidName) => Name(Cow::Owned(text.replace(['\r', '\n'], " "))),
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&self.0).finish()
    }
}

/// The text cannot be an event's [`Name`]: it contains CR or LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidName;

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event name cannot contain CR or LF")
    }
}

impl Error for InvalidName {}
