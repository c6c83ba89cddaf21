//! What this instance tells the log: which topics it follows, so that it is woken for what is published on them.

use std::time::Duration;

use crate::fanout::interests::{Changes, Interests};
use crate::instant::{Instant, after};
use crate::log::{Census, LEASE, ListenerId, Registration, Unavailable};

/// New topics wait so long for others: clients often come together.
const TOGETHER: Duration = Duration::from_millis(10);
/// So long after a client has come without a new topic, the log is told of it.
const SOON: Duration = Duration::from_secs(1);
/// A lease is not renewed more often, whoever asks for it.
const SOONEST: Duration = Duration::from_millis(200);
/// How long a log that did not take a registration is left alone.
const BACKOFF: Duration = Duration::from_secs(1);

/// The registration of this instance with the log.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: ListenerId,
    /// Whether a wake-up can reach this instance.
    reachable: bool,
    /// The changes that are being registered, and since when.
    under_way: Option<(Changes, Instant)>,
    /// When new topics are registered, if there are any.
    changes_at: Instant,
    renew_at: Instant,
    /// When the last registration ended.
    renewed_at: Instant,
    /// How many streams the log was told of.
    told_streams: usize,
    /// A stream has come since, or there is more to say.
    untold: bool,
    /// The log has taken a registration of this instance.
    known: bool,
    /// The last registration failed.
    failing: bool,
}

/// What a registration has brought.
#[derive(Debug)]
pub(crate) struct Registered {
    /// The keys of the topics that the log knows now.
    pub(crate) keys: Vec<u64>,
    /// What the log said.
    pub(crate) census: Census,
    /// When the registration began.
    pub(crate) began: Instant,
}

impl Listening {
    /// Of an instance that is called `listener`; `reachable` when a wake-up can reach it.
    pub(crate) fn new(listener: ListenerId, reachable: bool, now: Instant) -> Self {
        Listening {
            listener,
            reachable,
            under_way: None,
            changes_at: now,
            renew_at: Instant::MAX,
            renewed_at: now,
            told_streams: 0,
            untold: false,
            known: false,
            failing: false,
        }
    }

    /// The log has forgotten this instance, which follows nothing.
    pub(crate) fn unregistered(&mut self) {
        (self.under_way, self.known, self.renew_at) = (None, false, Instant::MAX);
    }

    /// What the log calls this instance.
    pub(crate) fn listener(&self) -> ListenerId {
        self.listener
    }

    /// The log has something to say to this instance.
    pub(crate) fn renew_soon(&mut self) {
        if self.known {
            self.renew_at = self.renew_at.min(after(self.renewed_at, SOONEST));
        }
    }

    /// Whether the log has taken a registration, so that wake-ups can come.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// Whether this instance is woken for all that it hears, apart from topics that came a moment ago.
    pub(crate) fn is_told(&self) -> bool {
        self.reachable && !self.failing
    }

    /// When the log must be told something.
    pub(crate) fn due(&self, interests: &Interests) -> Instant {
        match self.under_way {
            Some(_) => Instant::MAX,
            None if interests.has_new() => self.changes_at.min(self.renew_at),
            None => self.renew_at,
        }
    }

    /// A client has come, and perhaps a new topic: others may follow soon. The log is told of streams on known topics,
    /// too: who gathers streams counts them, and only such streams end that were there at a registration.
    pub(crate) fn changed(&mut self, interests: &Interests, streams: usize, now: Instant) {
        self.untold |= streams > self.told_streams;
        if self.known && self.untold {
            self.renew_at = self.renew_at.min(after(now, SOON));
        }
        if interests.has_new() && self.changes_at <= now && !self.failing {
            self.changes_at = after(now, TOGETHER);
        }
    }

    /// The registration to make now, if one is due.
    pub(crate) fn start(&mut self, interests: &mut Interests, streams: usize, now: Instant) -> Option<Registration> {
        if now < self.due(interests) {
            return None;
        }
        let changes = interests.take_changes();
        // An instance that nothing can wake is only counted.
        let (added, removed) =
            if self.reachable { (changes.added.clone(), changes.removed.clone()) } else { Default::default() };
        // What did not go with this follows soon.
        let has_more = interests.has_removed();
        (self.under_way, self.told_streams, self.untold) = (Some((changes, now)), streams, has_more);
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        Some(Registration { listener: self.listener, streams, added, removed })
    }

    /// The registration has ended. Returns what it brought, if it did not fail.
    pub(crate) fn ended(
        &mut self,
        result: Result<Census, Unavailable>,
        interests: &mut Interests,
        now: Instant,
    ) -> Option<Registered> {
        let (changes, began) = self.under_way.take()?;
        let Ok(census) = result else {
            interests.put_back(changes);
            self.failing = true;
            self.changes_at = after(now, BACKOFF);
            self.renew_at = self.changes_at;
            return None;
        };
        let keys = changes.keys;
        if self.known && !census.known {
            interests.forget_all_but(&keys);
            self.changes_at = now;
        }
        (self.known, self.failing, self.renewed_at) = (true, false, now);
        self.renew_at = after(now, if self.untold { SOON } else { LEASE.checked_div(3).unwrap_or(LEASE) });
        Some(Registered { keys, census, began })
    }
}

#[cfg(test)]
impl Listening {
    /// Whether a registration is being made.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Peer, Position};
    use crate::topic::selector::Selector;

    const MS: Instant = 1_000_000;

    fn interests(topics: &[&str]) -> Interests {
        let mut interests = Interests::default();
        for (session, topic) in topics.iter().enumerate() {
            interests.add(session, &Selector::new([(*topic).to_owned()]).unwrap());
        }
        interests
    }

