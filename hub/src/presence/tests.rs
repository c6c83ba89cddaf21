//! Instances that share a log, whose clients come, leave and come back, and which fail.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::follows::{Follow, Follows};
use super::member::{Left, Newcomer, Ticket};
use super::members::{MemberId, Members};
use super::resource::next;
use super::ticket;
use crate::instant::{Instant, after};
use crate::log::laws::now as ready;
use crate::log::memory::MemoryLog;
use crate::log::presence::{Changes, Presence};
use crate::log::{Entry, Interest, Log, Unavailable};

const GRACE: Duration = Duration::from_secs(6);
const SECOND: Duration = Duration::from_secs(1);

/// So many topics that two of those who follow them are told at once.
static MANY: LazyLock<String> = LazyLock::new(|| (0..300).map(|topic| topic.to_string()).collect::<Vec<_>>().join(" "));

/// A client that has a stream, or is away.
#[derive(Debug)]
struct Client {
    topics: &'static str,
    ticket: Ticket,
    /// Its instance and its place there, while it has a stream.
    stream: Option<(usize, MemberId)>,
    /// The last event id that it has.
    last: Option<String>,
}

/// How the log answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Good,
    /// It did nothing.
    Fails,
    /// It did it, and the answer was lost.
    Lost,
}

/// Instances, their clients and their log.
struct Stage {
    now: Instant,
    log: MemoryLog,
    instances: Vec<Option<Members>>,
    clients: Vec<Client>,
    named: u128,
    operations: usize,
}

impl Stage {
    fn new(instances: u64) -> Stage {
        let instances = (0..instances).map(|holder| Some(Members::new(holder + 1, GRACE))).collect();
        let log = MemoryLog::new("e", 1_000_000);
        Stage { now: after(0, SECOND), log, instances, clients: Vec::new(), named: 0, operations: 0 }
    }

    fn comes(&mut self, instance: usize, topics: &'static str) -> usize {
        self.clients.push(Client { topics, ticket: Ticket::default(), stream: None, last: None });
        let client = self.clients.len() - 1;
        self.connects(client, instance);
        client
    }

    /// A client connects, with the last event id that it has.
    fn connects(&mut self, client: usize, instance: usize) {
        self.named += 1;
        let client = &mut self.clients[client];
        let Some(members) = &mut self.instances[instance] else { return };
        client.ticket = Ticket::default();
        let follow = |topic: &str| Follow { match_type: "exact", matcher: topic.to_owned(), payload: None };
        let newcomer = Newcomer {
            follows: Follows::new("/hub", client.topics.split(' ').map(follow).collect()),
            named: ticket::new(self.named, self.named),
            back: client.last.take().as_deref().and_then(ticket::find),
            ticket: Rc::clone(&client.ticket),
        };
        client.stream = Some((instance, members.join(newcomer, self.now)));
    }

    /// The stream of a client ends: in order, if it was told its ticket.
    fn ends(&mut self, client: usize, in_order: bool) {
        let client = &mut self.clients[client];
        let Some((instance, id)) = client.stream.take() else { return };
        let ticket = client.ticket.get().filter(|_| in_order);
        client.last = ticket.map(|ticket| format!("#e-1~{ticket}"));
        if let Some(members) = &mut self.instances[instance] {
            members.leave(id, if ticket.is_some() { Left::Released } else { Left::Ended }, self.now);
        }
    }

    /// The stream of a client ends, and it connects to another instance at once.
    fn rotates(&mut self, client: usize, instance: usize) {
        self.ends(client, true);
        self.connects(client, instance);
    }

    /// An instance is gone, with its streams.
    fn dies(&mut self, instance: usize) {
        self.instances[instance] = None;
        for client in &mut self.clients {
            client.stream.take_if(|(at, _)| *at == instance);
        }
    }

