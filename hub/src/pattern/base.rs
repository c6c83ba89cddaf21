//! The hub's URL, against which relative patterns and topics are resolved.

use std::rc::Rc;

/// A hub's URL. A clone shares it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Base(Rc<str>);

impl Base {
    /// The URL of a hub, if the text is one with a host.
    pub(crate) fn parse(url: &str) -> Option<Base> {
        url.contains("://").then(|| Base(url.into()))
    }
}
