//! Following the hub over many connections.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;
use tokio::net::TcpStream;

use super::client::{Event, EventStream, Item};
use super::hub::HUB;
use super::within;

/// A subscriber that comes back after every cut, as a browser does.
pub struct Follower {
    addresses: Vec<SocketAddr>,
    path: String,
    last: String,
    stream: Option<EventStream>,
    /// How long it waits before it comes back.
    pause: Duration,
    /// What it received.
    pub updates: Vec<Event>,
    /// How many gaps were announced to it.
    pub gaps: usize,
    /// How often it connected.
    pub connections: usize,
    /// It was answered 204: nothing can follow.
    pub is_told_to_stop: bool,
}

impl Follower {
    pub fn new(address: SocketAddr, topic: &str, last: &str) -> Self {
        Self::over(&[address], topic, last)
    }

    /// One that goes to the next of `addresses` whenever it connects.
    pub fn over(addresses: &[SocketAddr], topic: &str, last: &str) -> Self {
        Follower { addresses: addresses.to_vec(), ..Self::at(addresses[0], &format!("{HUB}?match={topic}"), last) }
    }

    /// One of another address than the hub's, or with another query.
    pub fn at(address: SocketAddr, path: &str, last: &str) -> Self {
        Follower {
            addresses: vec![address],
            path: path.to_owned(),
            last: last.to_owned(),
            stream: None,
            pause: Duration::ZERO,
            updates: Vec::new(),
            gaps: 0,
            connections: 0,
            is_told_to_stop: false,
        }
    }

    /// One that follows several topics.
    pub fn of(address: SocketAddr, topics: &[String], last: &str) -> Self {
        Self::new(address, &topics.join("&match="), last)
    }

    /// As a browser, it waits before it comes back.
    pub fn pausing(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Where it connects next time.
    pub fn moves_to(&mut self, address: SocketAddr) {
        self.addresses = vec![address];
        self.stream = None;
    }

    /// Drops its connection.
    pub fn cut(&mut self) {
        self.stream = None;
    }

    /// Receives one update, over as many connections as that takes.
    pub async fn next(&mut self) -> Event {
        within(format!("update {} of {}", self.updates.len(), self.path), async {
            loop {
                match self.step().await {
                    Some(event) if event.name == "gap" => self.gaps += 1,
                    Some(event) if event.name == "ready" || event.name == "place" => {}
                    Some(event) => {
                        self.updates.push(event.clone());
                        return event;
                    }
                    None => self.stream = None,
                }
            }
        })
        .await
    }

    async fn step(&mut self) -> Option<Event> {
        if self.stream.is_none() {
            if self.connections > 0 {
                tokio::time::sleep(self.pause).await;
            }
            let address = self.addresses[self.connections % self.addresses.len()];
            self.connections += 1;
            if TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                return None;
            }
            let mut headers = Vec::new();
            if !self.last.is_empty() {
                headers.push(("last-event-id", self.last.as_str()));
            }
            self.stream = EventStream::try_open(address, &self.path, &headers).await;
            if self.stream.as_ref().is_some_and(|stream| stream.status == StatusCode::NO_CONTENT) {
                self.is_told_to_stop = true;
                return None;
            }
        }
        let stream = self.stream.as_mut()?;
        let item = stream.wait().await;
        self.last = Some(stream.last_event_id()).filter(|id| !id.is_empty()).unwrap_or(&self.last).to_owned();
        match item {
            Item::Event(event) => Some(event),
            Item::Retry(_) => Some(Event { name: "ready".to_owned(), data: String::new(), id: String::new() }),
            Item::End if stream.last_event_id().is_empty() => {
                // Nothing but the hint to come back later: the log is away.
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
            Item::End | Item::Cut => None,
        }
    }

    /// Receives until it has `count` updates.
    pub async fn until(&mut self, count: usize) {
        while self.updates.len() < count {
            self.next().await;
        }
    }

    /// Receives until `last` has come.
    pub async fn up_to(mut self, last: &str) -> Self {
        while self.next().await.data != last {}
        self
    }

    /// Receives until `last` has come, and is cut after every few updates.
    pub async fn with_cuts(mut self, last: &str, seed: u64) -> Self {
        let mut dice = Dice(seed);
        loop {
            for _ in 0..=dice.below(40) {
                if self.next().await.data == last {
                    return self;
                }
            }
            self.cut();
        }
    }

    /// Receives until `last` has come, and is cut at moments that have nothing to do with what it receives.
    pub async fn with_cuts_at_any_moment(mut self, last: &str, seed: u64) -> Self {
        let mut dice = Dice(seed);
        loop {
            let moment = Duration::from_millis(50 + dice.below(1_000));
            let receiving = async { while self.next().await.data != last {} };
            if tokio::time::timeout(moment, receiving).await.is_ok() {
                return self;
            }
            self.cut();
        }
    }

    /// Receives until it is told to stop, and is cut after every few updates.
    pub async fn until_it_is_told_to_stop(&mut self, seed: u64) {
        let mut dice = Dice(seed);
        let mut left = dice.below(40);
        while !self.is_told_to_stop {
            let had = self.updates.len();
            within(format!("update {had} of {} or its end", self.path), async {
                while self.updates.len() == had && !self.is_told_to_stop {
                    match self.step().await {
                        Some(event) if event.name == "gap" => self.gaps += 1,
                        Some(event) if event.name == "ready" || event.name == "place" => {}
                        Some(event) => {
                            self.updates.push(event);
                            left = left.saturating_sub(1);
                        }
                        None => self.stream = None,
                    }
                    if left == 0 {
                        (self.stream, left) = (None, dice.below(40));
                    }
                }
            })
            .await;
        }
    }

    pub fn data(&self) -> Vec<&str> {
        self.updates.iter().map(|event| event.data.as_str()).collect()
    }
}

/// Draws the same numbers in every run of the test.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Each number once, in order.
#[track_caller]
pub fn check_numbers(data: &[&str], count: usize) {
    let expected: Vec<String> = (0..count).map(|n| n.to_string()).collect();
    let first_wrong = data.iter().zip(&expected).position(|(received, expected)| received != expected);
    assert_eq!(first_wrong, None, "received {:?}", &data[first_wrong.unwrap_or(0)..]);
    assert_eq!(data.len(), count);
}

pub fn numbers(from: usize, to: usize) -> impl Iterator<Item = String> {
    (from..to).map(|n| n.to_string())
}
