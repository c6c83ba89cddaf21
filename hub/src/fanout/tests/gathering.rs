//! However instances, clients and the log behave, no stream ends that came after the decision, and no client is told
//! twice to gather within the lifetime of a stream.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::stage::{MS, SECOND};
use crate::fanout::gathering::{Gathering, Step};
use crate::instant::{Instant, after, between};
use crate::log::laws::now;
use crate::log::memory::MemoryLog;
use crate::log::{Census, LEASE, ListenerId, Log, Registration};

const LIFETIME: Duration = Duration::from_secs(60);
const INSTANCES: usize = 4;
const CLIENTS: usize = 6;

#[derive(Debug, Clone)]
enum Event {
    /// A client that has no stream opens one.
    Joins {
        client: Index,
        instance: Index,
    },
    /// A registration begins. The log takes it now, or when the answer arrives.
    Registers {
        instance: Index,
        at_once: bool,
    },
    /// The answer arrives.
    IsAnswered {
        instance: Index,
    },
    /// The answer is lost.
    Fails {
        instance: Index,
    },
    /// All registrations are made.
    AllRegister,
    /// Someone proposes that these gather, whatever it knows.
    Decides {
        chosen: [bool; INSTANCES],
    },
    /// An instance is replaced by one of the same name.
    Restarts {
        instance: Index,
    },
    Passes(u64),
    /// The log's clock steps back.
    StepsBack(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let index = any::<Index>;
    prop_oneof![
        8 => (index(), index()).prop_map(|(client, instance)| Event::Joins { client, instance }),
        3 => (index(), any::<bool>()).prop_map(|(instance, at_once)| Event::Registers { instance, at_once }),
        3 => index().prop_map(|instance| Event::IsAnswered { instance }),
        1 => index().prop_map(|instance| Event::Fails { instance }),
        6 => Just(Event::AllRegister),
        4 => any::<[bool; INSTANCES]>().prop_map(|chosen| Event::Decides { chosen }),
        1 => index().prop_map(|instance| Event::Restarts { instance }),
        6 => (1..9_000_u64).prop_map(Event::Passes),
        1 => (1..60_000_u64).prop_map(Event::Passes),
        1 => (1..200_000_u64).prop_map(Event::StepsBack),
    ]
}

struct Instance {
    gathering: Gathering,
    /// When the registration began that is under way, and what the log has answered.
    registering: Option<(Instant, Option<Census>)>,
    /// Clients, when they joined, and when the instance ends their streams.
    streams: Vec<(usize, Instant, Option<Instant>)>,
}

impl Instance {
    fn new(now: Instant) -> Instance {
        Instance { gathering: Gathering::new(Some(LIFETIME), now), registering: None, streams: Vec::new() }
    }
}

struct World {
    log: MemoryLog,
    now: Instant,
    /// How far the log's clock is behind.
    behind: Instant,
    instances: Vec<Instance>,
    /// When the last decision was.
    decided: Instant,
    /// When each client was last told to gather.
    ended: [Option<Instant>; CLIENTS],
    /// How often a client was told.
    ends: usize,
}

impl World {
    fn new() -> World {
        let now = 100_000 * SECOND;
        let instances = (0..INSTANCES).map(|_| Instance::new(now)).collect();
        World { log: MemoryLog::new("e", 10), now, behind: 0, instances, decided: 0, ended: [None; CLIENTS], ends: 0 }
    }

    fn happens(&mut self, event: &Event) {
        self.log.clock.set(self.now - self.behind);
        let of = |index: &Index| index.index(INSTANCES);
        match event {
            Event::Joins { client, instance } => self.joins(client.index(CLIENTS), of(instance)),
            Event::Registers { instance, at_once } => self.registers(of(instance), *at_once),
            Event::IsAnswered { instance } => self.is_answered(of(instance)),
            Event::Fails { instance } => self.instances[of(instance)].registering = None,
            Event::AllRegister => {
                for instance in 0..INSTANCES {
                    self.registers(instance, true);
                    self.is_answered(instance);
                }
            }
            Event::Decides { chosen } => {
                let chosen: Vec<_> = (0..).zip(chosen).filter(|(_, is)| **is).map(|(listener, _)| listener).collect();
                if now(self.log.drain(&chosen, LIFETIME + LEASE)).unwrap() {
                    self.decided = self.now;
                }
            }
            Event::Restarts { instance } => self.instances[of(instance)] = Instance::new(self.now),
            Event::Passes(ms) => {
                self.now += ms * MS;
                self.end_streams();
            }
            Event::StepsBack(ms) => self.behind += ms * MS,
        }
    }

    fn joins(&mut self, client: usize, instance: usize) {
        let mut streams = self.instances.iter().flat_map(|instance| &instance.streams);
        if streams.all(|(other, ..)| *other != client) {
            self.now += 1;
            self.instances[instance].streams.push((client, self.now, None));
            self.instances[instance].gathering.joined(self.now);
        }
    }

    fn registers(&mut self, instance: usize, at_once: bool) {
        if self.instances[instance].registering.is_none() {
            self.now += 1;
            let census = at_once.then(|| self.census(instance));
            self.instances[instance].registering = Some((self.now, census));
        }
    }

    fn census(&self, instance: usize) -> Census {
        let listener = instance as ListenerId;
        let registration = Registration { listener, streams: 1, added: vec![], removed: vec![] };
        now(self.log.register(&registration)).unwrap()
    }

    fn is_answered(&mut self, at: usize) {
        let Some((began, census)) = self.instances[at].registering.take() else { return };
        let census = census.unwrap_or_else(|| self.census(at));
        let Instance { gathering, streams, .. } = &mut self.instances[at];
        if let Step::Leave(since) = gathering.census(at as ListenerId, &census, began, self.now) {
            for (_, joined, deadline) in streams {
                if *joined < since {
                    assert!(*joined <= self.decided, "it came {} ms after the decision", (*joined - self.decided) / MS);
                    *deadline = gathering.deadline(1 << 30);
                }
            }
        }
        while gathering.turns_door(self.now).is_some() {}
    }

    fn end_streams(&mut self) {
        for instance in &mut self.instances {
            let is_over = |deadline: &Option<Instant>| deadline.is_some_and(|deadline| deadline <= self.now);
            for (client, _, deadline) in &instance.streams {
                let Some(end) = deadline.filter(|_| is_over(deadline)) else { continue };
                if let Some(last) = self.ended[*client].replace(end) {
                    assert!(between(last, end) >= LIFETIME, "told twice, {} ms apart", (end - last) / MS);
                }
                self.ends += 1;
            }
            let lives = |joined: Instant| after(joined, LIFETIME) > self.now;
            instance.streams.retain(|(_, joined, deadline)| !is_over(deadline) && lives(*joined));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_client_is_told_twice_within_the_lifetime_of_a_stream_and_none_that_came_after_the_decision(
        events in prop::collection::vec(event(), 1..300)
    ) {
        let mut world = World::new();
        events.iter().for_each(|event| world.happens(event));
    }
}

#[test]
fn clients_are_told_to_gather_again_after_that() {
    let mut world = World::new();
    for _ in 0..2 {
        for client in 0..CLIENTS {
            world.joins(client, 1);
        }
        for event in [Event::AllRegister, Event::Decides { chosen: [true; INSTANCES] }, Event::AllRegister] {
            world.happens(&Event::Passes(1_000));
            world.happens(&event);
        }
        world.happens(&Event::Passes(3_000));
        for _ in 0..10 {
            world.happens(&Event::Passes(9_000));
            world.happens(&Event::AllRegister);
        }
    }
    assert_eq!(world.ends, 2 * CLIENTS);
}
