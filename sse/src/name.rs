//! The name of an event: what a page listens for.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// An event's name, the `event` field on the wire: text without CR or LF.
///
/// It is the type under which a page receives the event: `source.addEventListener("timestamp", ...)`. Without a name, and
/// with an empty one, that is `message`. Avoid `open` and `error`: a page could not tell them from the events that
/// `EventSource` itself fires.
///
/// There is one door for data, which may refuse, and one for literals, checked when they are compiled:
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
    /// A name from data.
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

    /// The same name, borrowing nothing.
    pub fn into_owned(self) -> Name<'static> {
        Name(Cow::Owned(self.0.into_owned()))
    }
}

impl Name<'static> {
    /// A name from a literal, for constants: `const TICK: Name = Name::from_static("tick");`
    ///
    /// # Panics
    ///
    /// When `text` contains CR or LF; in a constant that is an error of the compiler.
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

/// For a literal in place, as in `event.name("timestamp")`. A conversion cannot refuse, so each CR and LF becomes a space;
/// text that is not a literal goes through [`Name::new`].
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
