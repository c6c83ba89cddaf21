//! Which instances end their streams, so that the streams gather in fewer instances.
//!
//! A burst of connections is scattered over many instances, and each costs memory and wake-ups for as long as it has a
//! stream. So those with the fewest streams take no new ones, and end theirs, one instance after the other. The clients
//! come back to the others, and resume.
//!
//! They stop to take new streams before the first client comes back, so that few clients come to one that is about to
//! end its streams. They end soon after that: a host may have promised a request to an instance that no longer takes
//! any, and gives it to another one only when that instance has gone, or takes requests again.
//!
//! No client is told twice to gather within the lifetime of a stream:
//!
//! * An instance ends only streams that were there when a registration began whose answer did not yet tell it to leave:
//!   they are older than the decision, whatever clocks say. Later ones stay, and the instance takes requests again when
//!   it has ended the others.
//! * It obeys within seconds of the decision, or not at all. The next decision is a lifetime and those seconds later by
//!   the clock of the log. An instance obeys, or proposes, only if its own clock agrees: it knows from every answer how
//!   long ago the last decision was.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::fanout::action::Action;
use crate::instant::{Instant, after, between};
use crate::log::{Census, LEASE, ListenerId, Peer};

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
/// An instance that has streams left takes requests again so long after it has begun to end the others.
const REOPENS: Duration = Duration::from_millis(500);
/// So long no client may have come to an instance that finds that there are too many.
const CALM: Duration = Duration::from_secs(5);
/// An instance that has not asked the log for so long does not obey: the decision may be as old. It asks every third of
/// a lease.
const PROMPT: Duration = Duration::from_secs(15);
/// So much earlier than the pause ends, a decision is believed: an answer takes some time. That, the time to obey and
/// the pause together are never shorter than the lifetime of a stream.
const INEXACT: Duration = Duration::from_secs(10);
/// So few instances are left alone.
const FEW: usize = 16;
/// How many streams an instance is meant to have. A host gives it up to 128, some of which are publications.
const STREAMS: usize = 64;

/// The part of one instance in the gathering of streams.
#[derive(Debug)]
pub(crate) struct Gathering {
    /// How long after a decision there is no other; `None` for never any.
    pause: Option<Duration>,
    /// When the last client came.
    last_join: Instant,
    /// What the log answered last.
    answered: Option<Answered>,
    /// Until when there must be no other decision, as far as this instance knows.
    rests_until: Instant,
    leaving: Option<Leaving>,
}

/// What the log answered to a registration.
#[derive(Debug)]
struct Answered {
    epoch: String,
    /// What names the last decision.
    gathered: Option<i64>,
    /// When the registration began.
    began: Instant,
}

/// That an instance ends its streams.
#[derive(Debug)]
struct Leaving {
    leaves_at: Instant,
    /// When it takes no more requests; then, when it takes some again.
    door_at: Instant,
    door_closed: bool,
}

/// What a census leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Stay,
    /// These instances are to end their streams, unless some were told so within the pause.
    Propose(Vec<ListenerId>, Duration),
    /// This instance is to end the streams that had joined before this moment.
    Leave(Instant),
}

impl Gathering {
    /// `lifetime` is that of a stream; `None` if streams never gather.
    pub(crate) fn new(lifetime: Option<Duration>, now: Instant) -> Self {
        let pause = lifetime.map(|lifetime| lifetime.saturating_add(LEASE));
        Gathering { pause, last_join: now, answered: None, rests_until: 0, leaving: None }
    }

    /// A client has come.
    pub(crate) fn joined(&mut self, now: Instant) {
        self.last_join = now;
    }

