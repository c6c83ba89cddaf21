//! Which sessions follow which topic, and which topics the log was told of.
//!
//! What is published wakes only the sessions that follow its topics. The index leads to them by the topic's key.

use std::collections::HashMap;
use std::mem::take;
use std::rc::Rc;

use crate::fanout::action::SessionId;
use crate::topic::key::key;
use crate::topic::selector::Selector;
use crate::topic::topic::ALL;

/// The topics that an instance follows. `*` is one of them, for sessions that follow every topic.
#[derive(Debug, Default)]
pub(crate) struct Interests {
    /// By key. Topics that share a key share an entry, and wake each other's sessions.
    followed: HashMap<u64, Followed>,
    /// The keys of which the log was not told.
    added: Vec<u64>,
    /// The topics that the log was told of, and that nobody follows any more.
    removed: Vec<Rc<str>>,
}

#[derive(Debug, Default)]
struct Followed {
    /// One, but for topics that share a key.
    topics: Vec<Rc<str>>,
    sessions: Vec<SessionId>,
    /// The log tells this instance of what is published.
    registered: bool,
}

/// What the log must be told.
#[derive(Debug)]
pub(crate) struct Changes {
    /// The keys of the topics that are new.
    pub(crate) keys: Vec<u64>,
    /// Their names.
    pub(crate) added: Vec<Rc<str>>,
    /// The topics that nobody follows any more.
    pub(crate) removed: Vec<Rc<str>>,
}

impl Interests {
    /// A session follows what `selector` matches. Returns the topics, `*` for all.
    pub(crate) fn add(&mut self, session: SessionId, selector: &Selector) -> Vec<Rc<str>> {
        let mut names = Vec::new();
        for topic in selector.topics() {
            let key = key(topic);
            let followed = self.followed.entry(key).or_default();
            let name = followed.topics.iter().find(|name| &***name == topic).cloned().unwrap_or_else(|| {
                let name: Rc<str> = Rc::from(topic);
                followed.topics.push(Rc::clone(&name));
                followed.registered = false;
                self.added.push(key);
                name
            });
            if followed.sessions.last() != Some(&session) {
                followed.sessions.push(session);
            }
            names.push(name);
        }
        names
    }

    /// A session that followed these topics has ended.
    pub(crate) fn remove(&mut self, session: SessionId, topics: &[Rc<str>]) {
        for topic in topics {
            let key = key(topic);
            let Some(followed) = self.followed.get_mut(&key) else { continue };
            followed.sessions.retain(|other| *other != session);
            if followed.sessions.is_empty()
                && let Some(followed) = self.followed.remove(&key)
            {
                self.added.retain(|added| *added != key);
                self.removed.extend(followed.topics);
            }
        }
    }

    /// The sessions that may hear an update on the topic with this key. A session may be named twice.
    pub(crate) fn sessions(&self, topic: u64) -> impl Iterator<Item = SessionId> {
        let keys = [Some(topic), Some(key(ALL)).filter(|all| *all != topic)];
        keys.into_iter()
            .flatten()
            .filter_map(|key| self.followed.get(&key))
            .flat_map(|followed| &followed.sessions)
            .copied()
    }

    /// Whether the log tells this instance of every update on these topics.
    pub(crate) fn are_registered(&self, selector: &Selector) -> bool {
        let registered = |topic: &str| self.followed.get(&key(topic)).is_some_and(|followed| followed.registered);
        registered(ALL) || selector.topics().all(registered)
    }

    /// Whether the log has not been told of a topic.
    pub(crate) fn has_new(&self) -> bool {
        !self.added.is_empty()
    }

