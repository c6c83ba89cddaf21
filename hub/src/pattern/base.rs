//! The hub's URL, against which relative patterns and topics are resolved.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::pattern::url::{self, Url};

/// Stands for the hub's URL where that is not known. Nothing else has this host (RFC 6761, section 6.4).
const UNKNOWN: &str = "http://hub.invalid/.well-known/mercure";

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

    /// The URL of a hub, for what its tokens and its component allow: that of its configuration. Where it has none,
    /// what is relative matches what is relative, and no URL. No request tells it: who sends one chooses the host.
    pub(crate) fn configured(hub_url: Option<&str>) -> Option<Base> {
        Base::parse(hub_url.unwrap_or(UNKNOWN))
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