    /// What follows from the answer to a registration that began at `began`, `listener` being this instance.
    pub(crate) fn census(&mut self, listener: ListenerId, census: &Census, began: Instant, now: Instant) -> Step {
        let (epoch, gathered) = (census.head.epoch.clone(), census.gathered.map(|gathered| gathered.at));
        let before = self.answered.replace(Answered { epoch, gathered, began });
        let Some(pause) = self.pause else { return Step::Stay };
        let is_believed = self.learn(census, before.as_ref(), pause, now);
        let draining = census.peers.iter().filter(|peer| peer.drains).map(|peer| peer.listener);
        let is_told = draining.clone().any(|other| other == listener);
        let since = before.map(|before| before.began).filter(|since| between(*since, now) <= PROMPT);
        if let Some(since) = since.filter(|_| is_believed && is_told) {
            let earlier = draining.clone().filter(|other| *other < listener).count();
            let leaves_at = after(now, FIRST.saturating_add(wait(earlier, draining.count())));
            self.leaving = Some(Leaving { leaves_at, door_at: after(now, DOOR).min(leaves_at), door_closed: false });
            return Step::Leave(since);
        }
        if now < self.rests_until || between(self.last_join, now) < CALM {
            return Step::Stay;
        }
        match choose(&census.peers) {
            none if none.is_empty() => Step::Stay,
            chosen => Step::Propose(chosen, pause),
        }
    }

    /// Learns when the last decision was. Returns whether it is one that this instance did not know, and that may be.
    fn learn(&mut self, census: &Census, before: Option<&Answered>, pause: Duration, now: Instant) -> bool {
        let is_other = before.is_some_and(|before| before.epoch != census.head.epoch);
        let known = before.and_then(|before| before.gathered);
        let gathered = census.gathered.filter(|gathered| is_other || Some(gathered.at) != known);
        let ago = gathered.map(|gathered| u64::try_from(gathered.ago).map(Duration::from_millis));
        match ago {
            Some(Ok(ago)) if !is_other => {
                let may_be = after(now, INEXACT) >= after(self.rests_until, ago);
                self.rests_until = self.rests_until.max(after(now, pause.saturating_sub(ago)));
                may_be
            }
            None if !is_other => false,
            // Another log may have forgotten the last decision, and one whose clock has stepped back does not know when
            // that was. Then there is rather none.
            _ => {
                self.rests_until = after(now, pause);
                false
            }
        }
    }

    /// This instance had no stream to end.
    pub(crate) fn stays(&mut self) {
        self.leaving = None;
    }

    /// When this instance is to take no more requests, or some again; `Instant::MAX` if neither.
    pub(crate) fn door_at(&self) -> Instant {
        self.leaving.as_ref().map_or(Instant::MAX, |leaving| leaving.door_at)
    }

    /// Whether this instance must stop to take requests now, or take some again. It is told so once.
    pub(crate) fn turns_door(&mut self, now: Instant) -> Option<Action> {
        let leaving = self.leaving.as_mut().filter(|leaving| now >= leaving.door_at)?;
        if leaving.door_closed {
            self.leaving = None;
            return Some(Action::OpenDoor);
        }
        (leaving.door_closed, leaving.door_at) = (true, after(leaving.leaves_at, REOPENS));
        Some(Action::CloseDoor)
    }

    /// When a stream is to end, if this instance ends streams. `share` is random, of 2^31.
    pub(crate) fn deadline(&self, share: u32) -> Option<Instant> {
        let spread = u64::try_from(SPREAD.as_nanos()).unwrap_or(u64::MAX);
        let wait = spread.saturating_mul(u64::from(share)) >> 31;
        self.leaving.as_ref().map(|leaving| after(leaving.leaves_at, Duration::from_nanos(wait)))
    }
}

/// How long an instance waits that `before` others of `all` go before.
fn wait(before: usize, all: usize) -> Duration {
    let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let step = LONGEST.checked_div(count(all).max(1)).unwrap_or(STEP).min(STEP);
    step.saturating_mul(count(before))
}

