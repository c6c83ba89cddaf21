//! Thousands of subscribers in one thread: they count, check the order, and measure how long each update took.

mod disturb;
mod expected;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mio::{Events, Poll, Token};

use crate::answers::Answers;
use crate::http::DEADLINE;
use crate::random::Random;
use crate::server::{Dialect, Server, get};
use crate::subscriber::{Receiver, Stage, Subscriber};
use crate::tally::Tally;

/// How long an `EventSource` waits before it comes back; the hub tells each client 50 to 150 % of it.
const RETRY: Duration = Duration::from_secs(1);

/// Subscribers of one server.
pub struct Swarm {
    poll: Poll,
    address: SocketAddr,
    dialect: Dialect,
    /// What a subscriber asks for by its number, in place of its topic.
    pub path: Option<Box<dyn Fn(usize) -> String>>,
    subscribers: Vec<Subscriber>,
    receiver: Receiver,
    /// What has become of their requests, since the beginning.
    pub answers: Answers,
    /// Whether they come back and put up with refusals, as a browser does.
    event_sources: bool,
    /// Who has reached this number does not come back.
    pub enough: u64,
    /// Who comes back, and when.
    returning: Vec<(Instant, usize)>,
    random: Random,
    progress: Arc<AtomicU64>,
}

impl Swarm {
    /// Nobody yet. An answer that is not a stream will be an error.
    pub fn new(server: &Server) -> Result<Swarm> {
        Ok(Swarm {
            poll: Poll::new()?,
            address: server.address,
            dialect: server.dialect.clone(),
            path: None,
            subscribers: Vec::new(),
            receiver: Receiver::new(&server.dialect),
            answers: Answers::default(),
            event_sources: false,
            enough: u64::MAX,
            returning: Vec::new(),
            random: Random::new(0),
            progress: Arc::default(),
        })
    }

    /// Nobody yet. They will come back with their last event id after the end of a stream, as `EventSource` does, and
    /// an answer that is not a stream is counted.
    pub fn of_event_sources(server: &Server) -> Result<Swarm> {
        let mut swarm = Swarm::new(server)?;
        swarm.event_sources = true;
        swarm.receiver.keeps_ids = true;
        Ok(swarm)
    }

