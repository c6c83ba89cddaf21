//! Laws of relays, whatever happens in whatever order, and scenarios.
//!
//! * The log gets the updates of each upstream once and in order, up to where its topic was ended.
//! * An upstream that has ended ends its topic, and so does a relay that the log lost.
//! * What is held in memory is bounded.
//! * Every action is answered once: there is one append at a time, and one read of an upstream.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::instant::{Instant, after};
use crate::log::{Position, Record};
use crate::relays::action::{Action, Finished, Refused, RelayId};
use crate::relays::relay::MAX_PENDING;
use crate::relays::relays::Relays;

const LAST: &str = "last";

fn record(topic: &str, body: &str) -> Record {
    Record { id: None, last: body == LAST, meta: format!("-{topic}\n"), body: body.to_owned() }
}

/// An upstream, and what is known of its relay.
#[derive(Debug, Default)]
struct Upstream {
    topic: String,
    sent: usize,
    reading: bool,
    over: bool,
    finished: Option<Finished>,
}

/// A log that answers when it is told to.
struct Stage {
    now: Instant,
    relays: Relays,
    actions: Vec<Action>,
    upstreams: Vec<Upstream>,
    ids: BTreeMap<RelayId, usize>,
    /// What is in the log, by topic.
    log: BTreeMap<String, Vec<String>>,
    count: u64,
    ended: Vec<String>,
    /// Topics of relays that the log no longer knows.
    lost: Vec<String>,
    append: Option<Vec<Record>>,
    find: Option<(Position, Record)>,
    /// When it was asked, and whether it is to renew.
    hold: Option<(Instant, bool)>,
}

impl Stage {
    fn new() -> Stage {
        Stage {
            now: 0,
            relays: Relays::new(0),
            actions: Vec::new(),
            upstreams: Vec::new(),
            ids: BTreeMap::new(),
            log: BTreeMap::new(),
            count: 0,
            ended: Vec::new(),
            lost: Vec::new(),
            append: None,
            find: None,
            hold: None,
        }
    }

    fn position(&self) -> Position {
        Position { epoch: "e".into(), sequence: self.count }
    }

    fn begins(&mut self) -> usize {
        let topic = format!("t{}", self.upstreams.len());
        let id = self.relays.begin(Rc::from(topic.as_str()), self.position(), self.now);
        assert!(self.ids.insert(id, self.upstreams.len()).is_none(), "the name of a relay that has not finished");
        self.upstreams.push(Upstream { topic, ..Upstream::default() });
        self.round();
        self.upstreams.len() - 1
    }

    fn round(&mut self) {
        self.act();
        self.relays.round(self.now, &mut self.actions);
        self.act();
        assert!(self.relays.held_in_memory() <= 2 * MAX_PENDING + 1);
    }

    fn act(&mut self) {
        for action in std::mem::take(&mut self.actions) {
            match action {
                Action::Read(id) => {
                    let upstream = &mut self.upstreams[self.ids[&id]];
                    assert!(!upstream.reading && !upstream.over);
                    upstream.reading = true;
                }
                Action::Append(records) => {
                    assert!(self.append.replace(records).is_none() && self.find.is_none());
                }
                Action::Find(after, record) => {
                    assert!(self.find.replace((after, record)).is_none() && self.append.is_none());
                }
                Action::Hold { renew } => assert!(self.hold.replace((self.now, renew)).is_none()),
                Action::Interrupt(id) => {
                    let Upstream { topic, reading, over, .. } = &mut self.upstreams[self.ids[&id]];
                    assert!(!*over);
                    (*reading, *over) = (false, true);
                    self.relays.upstream_ended(id, record(topic, LAST));
                }
                Action::Finish(id, finished) => {
                    let upstream = &mut self.upstreams[self.ids.remove(&id).unwrap()];
                    assert!(upstream.finished.replace(finished).is_none());
                }
            }
        }
    }

    fn id(&self, upstream: usize) -> Option<RelayId> {
        self.ids.iter().find(|(_, at)| **at == upstream).map(|(id, _)| *id)
    }

    fn sends(&mut self, upstream: usize) {
        if let Some(id) = self.id(upstream).filter(|_| self.upstreams[upstream].reading) {
            let Upstream { topic, sent, reading, .. } = &mut self.upstreams[upstream];
            self.relays.message(id, record(topic, &sent.to_string()));
            (*sent, *reading) = (*sent + 1, false);
        }
        self.round();
    }

    fn ends(&mut self, upstream: usize) {
        if let Some(id) = self.id(upstream).filter(|_| self.upstreams[upstream].reading) {
            let Upstream { topic, reading, over, .. } = &mut self.upstreams[upstream];
            self.relays.upstream_ended(id, record(topic, LAST));
            (*reading, *over) = (false, true);
        }
        self.round();
    }

    /// Somebody else ends a topic.
    fn is_stopped(&mut self, upstream: usize) {
        let topic = self.upstreams[upstream].topic.clone();
        if !self.ended.contains(&topic) {
            self.log.entry(topic.clone()).or_default().push("stop".to_owned());
            self.count += 1;
            self.ended.push(topic);
        }
        self.round();
    }