/// The listeners that are to end their streams; none while that is not worth it.
pub(crate) fn choose(peers: &[Peer]) -> Vec<ListenerId> {
    let streams = peers.iter().fold(0_usize, |sum, peer| sum.saturating_add(count(peer)));
    let enough = streams.div_ceil(STREAMS).max(FEW / 2);
    if peers.len() <= FEW || peers.len() <= enough.saturating_mul(2) {
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
    use crate::log::Position;
    use crate::log::listener::Gathered;

    const SECOND: Instant = 1_000_000_000;
    const LIFETIME: Duration = Duration::from_secs(600);
    const PAUSE: Duration = Duration::from_secs(630);

    fn peers(streams: &[u32]) -> Vec<Peer> {
        let peer = |(listener, streams): (u64, &u32)| Peer { listener, streams: *streams, drains: false };
        (0..).zip(streams).map(peer).collect()
    }

    /// Of 50 instances with a stream each, of which those from `draining` on were told to leave.
    fn census(draining: usize, gathered: Option<(i64, i64)>) -> Census {
        let mut peers = peers(&[1; 50]);
        peers.iter_mut().skip(draining).for_each(|peer| peer.drains = true);
        Census {
            head: Position { epoch: "e".to_owned(), sequence: 7 },
            known: true,
            peers,
            gathered: gathered.map(|(at, ago)| Gathered { at, ago }),
        }
    }

    fn nobody() -> Census {
        census(50, None)
    }

    fn gathering() -> Gathering {
        Gathering::new(Some(LIFETIME), 0)
    }

    #[test]
    fn an_instance_that_finds_too_many_says_who_is_to_leave_once_it_is_calm() {
        let mut gathering = gathering();
        gathering.joined(SECOND);
        assert_eq!(gathering.census(1, &nobody(), 0, 5 * SECOND), Step::Stay);
        let Step::Propose(chosen, PAUSE) = gathering.census(1, &nobody(), 0, 6 * SECOND) else { panic!("it is calm") };
        assert_eq!(chosen.len(), 42);
        assert_eq!(Gathering::new(None, 0).census(1, &nobody(), 0, 6 * SECOND), Step::Stay, "it is turned off");
        assert_eq!(gathering.deadline(0), None);
    }

    #[test]
    fn instances_that_are_told_to_leave_end_their_streams_one_after_the_other() {
        let leaves = |listener| {
            let mut gathering = gathering();
            gathering.census(listener, &nobody(), 50 * SECOND, 51 * SECOND);
            assert_eq!(gathering.deadline(0), None);
            let told = census(3, Some((1, 500)));
            assert_eq!(gathering.census(listener, &told, 59 * SECOND, 60 * SECOND), Step::Leave(50 * SECOND));
            assert_eq!(gathering.census(listener, &told, 60 * SECOND, 60 * SECOND), Step::Stay, "it was told so");
            (gathering.deadline(0).unwrap(), gathering.deadline(u32::MAX >> 1).unwrap())
        };
        let (first, last) = leaves(3);
        assert_eq!(first, 60 * SECOND + SECOND * 7 / 10);
        assert!(first < last && last < first + SECOND / 10);
        assert!(leaves(4).0 > first && leaves(49).0 < first + 15 * SECOND / 10);
        assert_eq!((wait(1, 2), wait(999, 1_000)), (STEP, Duration::from_micros(1_498_500)));
    }

    #[test]
    fn who_is_not_told_to_leave_or_knows_nothing_of_the_time_before_stays() {
        let told = census(3, Some((1, 500)));
        let mut other = gathering();
        other.census(2, &nobody(), 50 * SECOND, 51 * SECOND);
        assert_eq!(other.census(2, &told, 59 * SECOND, 60 * SECOND), Step::Stay);
        assert_eq!(gathering().census(3, &told, 59 * SECOND, 60 * SECOND), Step::Stay, "its port was another's");
        let mut late = gathering();
        late.census(3, &nobody(), 44 * SECOND, 45 * SECOND);
        assert_eq!(late.census(3, &told, 59 * SECOND, 60 * SECOND), Step::Stay, "the decision may be as old");
    }

    /// Whether an instance obeys, `after` seconds after it obeyed or heard of a decision, when the log says that the
    /// last decision was `ago` ms ago.
    fn obeys_again(after: u64, epoch: &str, at: i64, ago: i64) -> bool {
        let mut gathering = gathering();
        gathering.census(3, &nobody(), 50 * SECOND, 51 * SECOND);
        gathering.census(3, &census(40, Some((1, 0))), 59 * SECOND, 60 * SECOND);
        let now = (60 + after) * SECOND;
        gathering.census(
            3,
            &census(40, Some((1, after as i64 * 1_000 - 10_000))),
            now - 11 * SECOND,
            now - 10 * SECOND,
        );
        let mut told = census(3, Some((at, ago)));
        told.head.epoch = epoch.to_owned();
        matches!(gathering.census(3, &told, now - SECOND, now), Step::Leave(_))
    }

    #[test]
    fn decisions_are_believed_only_a_lifetime_apart_by_the_own_clock() {
        assert!(obeys_again(635, "e", 2, 4_000) && obeys_again(625, "e", 2, 4_000));
        assert!(!obeys_again(615, "e", 2, 4_000), "the log's clock has jumped ahead, or it forgot the last decision");
        assert!(!obeys_again(60, "e", 2, 0));
        assert!(!obeys_again(700, "e", 1, 0), "it is the same decision, and the log's clock has stepped back");
        assert!(!obeys_again(700, "e", 2, -1), "the log's clock has stepped back");
        assert!(!obeys_again(700, "other", 2, 0), "it is another log");
    }

    #[test]
    fn nobody_proposes_within_the_pause_by_the_own_clock() {
        let proposes = |first: &Census, then: &Census, seconds: u64| {
            let mut gathering = gathering();
            gathering.census(1, first, 50 * SECOND, 60 * SECOND);
            let now = (60 + seconds) * SECOND;
            matches!(gathering.census(1, then, now, now), Step::Propose(..))
        };
        assert!(proposes(&nobody(), &nobody(), 1));
        let mut other = nobody();
        other.head.epoch = "other".to_owned();
        assert!(!proposes(&nobody(), &other, 700), "the log may have forgotten the last decision");
        for gathered in [Some((1, 0)), Some((1, -700_000))] {
            let first = census(50, gathered);
            assert!(!proposes(&first, &nobody(), 629) && proposes(&first, &nobody(), 630), "{gathered:?}");
        }
        assert!(proposes(&census(50, Some((1, 600_000))), &nobody(), 30));
        assert!(
            proposes(&census(3, Some((1, 700_000))), &census(3, Some((1, 701_000))), 1),
            "who drained then counts again"
        );
    }

    #[test]
    fn the_door_is_closed_before_the_first_client_comes_back_and_opens_when_the_streams_have_ended() {
        for (listener, closes, opens) in [(0, 700, 1_200), (5, 850, 1_350), (49, 900, 2_670)] {
            let mut gathering = gathering();
            assert_eq!((gathering.turns_door(Instant::MAX - 1), gathering.door_at()), (None, Instant::MAX));
            gathering.census(listener, &nobody(), 0, 0);
            assert_ne!(gathering.census(listener, &census(0, Some((1, 0))), 0, 0), Step::Stay);
            for (action, ms) in [(Action::CloseDoor, closes), (Action::OpenDoor, opens)] {
                assert_eq!(gathering.door_at() / 1_000_000, ms);
                assert_eq!(gathering.turns_door(gathering.door_at() - 1), None);
                assert_eq!(gathering.turns_door(gathering.door_at()), Some(action));
            }
            assert_eq!((gathering.turns_door(9 * SECOND), gathering.deadline(0)), (None, None));
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
}
