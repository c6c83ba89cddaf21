//! Laws that hold whatever happens, in whatever order:
//!
//! * A client gets every update that it hears, once and in order, or a gap that says so, from when it asked or earlier.
//!   To a client of quiet streams nothing says so.
//! * No session waits while there is something for it.
//! * A stream of topics that have all ended ends, and its client comes back once at most. No other client is told to
//!   stop.
//! * What is held is bounded.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::stage::{Client, Got, MS, Stage};
use crate::fanout::settings::Wakeups;
use crate::log::Position;
use crate::request::subscribe::Start;

/// What clients follow; what is published is on one of the first three.
const TOPICS: [&str; 6] = ["a/1", "a/2", "b/1", "*", "a/:id", "{+letter}/1"];

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    Joins { topics: Vec<usize>, earliest: bool, quiet: bool, lasts: u64, max_bytes: u64 },
    Appends { topic: usize, count: usize, size: usize },
    Ends { topics: Vec<usize> },
    ForgetsEnds,
    IsTold,
    IsNotTold,
    Published { topic: usize },
    Round,
    ReadArrives,
    ReadReturns,
    ReadFails,
    Registers,
    RegistrationFails,
    WaitReturns,
    WaitFails,
    Reads(Index),
    Leaves(Index),
    ComesBack(Index),
    Stops,
    Passes(u64),
    LosesEnd(u64),
    Forgets,
}

fn event(loses: bool) -> impl Strategy<Value = Event> {
    let joins =
        (prop::collection::vec(0..TOPICS.len(), 1..3), any::<(bool, bool)>(), 100..400_000_u64, 1_000..2_000_000_u64);
    let joins = joins.prop_map(|(topics, (earliest, quiet), lasts, max_bytes)| Event::Joins {
        topics,
        earliest,
        quiet,
        lasts,
        max_bytes,
    });
    let small = (0..3_usize, 1..20_usize, 1..200_usize);
    let many = (0..3_usize, 500..2_500_usize, 1..20_usize);
    let large = (0..3_usize, 1..8_usize, 30_000..200_000_usize);
    let appends = prop_oneof![8 => small, 1 => many, 1 => large];
    let appends = appends.prop_map(|(topic, count, size)| Event::Appends { topic, count, size });
    let nothing_is_lost = prop_oneof![
        4 => joins,
        8 => appends,
        1 => prop::collection::vec(0..3_usize, 1..3).prop_map(|topics| Event::Ends { topics }),
        3 => Just(Event::IsTold),
        1 => Just(Event::IsNotTold),
        4 => (0..3_usize).prop_map(|topic| Event::Published { topic }),
        12 => Just(Event::Round),
        4 => Just(Event::Registers),
        1 => Just(Event::RegistrationFails),
        1 => Just(Event::WaitFails),
        2 => Just(Event::ReadArrives),
        6 => Just(Event::ReadReturns),
        1 => Just(Event::ReadFails),
        3 => Just(Event::WaitReturns),
        16 => any::<Index>().prop_map(Event::Reads),
        3 => any::<Index>().prop_map(Event::Leaves),
        3 => any::<Index>().prop_map(Event::ComesBack),
        2 => Just(Event::Stops),
        4 => (1..20_000_u64).prop_map(Event::Passes),
    ];
    let losses = prop_oneof![4 => (0..30_u64).prop_map(Event::LosesEnd), 1 => Just(Event::Forgets), 2 => Just(Event::ForgetsEnds)];
    if loses { prop_oneof![20 => nothing_is_lost, 1 => losses].boxed() } else { nothing_is_lost.boxed() }
}

/// What was published, and where it is in the log.
#[derive(Debug)]
struct Published {
    position: Position,
    topics: Vec<&'static str>,
    lost: bool,
}

/// The stage, and what an all-knowing observer knows of it.
struct Model {
    stage: Stage,
    published: Vec<Published>,
    /// Of each epoch: the epoch that it continues with the last common sequence, or how much was published before it.
    epochs: HashMap<String, Result<(String, u64), usize>>,
    epoch: String,
    /// Topics that have ended, and the sequence of their last update.
    ended: HashMap<&'static str, u64>,
    /// The log has lost something: who was told to stop before does not hear what came later.
    has_lost: bool,
}