    fn is_lost(&mut self, upstream: usize) {
        self.lost.push(self.upstreams[upstream].topic.clone());
    }

    fn store(&mut self, records: &[Record]) -> Result<Position, Refused> {
        let topic = |record: &Record| record.topics().next().unwrap().to_owned();
        if let Some(record) = records.iter().find(|record| self.ended.contains(&topic(record))) {
            return Err(Refused::Ended(topic(record)));
        }
        for record in records {
            self.log.entry(topic(record)).or_default().push(record.body.clone());
            self.count += 1;
            if record.body == LAST {
                self.ended.push(topic(record));
            }
        }
        Ok(self.position())
    }

    /// The log answers an append. Whether it does what it was asked to, and whether it says so.
    fn appends(&mut self, does: bool, says: bool) {
        if let Some(records) = self.append.take() {
            let result = if does { self.store(&records) } else { Err(Refused::Unavailable { uncertain: false }) };
            let result = if says { result } else { Err(Refused::Unavailable { uncertain: true }) };
            self.relays.appended(result, self.now, &mut self.actions);
        }
        self.round();
    }

    fn finds(&mut self, answers: bool) {
        if let Some((_, record)) = self.find.take() {
            let known = self.log.get(record.topics().next().unwrap());
            let found = known.is_some_and(|bodies| bodies.contains(&record.body));
            self.relays.found(answers.then(|| (found, self.position())), self.now);
        }
        self.round();
    }

    fn holds(&mut self, answers: bool) {
        if let Some((asked, _)) = self.hold.take() {
            let topics = self.upstreams.iter().map(|upstream| upstream.topic.clone());
            let topics: Vec<_> =
                topics.filter(|topic| !self.ended.contains(topic) && !self.lost.contains(topic)).collect();
            let Stage { relays, actions, now, .. } = self;
            relays.held(answers.then_some(&topics[..]), asked, *now, actions);
        }
        self.round();
    }

    fn passes(&mut self, millis: u64) {
        self.now = after(self.now, Duration::from_millis(millis));
        self.round();
    }

    /// What the log has of each upstream is the beginning of what it sent, and then at most one end.
    fn check(&self) {
        for upstream in &self.upstreams {
            let empty = Vec::new();
            let bodies = self.log.get(&upstream.topic).unwrap_or(&empty);
            let updates = bodies.iter().filter(|body| *body != LAST && *body != "stop");
            let expected: Vec<_> = (0..upstream.sent).map(|number| number.to_string()).collect();
            let updates: Vec<_> = updates.cloned().collect();
            assert!(expected.starts_with(&updates), "{upstream:?} {bodies:?}");
            let ends = bodies.iter().filter(|body| *body == LAST || *body == "stop").count();
            assert_eq!(ends, usize::from(self.ended.contains(&upstream.topic)), "{bodies:?}");
        }
    }