    /// Adds subscribers, one after the other, each when the one before has the head of its response.
    pub fn open(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.open_at_once(1, |_| 0, None)?;
            let last = self.subscribers.len() - 1;
            self.run(DEADLINE, |swarm| swarm.subscribers[last].stage != Stage::Asking)?;
        }
        Ok(())
    }

    /// Adds subscribers at once, of which none waits for another: of which topics, and after the update with which id.
    pub fn open_at_once(&mut self, count: usize, topic: impl Fn(usize) -> usize, last: Option<&str>) -> Result<()> {
        for number in 0..count {
            self.subscribers.push(Subscriber::new(topic(number), last));
            self.connect(self.subscribers.len() - 1)?;
        }
        Ok(())
    }

    fn connect(&mut self, number: usize) -> Result<()> {
        let subscriber = &mut self.subscribers[number];
        let request = match &self.path {
            Some(path) => get(&path(number), ""),
            None => self.dialect.subscription(subscriber.topic, subscriber.last.as_deref()),
        };
        subscriber.connect(self.address, request, self.poll.registry(), Token(number))?;
        self.note(number, Stage::Asking)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// The number that every one of those who read has reached, for a publisher that waits for them.
    pub fn progress(&self) -> Arc<AtomicU64> {
        self.progress.clone()
    }

    /// How many subscribers have received the update `number`.
    pub fn reached(&self, number: u64) -> usize {
        self.subscribers.iter().filter(|subscriber| subscriber.next.is_some_and(|next| next > number)).count()
    }

    /// How many updates have not come to those who have had a stream, when so many of each topic are `published`, of
    /// which one who has received nothing needs not know the first `before`.
    pub fn missing(&self, published: &[u64], before: &[u64]) -> u64 {
        let subscribers = self.subscribers.iter().filter(|subscriber| subscriber.answered);
        subscribers
            .map(|subscriber| {
                let next = subscriber.next.unwrap_or(before[subscriber.topic]);
                published[subscriber.topic].saturating_sub(next)
            })
            .sum()
    }

    fn at(&self, stage: Stage) -> usize {
        self.subscribers.iter().filter(|subscriber| subscriber.stage == stage).count()
    }

    /// How many read.
    pub fn readers(&self) -> usize {
        let ended = |subscriber: &Subscriber| matches!(subscriber.stage, Stage::Ended | Stage::Refused);
        self.subscribers.iter().filter(|subscriber| !subscriber.stopped && !ended(subscriber)).count()
    }

    /// How many have a stream now.
    pub fn streaming(&self) -> usize {
        self.at(Stage::Streaming)
    }

    /// How many have no connection now because it was closed.
    pub fn ended(&self) -> usize {
        self.at(Stage::Ended)
    }

    /// What was counted, leaving nothing.
    pub fn take(&mut self) -> Tally {
        std::mem::take(&mut self.receiver.tally)
    }

    /// Receives for as long as this takes.
    pub fn run_for(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        self.run(time + DEADLINE, |_| Instant::now() >= end)
    }

    /// Receives until `done`; an error when it takes too long.
    pub fn run(&mut self, patience: Duration, done: impl Fn(&Swarm) -> bool) -> Result<()> {
        if !self.run_at_most(patience, done)? {
            bail!("after {patience:?} the subscribers still wait for what should have come: {}", self.state());
        }
        Ok(())
    }

    /// Receives until `done`, for as long as that or less; returns whether it is done.
    pub fn run_at_most(&mut self, patience: Duration, done: impl Fn(&Swarm) -> bool) -> Result<bool> {
        let deadline = Instant::now() + patience;
        let mut events = Events::with_capacity(1024);
        let mut looked = Instant::now();
        while !done(self) {
            if let Err(error) = self.poll.poll(&mut events, Some(Duration::from_millis(1)))
                && error.kind() != ErrorKind::Interrupted
            {
                return Err(error.into());
            }
            for event in &events {
                self.step(event.token().0)?;
            }
            // Not each time: with thousands of subscribers it takes longer than the events.
            if looked.elapsed() > Duration::from_millis(1) {
                looked = Instant::now();
                let reading = self.subscribers.iter().filter(|subscriber| !subscriber.stopped);
                let slowest = reading.map(|subscriber| subscriber.next.unwrap_or(0)).min().unwrap_or(u64::MAX);
                self.progress.store(slowest, Ordering::Relaxed);
                self.let_return(looked)?;
                if looked > deadline {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn state(&self) -> String {
        let reached: Vec<_> = self.subscribers.iter().map(|subscriber| subscriber.next).collect();
        let (least, most) = (reached.iter().min(), reached.iter().max());
        format!("{} of {} have ended, the rest is between {least:?} and {most:?}", self.ended(), self.len())
    }

    /// Connects those again whose time has come.
    fn let_return(&mut self, now: Instant) -> Result<()> {
        let (due, later) = std::mem::take(&mut self.returning).into_iter().partition(|(when, _)| *when <= now);
        self.returning = later;
        let due: Vec<(Instant, usize)> = due;
        due.into_iter().try_for_each(|(_, number)| self.connect(number))
    }

    /// Does what there is to do for a subscriber.
    fn step(&mut self, number: usize) -> Result<()> {
        let subscriber = &mut self.subscribers[number];
        let before = subscriber.stage;
        subscriber.write();
        subscriber.read(&mut self.receiver)?;
        self.note(number, before)
    }

    /// Counts what has changed since a connection was at the stage `before`.
    fn note(&mut self, number: usize, before: Stage) -> Result<()> {
        let subscriber = &mut self.subscribers[number];
        self.answers.note(subscriber, before);
        if self.event_sources {
            let wants_more = subscriber.next.is_none_or(|next| next < self.enough);
            if subscriber.stage == Stage::Ended && before != Stage::Ended && wants_more {
                let percent = 50 + self.random.below(101) as u32;
                self.returning.push((Instant::now() + RETRY * percent / 100, number));
            }
        } else if let Some(refusal) = subscriber.refusal() {
            bail!("the server answered: {refusal}");
        } else if subscriber.stage == Stage::Ended && !subscriber.has_begun() {
            bail!("the server closed a connection without an answer");
        }
        Ok(())
    }
}