impl Model {
    fn new(history: usize, wakeups: Wakeups) -> Self {
        let epochs = HashMap::from([("a".to_owned(), Err(0))]);
        let (mut stage, epoch) = (Stage::new(history, wakeups), "a".to_owned());
        stage.joins_late = true;
        Model { stage, published: Vec::new(), epochs, epoch, ended: HashMap::new(), has_lost: false }
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Joins { topics, earliest, quiet, lasts, max_bytes } => {
                let topics: Vec<_> = topics.iter().map(|topic| TOPICS[*topic]).collect();
                let start = if *earliest { Start::Earliest } else { Start::Now };
                let joins = if *quiet { Stage::joins_quietly } else { Stage::joins_for };
                joins(&mut self.stage, &topics, &start, *lasts * MS, *max_bytes);
            }
            Event::Appends { topic, count, size } => {
                let takes = !self.ended.contains_key(TOPICS[*topic]);
                for _ in 0..if takes { *count } else { 0 } {
                    let data = format!("{}{}", "0".repeat(*size), self.published.len());
                    let position = self.stage.appends(TOPICS[*topic], &data);
                    self.published.push(Published { position, topics: vec![TOPICS[*topic]], lost: false });
                }
            }
            Event::Ends { topics } => self.ends_topics(topics.iter().map(|topic| TOPICS[*topic]).collect()),
            Event::ForgetsEnds => {
                self.stage.log.forget_ends();
                self.ended.clear();
                self.has_lost = true;
            }
            Event::IsTold => self.stage.is_told(),
            Event::IsNotTold => self.stage.hints.clear(),
            Event::Published { topic } if self.ended.contains_key(TOPICS[*topic]) => {}
            Event::Published { topic } => {
                let data = self.published.len().to_string();
                let position = self.stage.publishes(TOPICS[*topic], &data);
                self.published.push(Published { position, topics: vec![TOPICS[*topic]], lost: false });
            }
            Event::Round => self.stage.round(),
            Event::ReadArrives => drop(self.stage.read_arrives()),
            Event::ReadReturns => drop(self.stage.read_returns()),
            Event::ReadFails => drop(self.stage.read_fails()),
            Event::Registers => drop(self.stage.registers()),
            Event::RegistrationFails => drop(self.stage.registration_fails()),
            Event::WaitReturns => drop(self.stage.wait_returns()),
            Event::WaitFails => drop(self.stage.wait_fails()),
            Event::Reads(index) => drop(self.client(index).map(|client| self.stage.reads(client))),
            Event::Leaves(index) => drop(self.client(index).map(|client| self.stage.leaves(client))),
            Event::ComesBack(index) => {
                if let Some(client) = self.client(index) {
                    self.comes_back(client);
                }
            }
            Event::Stops => drop(self.stage.stops()),
            Event::Passes(ms) => self.stage.passes(Duration::from_millis(*ms)),
            Event::LosesEnd(count) => self.loses_end(*count),
            Event::Forgets => {
                let epoch = format!("forgot{}", self.epochs.len());
                self.stage.log.forget(&epoch);
                self.published.iter_mut().for_each(|published| published.lost = true);
                self.epochs.insert(epoch.clone(), Err(self.published.len()));
                self.epoch = epoch;
                self.ended.clear();
                self.has_lost = true;
            }
        }
        self.stage.dispatcher().check();
    }

    fn client(&self, index: &Index) -> Option<usize> {
        (!self.stage.clients.is_empty()).then(|| index.index(self.stage.clients.len()))
    }

    fn loses_end(&mut self, count: u64) {
        let kept = |published: &&mut Published| !published.lost;
        let head = self.published.iter().filter(|published| !published.lost).count() as u64;
        let common = head.saturating_sub(count);
        for published in self.published.iter_mut().filter(kept) {
            published.lost = published.position.sequence > common;
        }
        let epoch = format!("lost{}", self.epochs.len());
        self.stage.log.lose_end(count, &epoch);
        self.epochs.insert(epoch.clone(), Ok((self.epoch.clone(), common)));
        self.epoch = epoch;
        self.ended.retain(|_, end| *end <= common);
        self.has_lost = true;
    }

    fn ends_topics(&mut self, topics: Vec<&'static str>) {
        if topics.iter().all(|topic| !self.ended.contains_key(topic)) {
            let position = self.stage.appends_last(&topics, &self.published.len().to_string());
            self.ended.extend(topics.iter().map(|topic| (*topic, position.sequence)));
            self.published.push(Published { position, topics, lost: false });
        }
    }

    fn comes_back(&mut self, client: usize) {
        if !self.stage.is_open(client) && !self.stage.clients[client].is_done {
            self.stage.comes_back(client);
        }
    }

    /// How much was published up to a position.
    fn published_up_to(&self, position: &Position) -> usize {
        match &self.epochs[&position.epoch] {
            Ok((parent, common)) if position.sequence <= *common => {
                self.published_up_to(&Position { epoch: parent.clone(), sequence: position.sequence })
            }
            Err(before) if position.sequence == 0 => *before,
            _ => self.published.iter().position(|published| published.position == *position).unwrap() + 1,
        }
    }

    /// All clients come back, and all that can happen happens. Then each has all that it hears.
    fn ends(mut self, may_have_gaps: bool) {
        for _ in 0..2 {
            for client in 0..self.stage.clients.len() {
                self.comes_back(client);
            }
            self.stage.settles();
            self.stage.dispatcher().check();
        }
        for client in 0..self.stage.clients.len() {
            let topics = &self.stage.clients[client].topics;
            let have_ended = topics.iter().all(|topic| self.ended.contains_key(topic.as_str()));
            let state = &self.stage.clients[client];
            if have_ended {
                assert_eq!(state.session, None, "the stream of client {client} waits for topics that have ended");
                self.comes_back(client);
                assert!(self.stage.clients[client].is_done, "client {client} comes back again");
            } else if !state.is_done || !self.has_lost {
                assert!(state.session.is_some(), "the stream of client {client} ended early");
            }
        }
        for client in &self.stage.clients {
            if !(client.is_done && client.got.is_empty()) {
                self.check(client, may_have_gaps);
            }
        }
    }

    #[track_caller]
    fn check(&self, client: &Client, may_have_gaps: bool) {
        let Client { topics, got, begins, asked_at, .. } = client;
        let position = match (got.first(), begins) {
            (Some(Got::Ready { position, .. } | Got::Place { position }), _) | (_, Some(position)) => position,
            _ => panic!("a stream begins with a place: {got:?}"),
        };
        let hears = |published: &Published| {
            let about = &published.topics;
            topics.iter().any(|followed| match followed.as_str() {
                "*" => true,
                "a/:id" => about.iter().any(|topic| topic.starts_with("a/")),
                "{+letter}/1" => about.iter().any(|topic| topic.ends_with("/1")),
                followed => about.contains(&followed),
            })
        };
        let begins = self.published_up_to(position);
        // It has its response head: it does not miss what is published from then on.
        let mut next = asked_at.as_ref().map_or(begins, |asked| begins.min(self.published_up_to(asked)));
        let mut last: Option<usize> = None;
        let mut gap = may_have_gaps && next < begins;
        let end = Got::Update { id: String::new(), data: self.published.len().to_string() };
        // Who was told to stop does not hear what a log that forgot why takes later.
        let end = Some(&end).filter(|_| !(client.is_done && self.has_lost));
        for got in got.iter().chain(end) {
            let data = match got {
                Got::Ready { .. } => continue,
                Got::Place { .. } => {
                    gap |= may_have_gaps;
                    continue;
                }
                Got::Gap { .. } => {
                    assert!(may_have_gaps, "a gap, where nothing was lost");
                    gap = true;
                    continue;
                }
                Got::Update { data, .. } => data,
            };
            let index: usize = data.parse().unwrap();
            assert!(index >= next, "update {index} is doubled or out of order");
            let missed = (next..index).find(|at| !self.published[*at].lost && hears(&self.published[*at]));
            assert!(missed.is_none() || gap, "update {missed:?} is missing before {index}, and no gap says so");
            let was_lost = last.is_some_and(|last| self.published[last].lost);
            let is_lost = self.published.get(index).is_some_and(|published| published.lost);
            assert!(!was_lost || is_lost || gap, "update {last:?} was lost by the log, and no gap says so");
            (next, last, gap) = (index + 1, Some(index), false);
        }
    }
}

fn check(events: &[Event], history: usize, wakeups: Wakeups, may_have_gaps: bool) {
    let mut model = Model::new(history, wakeups);
    events.iter().for_each(|event| model.happens(event));
    model.ends(may_have_gaps);
}

fn wakeups() -> impl Strategy<Value = Wakeups> {
    prop_oneof![Just(Wakeups::None), Just(Wakeups::Sent), Just(Wakeups::Awaited)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_that_loses_nothing_is_delivered_without_a_gap(
        events in prop::collection::vec(event(false), 1..120), wakeups in wakeups(),
    ) {
        check(&events, usize::MAX, wakeups, false);
    }

    #[test]
    fn what_was_pruned_is_a_gap(events in prop::collection::vec(event(false), 1..120), wakeups in wakeups()) {
        check(&events, 50, wakeups, true);
    }

    #[test]
    fn what_the_log_lost_is_a_gap(events in prop::collection::vec(event(true), 1..120), wakeups in wakeups()) {
        check(&events, usize::MAX, wakeups, true);
    }

    #[test]
    fn what_was_pruned_or_lost_is_a_gap(
        events in prop::collection::vec(event(true), 1..120), wakeups in wakeups(),
    ) {
        check(&events, 50, wakeups, true);
    }
}