    /// Takes what the log has not been told.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let keys = take(&mut self.added);
        let added = keys.iter().filter_map(|key| self.followed.get(key)).flat_map(|followed| &followed.topics).cloned();
        let added: Vec<_> = added.collect();
        let mut removed = take(&mut self.removed);
        // It may be followed again.
        removed.retain(|topic| !self.followed.contains_key(&key(topic)));
        Changes { keys, added, removed }
    }

    /// The log was told of the topics with these keys. Returns the sessions that follow them.
    pub(crate) fn set_registered(&mut self, keys: &[u64]) -> Vec<SessionId> {
        let mut sessions = Vec::new();
        for key in keys {
            // A topic with the same key may have come since.
            if let Some(followed) = self.followed.get_mut(key).filter(|_| !self.added.contains(key)) {
                followed.registered = true;
                sessions.extend_from_slice(&followed.sessions);
            }
        }
        sessions
    }

    /// The log could not be told of changes.
    pub(crate) fn put_back(&mut self, changes: Changes) {
        self.added.extend(changes.keys);
        self.removed.extend(changes.removed);
    }

    /// The log has forgotten this instance, but for the topics with these keys: it must be told of the others again.
    pub(crate) fn forget_all_but(&mut self, keys: &[u64]) {
        for (key, followed) in &mut self.followed {
            if followed.registered && !keys.contains(key) {
                followed.registered = false;
                self.added.push(*key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(topics: &[&str]) -> Selector {
        Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap()
    }

    fn sessions(interests: &Interests, topic: &str) -> Vec<SessionId> {
        interests.sessions(key(topic)).collect()
    }

    #[test]
    fn an_update_leads_to_those_who_follow_its_topic_or_all() {
        let mut interests = Interests::default();
        let topics = interests.add(1, &selector(&["a", "b"]));
        interests.add(2, &selector(&["b"]));
        interests.add(3, &selector(&["*"]));
        assert_eq!(sessions(&interests, "a"), [1, 3]);
        assert_eq!(sessions(&interests, "b"), [1, 2, 3]);
        assert_eq!(sessions(&interests, "c"), [3]);
        interests.remove(1, &topics);
        assert_eq!(sessions(&interests, "a"), [3]);
        assert_eq!(sessions(&interests, "b"), [2, 3]);
    }

    #[test]
    fn the_log_is_told_of_each_topic_once_and_of_those_that_nobody_follows() {
        let mut interests = Interests::default();
        let topics = interests.add(1, &selector(&["a"]));
        interests.add(2, &selector(&["a"]));
        assert!(interests.has_new() && !interests.are_registered(&selector(&["a"])));
        let Changes { keys, added, removed } = interests.take_changes();
        assert_eq!((added.len(), removed.len(), interests.has_new()), (1, 0, false));
        assert_eq!(interests.set_registered(&keys), [1, 2]);
        assert!(interests.are_registered(&selector(&["a"])) && !interests.are_registered(&selector(&["a", "b"])));
        interests.remove(1, &topics);
        interests.remove(2, &topics);
        let Changes { added, removed, .. } = interests.take_changes();
        assert_eq!((added.len(), removed), (0, topics));
    }

    #[test]
    fn a_topic_that_is_followed_again_is_not_removed() {
        let mut interests = Interests::default();
        let topics = interests.add(1, &selector(&["a"]));
        let Changes { keys, .. } = interests.take_changes();
        interests.set_registered(&keys);
        interests.remove(1, &topics);
        interests.add(2, &selector(&["a"]));
        let Changes { keys, added, removed } = interests.take_changes();
        assert_eq!((keys.len(), added.len(), removed.len()), (1, 1, 0));
    }

    #[test]
    fn a_log_that_forgot_the_instance_is_told_of_all_topics_again() {
        let mut interests = Interests::default();
        interests.add(1, &selector(&["a"]));
        let Changes { keys, .. } = interests.take_changes();
        interests.set_registered(&keys);
        interests.add(2, &selector(&["b"]));
        let Changes { keys, .. } = interests.take_changes();
        interests.set_registered(&keys);
        interests.forget_all_but(&keys);
        let Changes { added, .. } = interests.take_changes();
        assert_eq!(added, [Rc::from("a")]);
    }

    #[test]
    fn who_follows_all_needs_no_topic_of_its_own_to_be_registered() {
        let mut interests = Interests::default();
        interests.add(1, &selector(&["*"]));
        let Changes { keys, .. } = interests.take_changes();
        interests.set_registered(&keys);
        assert!(interests.are_registered(&selector(&["a"])));
    }
}
