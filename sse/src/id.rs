//! The id of an event: what a client that reconnects sends as `Last-Event-ID`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::digits::Digits;

/// An event's id: text without NUL, CR or LF.
///
/// An empty id is valid: it resets the client's last event id, so that its next connection sends none.
///
/// [`Id::new`] takes any text and may refuse it. [`Id::from_static`] takes a literal, which the compiler checks.
/// `Id::from` takes an integer, which is always valid and is not allocated:
///
/// ```
/// use spin_sse::Id;
///
/// const GREETING: Id = Id::from_static("greeting");
/// assert_eq!(GREETING.as_str(), "greeting");
/// assert_eq!(Id::from(1_700_000_000_u64), Id::new("1700000000")?);
/// assert!(Id::new("two\nlines").is_err());
/// # Ok::<(), spin_sse::InvalidId>(())
/// ```
///
/// A NUL is refused because a client ignores a field with a NUL: "If the field value does not contain U+0000 NULL, then
/// set the last event ID buffer to the field value." (HTML, "Interpreting an event stream")
#[derive(Clone)]
pub struct Id<'a>(Repr<'a>);

#[derive(Clone)]
enum Repr<'a> {
    Text(Cow<'a, str>),
    Number(Digits),
}

impl<'a> Id<'a> {
    /// An id from any text.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] when `text` contains NUL, CR or LF.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Id<'a>, InvalidId> {
        let text = text.into();
        if is_valid(text.as_bytes()) { Ok(Id(Repr::Text(text))) } else { Err(InvalidId) }
    }

    /// The id, as it goes on the wire.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Text(text) => text,
            Repr::Number(digits) => digits.as_str(),
        }
    }

    /// The same id, which borrows nothing.
    pub fn into_owned(self) -> Id<'static> {
        Id(match self.0 {
            Repr::Text(text) => Repr::Text(Cow::Owned(text.into_owned())),
            Repr::Number(digits) => Repr::Number(digits),
        })
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Text(text) => text.as_bytes(),
            Repr::Number(digits) => digits.as_bytes(),
        }
    }
}

impl Id<'static> {
    /// An id from a literal, for constants: `const START: Id = Id::from_static("start");`
    ///
    /// # Panics
    ///
    /// When `text` contains NUL, CR or LF. In a constant this is a compile error.
    ///
    /// ```compile_fail
    /// # use spin_sse::Id;
    /// const WRONG: Id = Id::from_static("two\nlines");
    /// # let _ = WRONG;
    /// ```
    pub const fn from_static(text: &'static str) -> Id<'static> {
        assert!(is_valid(text.as_bytes()), "an event id cannot contain NUL, CR or LF");
        Id(Repr::Text(Cow::Borrowed(text)))
    }
}

#[inline]
const fn is_valid(mut text: &[u8]) -> bool {
    while let [first, rest @ ..] = text {
        if matches!(first, b'\0' | b'\r' | b'\n') {
            return false;
        }
        text = rest;
    }
    true
}

macro_rules! from_integers {
    ($($small:ty),+ => $wide:ty) => {$(
        impl From<$small> for Id<'_> {
            #[inline]
            fn from(number: $small) -> Self {
                Id(Repr::Number(Digits::from(<$wide>::from(number))))
            }
        }
    )+};
}

from_integers!(u8, u16, u32, u64 => u64);
from_integers!(i8, i16, i32, i64 => i64);

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Id<'_>) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Id<'_> {}

impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Id").field(&self.as_str()).finish()
    }
}

/// The text cannot be an event's [`Id`]: it contains NUL, CR or LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event id cannot contain NUL, CR or LF")
    }
}

impl Error for InvalidId {}