    /// From now on the log works, and all upstreams end.
    fn comes_to_rest(&mut self) {
        for _ in 0..10_000 {
            (0..self.upstreams.len()).for_each(|upstream| self.ends(upstream));
            self.appends(true, true);
            self.finds(true);
            self.holds(true);
            if self.relays.is_empty() {
                break;
            }
            let due = self.relays.due();
            assert!(due < Instant::MAX || self.append.is_some() || self.find.is_some() || self.hold.is_some());
            self.now = self.now.max(due.min(after(self.now, Duration::from_secs(5))));
            self.round();
        }
        assert!(self.relays.is_empty(), "a relay waits for nothing: {:?}", self.relays);
        self.check();
        for upstream in &self.upstreams {
            let finished = upstream.finished.unwrap();
            assert!(self.ended.contains(&upstream.topic));
            if upstream.over && !finished.stopped {
                let bodies = &self.log[&upstream.topic];
                assert_eq!(bodies.len(), upstream.sent + 1, "{upstream:?} {bodies:?}");
                assert_eq!(finished.updates, u64::try_from(bodies.len()).unwrap());
            }
        }
    }
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    Begins,
    Sends(Index, u8),
    Ends(Index),
    IsStopped(Index),
    IsLost(Index),
    Appends(bool, bool),
    Finds(bool),
    Holds(bool),
    Passes(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Begins),
        12 => (any::<Index>(), 1..120_u8).prop_map(|(upstream, count)| Event::Sends(upstream, count)),
        1 => any::<Index>().prop_map(Event::Ends),
        1 => any::<Index>().prop_map(Event::IsStopped),
        1 => any::<Index>().prop_map(Event::IsLost),
        8 => Just(Event::Appends(true, true)),
        4 => any::<(bool, bool)>().prop_map(|(does, says)| Event::Appends(does, says)),
        4 => prop::bool::weighted(0.8).prop_map(Event::Finds),
        4 => prop::bool::weighted(0.8).prop_map(Event::Holds),
        6 => (1..2_000_u64).prop_map(Event::Passes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn each_upstream_is_in_the_log_once_and_in_order(events in prop::collection::vec(event(), 1..120)) {
        let mut stage = Stage::new();
        stage.begins();
        for event in &events {
            let count = stage.upstreams.len();
            match event {
                Event::Begins => drop(stage.begins()),
                Event::Sends(upstream, times) => (0..*times).for_each(|_| stage.sends(upstream.index(count))),
                Event::Ends(upstream) => stage.ends(upstream.index(count)),
                Event::IsStopped(upstream) => stage.is_stopped(upstream.index(count)),
                Event::IsLost(upstream) => stage.is_lost(upstream.index(count)),
                Event::Appends(does, says) => stage.appends(*does, *says),
                Event::Finds(answers) => stage.finds(*answers),
                Event::Holds(answers) => stage.holds(*answers),
                Event::Passes(millis) => stage.passes(*millis),
            }
            stage.check();
        }
        stage.comes_to_rest();
    }
}

#[test]
fn the_first_event_is_appended_at_once_and_what_comes_meanwhile_together() {
    let mut stage = Stage::new();
    let (one, two) = (stage.begins(), stage.begins());
    stage.sends(one);
    assert_eq!(stage.append.as_ref().unwrap().len(), 1);
    stage.sends(one);
    stage.sends(two);
    stage.appends(true, true);
    assert_eq!(stage.append, None, "it is too soon");
    stage.sends(one);
    stage.passes(10);
    assert_eq!(stage.append.as_ref().unwrap().len(), 3);
}

#[test]
fn appends_that_take_long_are_fewer_and_none_waits_for_ever() {
    for (took, pause) in [(1, 10), (5, 10), (30, 60), (10_000, 10_000)] {
        let mut stage = Stage::new();
        let relay = stage.begins();
        stage.sends(relay);
        stage.passes(took);
        stage.sends(relay);
        stage.appends(true, true);
        assert_eq!(stage.append.is_some(), took == pause, "{took}");
        stage.passes(pause - took);
        assert!(stage.append.is_some(), "{took}");
    }
}

#[test]
fn a_relay_whose_updates_are_not_taken_does_not_read_on() {
    let mut stage = Stage::new();
    let relay = stage.begins();
    (0..1_000).for_each(|_| stage.sends(relay));
    assert_eq!(stage.upstreams[relay].sent, MAX_PENDING + 1, "one append is under way");
    stage.appends(true, true);
    stage.passes(10);
    stage.appends(true, true);
    stage.sends(relay);
    assert_eq!(stage.upstreams[relay].sent, MAX_PENDING + 2);
}

#[test]
fn a_relay_that_is_silent_learns_within_a_second_that_it_was_stopped() {
    let mut stage = Stage::new();
    let relay = stage.begins();
    stage.is_stopped(relay);
    let due = stage.relays.due();
    assert!(due < after(0, Duration::from_secs(1)));
    stage.now = due;
    stage.round();
    stage.holds(true);
    assert!(stage.upstreams[relay].over);
    stage.appends(true, true);
    assert_eq!(stage.upstreams[relay].finished, Some(Finished { updates: 0, stopped: true }));
}

#[test]
fn a_relay_that_the_log_lost_ends_its_topic_after_what_it_has_read() {
    let mut stage = Stage::new();
    let relay = stage.begins();
    stage.is_lost(relay);
    stage.sends(relay);
    stage.appends(false, true);
    stage.passes(700);
    stage.holds(true);
    stage.appends(true, true);
    stage.passes(20);
    stage.appends(true, true);
    assert_eq!(stage.log["t0"], ["0", LAST]);
    assert_eq!(stage.upstreams[relay].finished, Some(Finished { updates: 2, stopped: false }));
}

#[test]
fn a_relay_that_was_stopped_does_not_keep_the_others_from_appending() {
    let mut stage = Stage::new();
    let (one, two) = (stage.begins(), stage.begins());
    stage.sends(one);
    stage.appends(true, true);
    stage.is_stopped(one);
    stage.sends(one);
    stage.sends(two);
    stage.passes(10);
    stage.appends(true, true);
    assert_eq!(stage.upstreams[one].finished, Some(Finished { updates: 1, stopped: true }));
    stage.passes(10);
    stage.appends(true, true);
    assert_eq!(stage.log["t1"], ["0"]);
}

#[test]
fn an_append_without_an_answer_is_looked_for_before_it_is_tried_again() {
    for does in [true, false] {
        let mut stage = Stage::new();
        let relay = stage.begins();
        stage.sends(relay);
        stage.appends(does, false);
        assert_eq!((&stage.append, &stage.find), (&None, &None));
        stage.passes(100);
        assert!(stage.find.is_some());
        stage.finds(true);
        stage.passes(10);
        stage.appends(true, true);
        assert_eq!(stage.log["t0"], ["0"], "{does}");
    }
}

#[test]
fn while_the_log_is_away_leases_are_renewed_again_and_again_within_a_second() {
    let mut stage = Stage::new();
    stage.begins();
    let mut renewed_at = after(0, Duration::from_secs(5));
    while stage.now < after(0, Duration::from_secs(30)) {
        stage.passes(100);
        if stage.hold.is_some_and(|(_, renew)| renew) {
            renewed_at = stage.now;
        }
        stage.holds(false);
        assert!(stage.now < after(renewed_at, Duration::from_secs(1)));
    }
}
