//! What a component subscribes a client to.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::topic::selector::{InvalidSelector, Selector};

/// What a component lets a client follow: topics that the component chose, whatever the client's query says.
///
/// ```
/// use spin_sse_hub::Subscription;
///
/// let subscription = Subscription::new(["chat/7"])?.from_start().existing();
/// # Ok::<(), spin_sse_hub::InvalidSelector>(())
/// ```
#[derive(Debug, Clone)]
pub struct Subscription {
    pub(crate) selector: Selector,
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
        let selector = Selector::new(topics.into_iter().map(Into::into))?;
        if selector.is_empty() {
            return Err(InvalidSelector::Empty);
        }
        Ok(Subscription {
            selector,
            from_start: false,
            existing: false,
            unended: false,
            quiet: false,
            headers: HeaderMap::new(),
        })
    }

    /// A client without a last event id gets all that is kept, and not only what is published from now on.
    pub fn from_start(self) -> Subscription {
        Subscription { from_start: true, ..self }
    }

    /// The client is answered 204 while the log has no update on any of the topics. An `EventSource` that is answered
    /// 204 does not come back.
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
        assert_eq!(Subscription::new(["b", "a"]).unwrap().selector.topics().collect::<Vec<_>>(), ["a", "b"]);
        assert!(Subscription::new(["*"]).unwrap().selector.is_all());
        assert!(Subscription::new(topics(100)).is_ok());
        assert_eq!(Subscription::new(topics(101)).unwrap_err(), InvalidSelector::TooMany);
        assert_eq!(Subscription::new(topics(0)).unwrap_err(), InvalidSelector::Empty);
        assert!(matches!(Subscription::new([""]).unwrap_err(), InvalidSelector::Text(_)));
    }
}
