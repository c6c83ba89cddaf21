//! Which sessions follow which topic, and which topics the log was told of.
//!
//! What is published wakes only the sessions that follow its topics. The index leads to them by the topic's key.

use std::collections::HashMap;
use std::mem::{replace, take};
use std::rc::Rc;

use crate::fanout::action::SessionId;
use crate::log::{Ended, Interest};
use crate::topic::key::key;
use crate::topic::selector::Selector;
use crate::topic::topic::ALL;

/// How many bytes of new topics, and of others that nobody follows any more, go to the log at once, about: it gets them
/// as one text, of which there are copies on the way.
const AT_ONCE: usize = 512 * 1024;

/// The topics that an instance follows. `*` is one of them, for sessions that follow every topic.
#[derive(Debug, Default)]
pub(crate) struct Interests {
    /// By key. Topics that share a key share an entry, and wake each other's sessions.
    followed: HashMap<u64, Followed>,
    /// The keys of which the log was not told.
    added: Vec<u64>,
    /// The topics that the log was told of, and that nobody follows any more.
    removed: Vec<Rc<str>>,
    /// How many of the topics are known to have ended.
    ended: usize,
}

#[derive(Debug, Default)]
struct Followed {
    /// One, but for topics that share a key.
    topics: Vec<Rc<str>>,
    sessions: Vec<SessionId>,
    /// The log tells this instance of what is published.
    registered: bool,
    /// Its key is among those that the log was not told of.
    is_new: bool,
    /// Those of the topics that have ended, with the sequence of their last update.
    ended: Ended,
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
    /// A session follows what `selector` matches. Returns the topics that the log is asked for: `*` for all, and for
    /// patterns, which no index leads to.
    pub(crate) fn add(&mut self, session: SessionId, selector: &Selector) -> Vec<Rc<str>> {
        let mut names = Vec::new();
        for topic in selector.asked() {
            let key = key(&topic);
            let followed = self.followed.entry(key).or_default();
            let name = followed.topics.iter().find(|name| **name == topic).cloned().unwrap_or_else(|| {
                followed.topics.push(Rc::clone(&topic));
                followed.registered = false;
                if !replace(&mut followed.is_new, true) {
                    self.added.push(key);
                }
                topic
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
                if followed.is_new {
                    self.added.retain(|added| *added != key);
                }
                self.ended = self.ended.saturating_sub(followed.ended.len());
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
        registered(ALL) || selector.asked().all(|topic| registered(&topic))
    }

    /// Takes in which topics have ended, as a read of `interest` says. Of the topics that were asked for, those that it
    /// does not name have not. Returns the sessions that follow those of which it was not known.
    pub(crate) fn set_ended(&mut self, interest: &Interest, ended: &Ended) -> Vec<SessionId> {
        let mut sessions = Vec::new();
        if self.ended == 0 && ended.is_empty() {
            return sessions;
        }
        for (topic, end) in ended {
            let followed = self.followed.get_mut(&key(topic)).filter(|followed| followed.topics.contains(topic));
            let Some(followed) = followed else { continue };
            match followed.ended.iter_mut().find(|(known, _)| known == topic) {
                Some((_, known)) => *known = *end,
                None => {
                    followed.ended.push((Rc::clone(topic), *end));
                    sessions.extend_from_slice(&followed.sessions);
                    self.ended = self.ended.saturating_add(1);
                }
            }
        }
        let Interest::Topics(asked) = interest else { return sessions };
        // The log forgets an end that is long ago: the topic may be used again.
        for (topic, _) in asked {
            let Some(followed) = self.followed.get_mut(&key(topic)) else { continue };
            if !followed.ended.is_empty() && !ended.iter().any(|(named, _)| named == topic) {
                let before = followed.ended.len();
                followed.ended.retain(|(known, _)| known != topic);
                self.ended = self.ended.saturating_sub(before.saturating_sub(followed.ended.len()));
            }
        }
        sessions
    }

    /// Which topics have ended is not known any more.
    pub(crate) fn forget_ended(&mut self) {
        if take(&mut self.ended) > 0 {
            self.followed.values_mut().for_each(|followed| followed.ended.clear());
        }
    }

    /// Whether all these topics are known to have ended, at `place` or before it.
    pub(crate) fn have_ended(&self, topics: &[Rc<str>], place: u64) -> bool {
        let has_ended = |topic: &Rc<str>| {
            let ended = self.followed.get(&key(topic)).map_or(&[][..], |followed| &followed.ended);
            ended.iter().any(|(ended, end)| ended == topic && *end <= place)
        };
        self.ended > 0 && topics.iter().all(has_ended)
    }

    /// Whether the log has not been told of a topic.
    pub(crate) fn has_new(&self) -> bool {
        !self.added.is_empty()
    }

    /// Whether the log must be told of topics that nobody follows any more.
    pub(crate) fn has_removed(&self) -> bool {
        !self.removed.is_empty()
    }

    /// Takes what the log has not been told, as much as goes there at once.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let (mut added, mut bytes) = (Vec::new(), 0_usize);
        let taken = self.added.iter().take_while(|key| {
            let has_room = bytes < AT_ONCE;
            if let Some(followed) = self.followed.get_mut(key).filter(|_| has_room) {
                followed.is_new = false;
                bytes = followed.topics.iter().fold(bytes, |bytes, topic| bytes.saturating_add(topic.len()));
                added.extend_from_slice(&followed.topics);
            }
            has_room
        });
        let taken = taken.count();
        let keys = self.added.drain(..taken).collect();
        let (mut removed, mut bytes) = (Vec::new(), 0_usize);
        while bytes < AT_ONCE
            && let Some(topic) = self.removed.pop()
        {
            // It may be followed again.
            if !self.followed.contains_key(&key(&topic)) {
                bytes = bytes.saturating_add(topic.len());
                removed.push(topic);
            }
        }
        Changes { keys, added, removed }
    }

    /// The log was told of the topics with these keys. Returns the sessions that follow them.
    pub(crate) fn set_registered(&mut self, keys: &[u64]) -> Vec<SessionId> {
        let mut sessions = Vec::new();
        for key in keys {
            // A topic with the same key may have come since.
            if let Some(followed) = self.followed.get_mut(key).filter(|followed| !followed.is_new) {
                followed.registered = true;
                sessions.extend_from_slice(&followed.sessions);
            }
        }
        sessions
    }

    /// The log could not be told of changes.
    pub(crate) fn put_back(&mut self, changes: Changes) {
        for key in changes.keys {
            if let Some(followed) = self.followed.get_mut(&key).filter(|followed| !followed.is_new) {
                followed.is_new = true;
                self.added.push(key);
            }
        }
        self.removed.extend(changes.removed);
    }

    /// The log has forgotten this instance, but for the topics with these keys: it must be told of the others again.
    pub(crate) fn forget_all_but(&mut self, keys: &[u64]) {
        for (key, followed) in &mut self.followed {
            if followed.registered && !keys.contains(key) {
                (followed.registered, followed.is_new) = (false, true);
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
    fn the_log_is_told_of_many_long_topics_one_part_after_the_other() {
        let mut interests = Interests::default();
        let name = |number: usize| format!("{number} {}", "x".repeat(1_000));
        let mut sessions = Vec::new();
        for session in 0..20 {
            let selector = Selector::new((0..100).map(|number| name(session * 100 + number))).unwrap();
            sessions.push(interests.add(session, &selector));
        }
        let is_bounded = |topics: &[Rc<str>]| topics.iter().map(|topic| topic.len()).sum::<usize>() < 600_000;
        let mut registered = 0;
        while interests.has_new() {
            let Changes { keys, added, removed } = interests.take_changes();
            assert!(is_bounded(&added) && removed.is_empty());
            registered += added.len();
            interests.set_registered(&keys);
        }
        assert_eq!(registered, 2_000);
        for (session, topics) in sessions.iter().enumerate() {
            interests.remove(session, topics);
        }
        let mut forgotten = 0;
        while interests.has_removed() {
            let Changes { added, removed, .. } = interests.take_changes();
            assert!(is_bounded(&removed) && added.is_empty());
            forgotten += removed.len();
        }
        assert_eq!(forgotten, 2_000);
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

    fn ended(ended: &[(&str, u64)]) -> Ended {
        ended.iter().map(|(topic, end)| (Rc::from(*topic), *end)).collect()
    }

    fn asked(topics: &[&str]) -> Interest {
        Interest::Topics(topics.iter().map(|topic| (Rc::from(*topic), 0)).collect())
    }

    #[test]
    fn topics_have_ended_when_a_read_says_so_and_until_another_one_does_not() {
        let mut interests = Interests::default();
        let (one, both) = (interests.add(1, &selector(&["a"])), interests.add(2, &selector(&["a", "b"])));
        assert_eq!(interests.set_ended(&asked(&["a", "b"]), &ended(&[])), [0; 0]);
        assert_eq!(interests.set_ended(&asked(&["a"]), &ended(&[("a", 7), ("none", 8)])), [1, 2]);
        assert!(interests.have_ended(&one, 7) && !interests.have_ended(&one, 6) && !interests.have_ended(&both, 9));
        assert_eq!(interests.set_ended(&asked(&["a"]), &ended(&[("a", 7)])), [0; 0], "it is known");
        assert_eq!(interests.set_ended(&Interest::All(7), &ended(&[("b", 9)])), [2]);
        assert!(interests.have_ended(&both, 9) && !interests.have_ended(&both, 8));
        interests.set_ended(&asked(&["b"]), &ended(&[]));
        assert!(interests.have_ended(&one, 7) && !interests.have_ended(&both, 9));
        interests.remove(1, &one);
        interests.remove(2, &both);
        let again = interests.add(3, &selector(&["a"]));
        assert!(!interests.have_ended(&again, 9) && interests.ended == 0);
    }

    #[test]
    fn topics_of_a_log_that_is_another_one_have_not_ended() {
        let mut interests = Interests::default();
        let topics = interests.add(1, &selector(&["a"]));
        interests.set_ended(&asked(&["a"]), &ended(&[("a", 7)]));
        interests.forget_ended();
        assert!(!interests.have_ended(&topics, 9));
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
