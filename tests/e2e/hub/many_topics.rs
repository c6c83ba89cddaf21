//! Many topics, of which each update and each subscriber has several: who follows what, and what each must have.

use std::collections::HashMap;
use std::net::SocketAddr;

use tokio::task::JoinSet;

use crate::support::follower::{Dice, Follower};
use crate::support::within;

const TOPICS: usize = 60;

/// So many topics, the same step apart for updates and subscribers: they often have several in common.
fn topics(first: usize, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("topic-{}", (first + n * 13) % TOPICS)).collect()
}

/// All of them.
pub(super) fn all_topics() -> Vec<String> {
    topics(0, TOPICS)
}

/// The topics of a publisher's update number `n`: of every third, several.
pub(super) fn drawn(dice: &mut Dice, n: usize) -> Vec<String> {
    let mut draw = |bound: usize| dice.below(bound as u64) as usize;
    let several = if n.is_multiple_of(3) { 1 + draw(4) } else { 1 };
    topics(draw(TOPICS), several)
}

/// What a subscriber follows: one topic to four, or, every tenth of them, all.
fn followed(subscriber: usize) -> Vec<String> {
    if subscriber.is_multiple_of(10) { vec!["*".to_owned()] } else { topics(subscriber * 7, 1 + subscriber % 4) }
}

/// A subscriber, which follows what its number says.
pub(super) struct Subscriber {
    pub(super) number: usize,
    pub(super) follower: Follower,
    /// It has what was published before it came, too.
    whole: bool,
}

impl Subscriber {
    /// One that starts at the beginning.
    pub(super) fn from_start(address: SocketAddr, number: usize) -> Self {
        let follower = Follower::of(address, &followed(number), "earliest");
        Subscriber { number, follower, whole: true }
    }

    /// One that starts when it comes.
    pub(super) fn from_now(address: SocketAddr, number: usize) -> Self {
        let follower = Follower::of(address, &followed(number), "");
        Subscriber { number, follower, whole: false }
    }

    /// Receives until `last` has come.
    pub(super) async fn up_to(mut self, last: &str) -> Self {
        self.follower = self.follower.up_to(last).await;
        self
    }
}

/// So many subscribers, from the beginning on.
pub(super) fn subscribers(address: SocketAddr, count: usize) -> Vec<Subscriber> {
    (0..count).map(|number| Subscriber::from_start(address, number)).collect()
}

/// All of them receive until an update has come that begins with `last`, at once.
pub(super) async fn all_up_to(subscribers: Vec<Subscriber>, last: String) -> Vec<Subscriber> {
    let tasks: JoinSet<_> = subscribers
        .into_iter()
        .map(|mut subscriber| {
            let last = last.clone();
            async move {
                while !subscriber.follower.next().await.data.starts_with(&last) {}
                subscriber
            }
        })
        .collect();
    let mut subscribers = within(format!("the subscribers to have {last}"), tasks.join_all()).await;
    subscribers.sort_unstable_by_key(|subscriber| subscriber.number);
    subscribers
}

/// Checks what every subscriber has, by the topics of each update. Returns the order of all, which number 0 has.
pub(super) fn check<'s>(subscribers: &'s [Subscriber], published: &HashMap<String, Vec<String>>) -> Vec<&'s str> {
    let first = subscribers.iter().find(|subscriber| subscriber.number == 0 && subscriber.whole).unwrap();
    let order = first.follower.data();
    for Subscriber { number, follower, whole } in subscribers {
        let own = followed(*number);
        let hears = |data: &&&str| own[0] == "*" || published[**data].iter().any(|topic| own.contains(topic));
        let mut expected: Vec<_> = order.iter().filter(hears).copied().collect();
        let received = follower.data();
        if !whole {
            // From its beginning on.
            expected.drain(..expected.len().saturating_sub(received.len()));
        }
        assert_eq!(received, expected, "{number}, which follows {own:?}");
        assert_eq!(follower.gaps, 0, "{number}");
    }
    order
}
