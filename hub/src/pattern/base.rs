//! The hub's URL, against which relative patterns and topics are resolved.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::pattern::url::{self, Url};

/// A hub's URL. A clone shares it.
#[derive(Clone, Debug)]
pub struct Base(Rc<Url>);

impl Base {
    /// The URL of a hub, if the text is one of the schemes `http` and `https` whose host is ASCII.
    pub fn parse(text: &str) -> Option<Base> {
        let url = url::parse(text, None)?;
        let is_hub = ["http", "https"].contains(&url.scheme.as_str()) && url.host.is_ascii();
        is_hub.then(|| Base(Rc::new(url)))
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl PartialEq for Base {
    fn eq(&self, other: &Base) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Base {}

impl Hash for Base {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.host.hash(state);
        self.0.path.hash(state);
    }
}