    /// An instance tells the log what is due.
    fn tells(&mut self, instance: usize, answer: Answer) -> Option<Changes> {
        let members = self.instances[instance].as_mut()?;
        let changes = members.tell(self.now)?;
        self.operations += 1;
        self.log.clock.set(self.now);
        let failed = Unavailable::new("away");
        let attended = if answer == Answer::Fails { Err(failed) } else { ready(self.log.attend(&changes)) };
        let attended = if answer == Answer::Lost { Err(Unavailable::new("lost")) } else { attended };
        members.attended(attended.as_ref(), self.now);
        Some(changes)
    }

    /// Time passes, and the instances in `running` do what is due.
    fn passes(&mut self, time: Duration, running: &[usize]) {
        let end = after(self.now, time);
        while self.now < end {
            for instance in running {
                while self.tells(*instance, Answer::Good).is_some() {}
            }
            let due = running.iter().filter_map(|instance| self.instances[*instance].as_ref()).map(Members::due).min();
            self.now = due.unwrap_or(end).clamp(self.now + 1, end);
        }
    }

    fn all(&self) -> Vec<usize> {
        (0..self.instances.len()).collect()
    }

    /// What was said: `+` or `-` and what is followed, of each update.
    fn said(&self) -> Vec<String> {
        self.updates()
            .into_iter()
            .map(|(topic, active)| format!("{}{}", if active { "+" } else { "-" }, topic.split('/').nth(4).unwrap()))
            .collect()
    }

    fn updates(&self) -> Vec<(String, bool)> {
        let update =
            |entry: &Entry| (entry.topics().next().unwrap().to_owned(), entry.wire.ends_with(b"\"active\":true}\n\n"));
        let (mut updates, mut place) = (Vec::new(), 0);
        loop {
            let page = ready(self.log.after(&Interest::All(place))).unwrap();
            updates.extend(page.entries.iter().map(update));
            place = page.through;
            if place == page.extent.head {
                return updates;
            }
        }
    }

    fn listed(&self) -> Vec<String> {
        let (mut topics, mut first) = (Vec::new(), "/hub/".to_owned());
        loop {
            let listings = ready(self.log.listed(&first, "/hub0")).unwrap().listings;
            let Some(next) = next(&listings) else { return topics };
            topics.extend(listings.into_iter().map(|listing| listing.topic));
            first = next;
        }
    }

    /// Each subscription began before it ended, and each once; as many are there as clients, which follow the same.
    fn check_at_rest(&self) {
        let mut active = BTreeMap::new();
        for (topic, begins) in self.updates() {
            assert_ne!(active.insert(topic.clone(), begins), Some(begins), "{topic} {:?}", self.updates());
        }
        let mut there: Vec<_> = active.into_iter().filter(|(_, active)| *active).map(|(topic, _)| topic).collect();
        assert_eq!(there, self.listed());
        let mut expected: Vec<_> = self
            .clients
            .iter()
            .filter(|client| client.stream.is_some())
            .flat_map(|client| {
                let id = client.ticket.get().expect("the log knows it");
                let (subscriber, _) = ticket::find(&format!("#~{id}")).unwrap();
                let subscriber = super::follows::segment(&subscriber);
                client.topics.split(' ').map(move |topic| format!("/hub/subscriptions/exact/{topic}/{subscriber}"))
            })
            .collect();
        expected.sort();
        there.sort();
        assert_eq!(there, expected);
    }

    /// From now on all works.
    fn comes_to_rest(&mut self) {
        let all = self.all();
        self.passes(Duration::from_secs(60), &all);
        // Where nobody has subscribers, it is whoever looks next that notices.
        self.log.clock.set(self.now);
        ready(self.log.attend(&Changes { holder: 99, ..Changes::default() })).unwrap();
        self.check_at_rest();
    }
}

#[test]
fn who_comes_together_is_one_operation() {
    let mut stage = Stage::new(1);
    for _ in 0..400 {
        stage.comes(0, "a");
    }
    stage.passes(SECOND, &[0]);
    assert_eq!((stage.operations, stage.said().len()), (1, 400));
    for client in 0..400 {
        stage.ends(client, false);
    }
    stage.passes(SECOND, &[0]);
    assert_eq!((stage.operations, stage.said().len()), (2, 800));
}

