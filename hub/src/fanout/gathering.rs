//! Which instances end their streams, so that the streams gather in fewer instances.
//!
//! A burst of connections is scattered over many instances, and each costs memory and wake-ups for as long as it has a
//! stream. So those with the fewest streams take no new ones, and end theirs, one instance after the other. The clients
//! come back to the others, and resume.
//!
//! They stop to take new streams before the first client comes back, so that no client comes to one that is about to
//! end its streams too. They end soon after that: a host may have promised a request to an instance that no longer
//! takes any, and gives it to another one only when that instance has gone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::instant::{Instant, after, between};
use crate::log::{ListenerId, Peer};

/// The first instance ends its streams after so long: the log is read for their last words before.
const FIRST: Duration = Duration::from_millis(700);
/// So much later the next instance ends its streams.
const STEP: Duration = Duration::from_millis(50);
/// The last instance ends its streams so much later than the first.
const LONGEST: Duration = Duration::from_millis(1_500);
/// After so long no instance that leaves takes requests. With the usual retry time, clients come back half a second
/// after their streams have ended, or later.
const DOOR: Duration = Duration::from_millis(900);
/// Over how long one instance ends its streams.
const SPREAD: Duration = Duration::from_millis(50);
/// So long no client may have come to an instance that finds that there are too many.
const CALM: Duration = Duration::from_secs(5);
/// So few instances are left alone.
const FEW: usize = 16;
/// How many streams an instance is meant to have. A host gives it up to 128, some of which are publications.
const STREAMS: usize = 64;

/// The part of one instance in the gathering of streams.
#[derive(Debug)]
pub(crate) struct Gathering {
    /// How long it takes until streams may be gathered again, so that no stream is ended twice for it within its
    /// lifetime; `None` for never.
    pause: Option<Duration>,
    /// When the last client came.
    last_join: Instant,
    /// When this instance ends its streams, if it does.
    leaves_at: Option<Instant>,
    /// When it takes no more requests, as long as it does.
    door_at: Instant,
}

/// What a census leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Stay,
    /// These instances are to end their streams, unless some were told so within the pause.
    Propose(Vec<ListenerId>, Duration),
    /// This instance is to end its streams from now on.
    Leave,
}

impl Gathering {
    /// `pause` is how long it takes until streams may be gathered again; `None` for never.
    pub(crate) fn new(pause: Option<Duration>, now: Instant) -> Self {
        Gathering { pause, last_join: now, leaves_at: None, door_at: Instant::MAX }
    }

    /// A client has come.
    pub(crate) fn joined(&mut self, now: Instant) {
        self.last_join = now;
    }

    /// What follows from who is registered, `listener` being this instance.
    pub(crate) fn census(&mut self, listener: ListenerId, peers: &[Peer], now: Instant) -> Step {
        let Some(pause) = self.pause.filter(|_| self.leaves_at.is_none()) else { return Step::Stay };
        let draining = peers.iter().filter(|peer| peer.drains).map(|peer| peer.listener);
        if draining.clone().any(|other| other == listener) {
            let before = draining.clone().filter(|other| *other < listener).count();
            let leaves_at = after(now, FIRST.saturating_add(wait(before, draining.count())));
            (self.leaves_at, self.door_at) = (Some(leaves_at), after(now, DOOR).min(leaves_at));
            return Step::Leave;
        }
        if between(self.last_join, now) < CALM {
            return Step::Stay;
        }
        match choose(peers) {
            none if none.is_empty() => Step::Stay,
            chosen => Step::Propose(chosen, pause),
        }
    }

    /// When this instance is to take no more requests; `Instant::MAX` when it takes some, or none any more.
    pub(crate) fn door_at(&self) -> Instant {
        self.door_at
    }

    /// Whether this instance must stop to take requests now. It is told so once.
    pub(crate) fn closes_door(&mut self, now: Instant) -> bool {
        let closes = now >= self.door_at;
        if closes {
            self.door_at = Instant::MAX;
        }
        closes
    }

    /// When a stream is to end, if this instance ends its streams. `share` is random, of 2^31.
    pub(crate) fn deadline(&self, share: u32) -> Option<Instant> {
        let spread = u64::try_from(SPREAD.as_nanos()).unwrap_or(u64::MAX);
        let wait = spread.saturating_mul(u64::from(share)) >> 31;
        self.leaves_at.map(|leaves| after(leaves, Duration::from_nanos(wait)))
    }
}

/// How long an instance waits that `before` others of `all` go before.
fn wait(before: usize, all: usize) -> Duration {
    let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let step = LONGEST.checked_div(count(all).max(1)).unwrap_or(STEP).min(STEP);
    step.saturating_mul(count(before))
}