    fn census(known: bool) -> Census {
        let head = Position { epoch: "e".to_owned(), sequence: 7 };
        Census { head, known, peers: vec![Peer { listener: 1, streams: 1, drains: false }], gathered: None }
    }

    #[test]
    fn topics_that_come_together_are_registered_together() {
        let mut interests = interests(&["a"]);
        let mut listening = Listening::new(1, true, 0);
        listening.changed(&interests, 1, 100 * MS);
        assert_eq!(listening.start(&mut interests, 1, 105 * MS), None);
        interests.add(9, &Selector::new(["b".to_owned()]).unwrap());
        listening.changed(&interests, 2, 105 * MS);
        let registration = listening.start(&mut interests, 2, 110 * MS).unwrap();
        assert_eq!((registration.listener, registration.streams, registration.added.len()), (1, 2, 2));
        assert_eq!(listening.start(&mut interests, 2, 200 * MS), None, "one at a time");
        let registered = listening.ended(Ok(census(false)), &mut interests, 210 * MS).unwrap();
        assert_eq!(interests.set_registered(&registered.keys), [0, 9]);
    }

    #[test]
    fn a_lease_is_renewed_three_times_as_often_as_it_ends() {
        let mut interests = interests(&[]);
        let mut listening = Listening::new(1, true, 0);
        assert_eq!(listening.start(&mut interests, 1, 0), None, "there is nothing to say yet");
        interests.add(0, &Selector::ALL);
        listening.start(&mut interests, 1, 0).unwrap();
        listening.ended(Ok(census(false)), &mut interests, 0);
        assert_eq!(listening.due(&interests), LEASE.as_nanos() as u64 / 3);
        let due = listening.due(&interests);
        let renewal = listening.start(&mut interests, 1, due).unwrap();
        assert_eq!(renewal.added.len(), 0);
    }

    #[test]
    fn the_log_is_told_soon_of_new_streams() {
        let mut interests = interests(&["a"]);
        let mut listening = Listening::new(1, true, 0);
        listening.start(&mut interests, 1, 0).unwrap();
        listening.ended(Ok(census(false)), &mut interests, 0);
        listening.changed(&interests, 1, 0);
        assert_eq!(listening.start(&mut interests, 1, 2_000 * MS), None);
        listening.changed(&interests, 2, 2_000 * MS);
        assert_eq!(listening.start(&mut interests, 60, 2_999 * MS), None);
        assert_eq!(listening.start(&mut interests, 60, 3_000 * MS).unwrap().streams, 60);
    }

    #[test]
    fn the_log_is_told_soon_of_streams_that_came_during_a_registration() {
        let mut interests = interests(&["a"]);
        let mut listening = Listening::new(1, true, 0);
        listening.start(&mut interests, 1, 0).unwrap();
        listening.changed(&interests, 2, 5 * MS);
        listening.ended(Ok(census(false)), &mut interests, 10 * MS);
        assert_eq!(listening.due(&interests), 1_010 * MS);
        assert_eq!(listening.start(&mut interests, 2, 1_010 * MS).unwrap().streams, 2);
    }

    #[test]
    fn a_lease_is_renewed_when_the_log_has_something_to_say_but_not_too_often() {
        let mut interests = interests(&["a"]);
        let mut listening = Listening::new(1, true, 0);
        listening.renew_soon();
        listening.start(&mut interests, 1, 0).unwrap();
        listening.ended(Ok(census(false)), &mut interests, 0);
        for _ in 0..3 {
            listening.renew_soon();
            assert_eq!(listening.start(&mut interests, 1, 199 * MS), None);
        }
        assert!(listening.start(&mut interests, 1, 200 * MS).is_some());
    }

    #[test]
    fn a_registration_that_fails_is_made_again_and_meanwhile_the_log_is_polled() {
        let mut interests = interests(&["a"]);
        let mut listening = Listening::new(1, true, 0);
        listening.start(&mut interests, 1, 0).unwrap();
        assert!(listening.ended(Err(Unavailable::new("away")), &mut interests, 0).is_none());
        assert!(!listening.is_told());
        assert_eq!(listening.start(&mut interests, 1, 999 * MS), None);
        assert_eq!(listening.start(&mut interests, 1, 1_000 * MS).unwrap().added.len(), 1);
    }

    #[test]
    fn a_topic_whose_removal_did_not_reach_the_log_is_removed_with_the_next_registration() {
        let mut interests = Interests::default();
        let topics = interests.add(0, &Selector::new(["a".to_owned()]).unwrap());
        let mut listening = Listening::new(1, true, 0);
        listening.start(&mut interests, 1, 0).unwrap();
        listening.ended(Ok(census(false)), &mut interests, 0);
        interests.remove(0, &topics);
        let now = listening.due(&interests);
        assert_eq!(listening.start(&mut interests, 0, now).unwrap().removed, topics);
        listening.ended(Err(Unavailable::new("away")), &mut interests, now);
        assert_eq!(listening.start(&mut interests, 0, now + 1_000 * MS).unwrap().removed, topics);
    }

    #[test]
    fn a_log_that_forgot_this_instance_is_told_all_again() {
        let mut interests = interests(&["a"]);
        let mut listening = Listening::new(1, true, 0);
        listening.start(&mut interests, 1, 0).unwrap();
        let registered = listening.ended(Ok(census(false)), &mut interests, 0).unwrap();
        interests.set_registered(&registered.keys);
        let now = listening.due(&interests);
        listening.start(&mut interests, 1, now).unwrap();
        listening.ended(Ok(census(false)), &mut interests, now);
        assert_eq!(listening.start(&mut interests, 1, now).unwrap().added, [std::rc::Rc::from("a")]);
    }
}