#[test]
fn many_are_told_in_steps_so_that_others_can_write_meanwhile() {
    let mut stage = Stage::new(1);
    for _ in 0..2_000 {
        stage.comes(0, "a");
    }
    stage.passes(SECOND, &[0]);
    assert_eq!((stage.operations, stage.said().len()), (4, 2_000));
}

#[test]
fn those_who_follow_much_are_told_in_as_many_steps_as_if_they_were_as_many() {
    let mut stage = Stage::new(1);
    let much = (0..100).map(|topic| topic.to_string()).collect::<Vec<_>>().join(" ").leak();
    for _ in 0..20 {
        stage.comes(0, much);
    }
    stage.passes(SECOND, &[0]);
    assert_eq!((stage.operations, stage.said().len()), (4, 2_000));
}

#[test]
fn after_a_failure_and_when_all_begins_anew_many_are_told_in_steps_too() {
    let mut stage = Stage::new(2);
    for _ in 0..10 {
        stage.comes(0, &MANY);
    }
    stage.passes(SECOND, &[0]);
    let largest = |stage: &mut Stage, begun: usize| {
        let mut largest = 0;
        for _ in 0..20 {
            stage.now = after(stage.now, SECOND);
            let changes = stage.tells(0, Answer::Good).unwrap_or_default();
            largest = largest.max(changes.arrivals.iter().map(|arrival| arrival.listings.len()).sum());
        }
        assert_eq!(stage.said().iter().filter(|said| said.starts_with('+')).count(), begun);
        largest
    };
    stage.comes(0, "a");
    stage.now = after(stage.now, SECOND);
    assert!(stage.tells(0, Answer::Fails).is_some());
    assert_eq!(largest(&mut stage, 3_001), 1, "the log knows the others");
    stage.passes(30 * SECOND, &[1]);
    stage.comes(1, "b");
    stage.passes(SECOND, &[1]);
    assert_eq!(largest(&mut stage, 6_003), 600);
    stage.comes_to_rest();
}

#[test]
fn who_leaves_before_it_is_told_again_ends() {
    for answer in [Answer::Lost, Answer::Fails] {
        let mut stage = Stage::new(1);
        let clients = [MANY.as_str(), &MANY, &MANY, "a", "b"].map(|topics| stage.comes(0, topics));
        stage.now = after(stage.now, SECOND);
        stage.tells(0, answer).unwrap();
        stage.now = after(stage.now, SECOND);
        stage.tells(0, Answer::Good).unwrap();
        stage.ends(clients[1], false);
        stage.comes_to_rest();
        assert_eq!(stage.listed().len(), 602, "{answer:?}");
    }
}

#[test]
fn who_leaves_before_the_log_was_told_was_never_there() {
    let mut stage = Stage::new(1);
    let client = stage.comes(0, "a");
    stage.ends(client, true);
    stage.comes_to_rest();
    assert_eq!(stage.said(), [""; 0]);
    assert!(stage.instances[0].as_ref().unwrap().is_empty());
}

#[test]
fn who_leaves_while_the_log_is_told_ends_after_that() {
    let mut stage = Stage::new(1);
    let client = stage.comes(0, "a");
    stage.now = after(stage.now, SECOND);
    let members = stage.instances[0].as_mut().unwrap();
    let changes = members.tell(stage.now).unwrap();
    assert_eq!(members.tell(stage.now), None, "one operation at a time");
    stage.ends(client, true);
    let attended = ready(stage.log.attend(&changes)).unwrap();
    stage.instances[0].as_mut().unwrap().attended(Ok(&attended), stage.now);
    stage.comes_to_rest();
    assert_eq!(stage.said(), ["+a", "-a"]);
}

#[test]
fn a_client_that_comes_back_in_time_is_the_same_subscriber_wherever_it_comes() {
    let mut stage = Stage::new(2);
    let client = stage.comes(0, "a");
    for round in 0..6 {
        stage.passes(25 * SECOND, &[0, 1]);
        stage.ends(client, true);
        stage.passes(GRACE - SECOND, &[0, 1]);
        stage.connects(client, (round + 1) % 2);
    }
    stage.comes_to_rest();
    assert_eq!(stage.said(), ["+a"]);
}