/// The listeners that are to end their streams; none while that is not worth it, or some do so already.
pub(crate) fn choose(peers: &[Peer]) -> Vec<ListenerId> {
    let streams = peers.iter().fold(0_usize, |sum, peer| sum.saturating_add(count(peer)));
    let enough = streams.div_ceil(STREAMS).max(FEW / 2);
    if peers.len() <= FEW || peers.len() <= enough.saturating_mul(2) || peers.iter().any(|peer| peer.drains) {
        return Vec::new();
    }
    // A heap sorts in a tenth of the code that `sort` is.
    let by_streams: BinaryHeap<_> = peers.iter().map(|peer| (Reverse(peer.streams), peer.listener)).collect();
    by_streams.into_sorted_vec().into_iter().skip(enough).map(|(_, listener)| listener).collect()
}

fn count(peer: &Peer) -> usize {
    usize::try_from(peer.streams).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(streams: &[u32]) -> Vec<Peer> {
        let peer = |(listener, streams): (u64, &u32)| Peer { listener, streams: *streams, drains: false };
        (0..).zip(streams).map(peer).collect()
    }

    const SECOND: Instant = 1_000_000_000;
    const PAUSE: Duration = Duration::from_secs(600);

    #[test]
    fn an_instance_that_finds_too_many_says_who_is_to_leave_once_it_is_calm() {
        let mut gathering = Gathering::new(Some(PAUSE), 0);
        gathering.joined(SECOND);
        assert_eq!(gathering.census(1, &peers(&[1; 50]), 5 * SECOND), Step::Stay);
        let Step::Propose(chosen, PAUSE) = gathering.census(1, &peers(&[1; 50]), 6 * SECOND) else {
            panic!("it is calm")
        };
        assert_eq!(chosen.len(), 42);
        assert_eq!(Gathering::new(None, 0).census(1, &peers(&[1; 50]), 6 * SECOND), Step::Stay, "it is turned off");
        assert_eq!(gathering.deadline(0), None);
    }

    #[test]
    fn instances_that_are_told_to_leave_end_their_streams_one_after_the_other() {
        let mut peers = peers(&[1; 50]);
        (3..50).for_each(|peer| peers[peer].drains = true);
        let leaves = |listener| {
            let mut gathering = Gathering::new(Some(PAUSE), 0);
            assert_eq!(gathering.deadline(0), None);
            assert_eq!(gathering.census(listener, &peers, 60 * SECOND), Step::Leave);
            assert_eq!(gathering.census(listener, &peers, 61 * SECOND), Step::Stay, "it was told so");
            (gathering.deadline(0).unwrap(), gathering.deadline(u32::MAX >> 1).unwrap())
        };
        assert_eq!(Gathering::new(Some(PAUSE), 0).census(2, &peers, 60 * SECOND), Step::Stay);
        let (first, last) = leaves(3);
        assert_eq!(first, 60 * SECOND + SECOND * 7 / 10);
        assert!(first < last && last < first + SECOND / 10);
        assert!(leaves(4).0 > first && leaves(49).0 < first + 15 * SECOND / 10);
        assert_eq!((wait(1, 2), wait(999, 1_000)), (STEP, Duration::from_micros(1_498_500)));
    }

    #[test]
    fn the_door_is_closed_before_the_first_client_comes_back() {
        let mut peers = peers(&[1; 50]);
        peers.iter_mut().for_each(|peer| peer.drains = true);
        for (listener, expected) in [(0, 700), (5, 850), (49, 900)] {
            let mut gathering = Gathering::new(Some(PAUSE), 0);
            assert!(!gathering.closes_door(Instant::MAX - 1));
            assert_eq!(gathering.census(listener, &peers, 0), Step::Leave);
            assert_eq!(gathering.door_at() / 1_000_000, expected);
            assert!(!gathering.closes_door(gathering.door_at() - 1) && gathering.closes_door(gathering.door_at()));
            assert!(!gathering.closes_door(SECOND * 9));
        }
    }

    #[test]
    fn few_instances_are_left_alone() {
        for streams in [&[5][..], &[1, 2, 3], &[1; 16], &[100; 16]] {
            assert_eq!(choose(&peers(streams)), [0; 0], "{streams:?}");
        }
    }

    #[test]
    fn instances_that_are_well_filled_are_left_alone() {
        assert_eq!(choose(&peers(&[40; 100])), [0; 0]);
    }

    #[test]
    fn those_with_the_fewest_streams_end_theirs() {
        let mut streams = [9; 17];
        streams[..9].copy_from_slice(&[10, 1, 30, 2, 20, 3, 40, 4, 5]);
        assert_eq!(choose(&peers(&streams)), [13, 14, 15, 16, 8, 7, 5, 3, 1]);
        let after_a_burst = [6; 170];
        assert_eq!(choose(&peers(&after_a_burst)).len(), 170 - 16);
    }

    #[test]
    fn while_some_end_theirs_no_other_does() {
        let mut peers = peers(&[1; 50]);
        assert_eq!(choose(&peers).len(), 42);
        peers[7].drains = true;
        assert_eq!(choose(&peers), [0; 0]);
    }
}