#[test]
fn a_client_may_be_back_before_its_instance_has_said_that_it_left() {
    let mut stage = Stage::new(2);
    let client = stage.comes(0, "a");
    stage.passes(SECOND, &[0, 1]);
    stage.rotates(client, 1);
    stage.passes(SECOND, &[1]);
    stage.passes(SECOND, &[0]);
    stage.comes_to_rest();
    assert_eq!(stage.said(), ["+a"]);
}

#[test]
fn a_client_that_does_not_come_back_ends_after_its_grace() {
    for other in [true, false] {
        let mut stage = Stage::new(2);
        let client = stage.comes(0, "a");
        stage.comes(1, "b");
        stage.passes(SECOND, &[0, 1]);
        stage.ends(client, true);
        stage.passes(GRACE - SECOND, &[0, 1]);
        assert_eq!(stage.said().len(), 2);
        stage.passes(if other { 7 * SECOND } else { 2 * SECOND }, if other { &[1] } else { &[0] });
        assert_eq!(stage.said()[2..], ["-a"], "{other}");
        stage.connects(client, 1);
        stage.comes_to_rest();
        assert_eq!(stage.said()[3..], ["+a"]);
    }
}

#[test]
fn a_client_that_leaves_ends_soon() {
    let mut stage = Stage::new(1);
    let client = stage.comes(0, "a");
    stage.passes(SECOND, &[0]);
    stage.ends(client, false);
    stage.passes(Duration::from_millis(100), &[0]);
    assert_eq!(stage.said(), ["+a", "-a"]);
    assert!(stage.instances[0].as_ref().unwrap().is_empty(), "it has nothing more to do");
}

#[test]
fn a_client_that_comes_back_to_follow_something_else_is_another_subscriber() {
    let mut stage = Stage::new(1);
    let client = stage.comes(0, "a");
    stage.passes(SECOND, &[0]);
    stage.clients[client].topics = "b";
    stage.rotates(client, 0);
    stage.comes_to_rest();
    assert_eq!(stage.said(), ["+a", "+b", "-a"]);
}

#[test]
fn what_a_dead_instance_had_ends_once_within_30_seconds_however_many_notice() {
    let mut stage = Stage::new(4);
    for instance in 0..4 {
        stage.comes(instance, "a");
    }
    stage.passes(SECOND, &[0, 1, 2, 3]);
    stage.dies(0);
    stage.passes(30 * SECOND, &[1, 2, 3]);
    assert_eq!(stage.said()[4..], ["-a"]);
    stage.comes_to_rest();
}

#[test]
fn an_instance_that_stalled_begins_anew_what_others_have_ended() {
    let mut stage = Stage::new(2);
    stage.comes(0, "a");
    stage.comes(1, "b");
    stage.passes(SECOND, &[0, 1]);
    stage.passes(30 * SECOND, &[1]);
    assert_eq!(stage.said()[2..], ["-a"]);
    stage.comes_to_rest();
    assert_eq!(stage.said()[2..], ["-a", "+a"]);
}

#[test]
fn what_the_log_did_without_an_answer_is_done_once() {
    let mut stage = Stage::new(2);
    let client = stage.comes(0, "a");
    stage.now = after(stage.now, SECOND);
    stage.tells(0, Answer::Lost).unwrap();
    stage.passes(SECOND, &[0]);
    stage.rotates(client, 1);
    stage.now = after(stage.now, SECOND);
    stage.tells(1, Answer::Lost).unwrap();
    stage.tells(0, Answer::Lost).unwrap();
    stage.comes_to_rest();
    assert_eq!(stage.said(), ["+a"]);
    stage.ends(client, false);
    stage.now = after(stage.now, SECOND);
    stage.tells(1, Answer::Lost).unwrap();
    stage.comes_to_rest();
    assert_eq!(stage.said(), ["+a", "-a"]);
}

#[test]
fn a_log_that_is_away_is_told_all_when_it_is_back() {
    let mut stage = Stage::new(1);
    let (stays, leaves) = (stage.comes(0, "a"), stage.comes(0, "b"));
    stage.passes(SECOND, &[0]);
    stage.ends(leaves, false);
    stage.comes(0, "c");
    for _ in 0..20 {
        stage.now = after(stage.now, SECOND);
        stage.tells(0, Answer::Fails);
    }
    assert!(stage.operations < 12, "it is asked less and less often");
    assert!(stage.clients[stays].stream.is_some());
    stage.comes_to_rest();
}

#[test]
fn an_instance_without_subscribers_does_not_wait_for_ever() {
    let mut stage = Stage::new(1);
    let client = stage.comes(0, "a");
    stage.passes(SECOND, &[0]);
    stage.ends(client, false);
    for _ in 0..100 {
        stage.now = after(stage.now, SECOND);
        stage.tells(0, Answer::Fails);
    }
    assert!(stage.instances[0].as_ref().unwrap().is_empty());
}

#[test]
fn a_lease_is_renewed_by_one_operation_however_many_there_are() {
    let mut stage = Stage::new(1);
    for _ in 0..100 {
        stage.comes(0, "a");
    }
    stage.passes(SECOND, &[0]);
    let before = stage.operations;
    stage.passes(50 * SECOND, &[0]);
    assert_eq!(stage.operations - before, 10);
}

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    Comes(usize, &'static str),
    Connects(usize, usize),
    Ends(usize, bool),
    Rotates(usize, usize),
    Tells(usize, Answer),
    Passes(u64),
    /// Time passes, and one instance does nothing.
    Stalls(usize),
    Restarts(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let answer = prop_oneof![4 => Just(Answer::Good), 1 => Just(Answer::Fails), 1 => Just(Answer::Lost)];
    let topics = prop_oneof![4 => Just("a"), 4 => Just("b"), 1 => Just(MANY.as_str())];
    let step = prop_oneof![
        4 => (0..3_usize, topics).prop_map(|(instance, topics)| Step::Comes(instance, topics)),
        4 => (0..8_usize, 0..3_usize).prop_map(|(client, instance)| Step::Connects(client, instance)),
        4 => (0..8_usize, any::<bool>()).prop_map(|(client, in_order)| Step::Ends(client, in_order)),
        4 => (0..8_usize, 0..3_usize).prop_map(|(client, instance)| Step::Rotates(client, instance)),
        8 => (0..3_usize, answer).prop_map(|(instance, answer)| Step::Tells(instance, answer)),
        6 => (1..20_000_u64).prop_map(Step::Passes),
        1 => (0..3_usize).prop_map(Step::Stalls),
        1 => (0..3_usize).prop_map(Step::Restarts),
    ];
    proptest::collection::vec(step, 0..60)
}

fn play(steps: Vec<Step>) {
    let mut stage = Stage::new(3);
    for (number, step) in (100..).zip(steps) {
        stage.now += 1;
        match step {
            Step::Comes(instance, topics) => drop(stage.comes(instance, topics)),
            Step::Connects(client, instance) => {
                if stage.clients.get(client).is_some_and(|client| client.stream.is_none()) {
                    stage.connects(client, instance);
                }
            }
            Step::Ends(client, in_order) if client < stage.clients.len() => stage.ends(client, in_order),
            Step::Rotates(client, instance) if client < stage.clients.len() => stage.rotates(client, instance),
            Step::Ends(..) | Step::Rotates(..) => {}
            Step::Tells(instance, answer) => drop(stage.tells(instance, answer)),
            Step::Passes(millis) => {
                let all = stage.all();
                stage.passes(Duration::from_millis(millis), &all);
            }
            Step::Stalls(instance) => {
                let mut others = stage.all();
                others.retain(|other| *other != instance);
                stage.passes(30 * SECOND, &others);
            }
            Step::Restarts(instance) => {
                stage.dies(instance);
                stage.instances[instance] = Some(Members::new(number, GRACE));
            }
        }
    }
    stage.comes_to_rest();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn whatever_happens_each_subscription_begins_and_ends_once(steps in steps()) {
        play(steps);
    }
}
