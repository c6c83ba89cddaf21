//! Thousands of subscribers in one thread: they count, check the order, and measure how long each update took.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memchr::memmem::Finder;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::http::{Body, DEADLINE};
use crate::server::Server;
use crate::tally::Tally;
use crate::update::MARK;

/// Enough for several hundred updates in one read.
const BUFFER: usize = 256 * 1024;

/// Subscribers of one server.
pub struct Swarm {
    poll: Poll,
    subscribers: Vec<Subscriber>,
    buffer: Vec<u8>,
    mark: Finder<'static>,
    gap: Finder<'static>,
    /// What has been counted since it was last taken.
    pub tally: Tally,
    progress: Arc<AtomicU64>,
}

struct Subscriber {
    socket: TcpStream,
    body: Body,
    /// The start of an update whose end has not come.
    rest: Vec<u8>,
    /// The number of the next update, once there was one.
    next: Option<u64>,
    /// It does not read.
    stopped: bool,
    ended: bool,
}

impl Swarm {
    /// Nobody yet.
    pub fn new() -> Result<Swarm> {
        Ok(Swarm {
            poll: Poll::new()?,
            subscribers: Vec::new(),
            buffer: vec![0; BUFFER],
            mark: Finder::new(MARK),
            gap: Finder::new(b"event: gap\n"),
            tally: Tally::default(),
            progress: Arc::default(),
        })
    }

    /// Adds subscribers, one after the other, each when the one before has the head of its response.
    pub fn open(&mut self, server: &Server, count: usize) -> Result<()> {
        for _ in 0..count {
            self.connect(server, None)?;
            let last = self.subscribers.len() - 1;
            self.run(DEADLINE, |swarm| swarm.subscribers[last].body.has_begun())?;
        }
        Ok(())
    }

    /// Adds subscribers at once, who come back after the update with the id `last`.
    pub fn open_at_once(&mut self, server: &Server, count: usize, last: &str) -> Result<()> {
        (0..count).try_for_each(|_| self.connect(server, Some(last)))
    }

    fn connect(&mut self, server: &Server, last: Option<&str>) -> Result<()> {
        let mut socket = std::net::TcpStream::connect(server.address).context("cannot connect")?;
        socket.write_all(server.dialect.subscription(last).as_bytes())?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        self.poll.registry().register(&mut socket, Token(self.subscribers.len()), Interest::READABLE)?;
        let (body, rest) = (Body::default(), Vec::new());
        self.subscribers.push(Subscriber { socket, body, rest, next: None, stopped: false, ended: false });
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// Makes the first `count` stop reading, or read again.
    pub fn stop(&mut self, count: usize, stopped: bool) -> Result<()> {
        for number in 0..count {
            self.subscribers[number].stopped = stopped;
            if !stopped {
                self.read(number)?;
            }
        }
        Ok(())
    }

    /// The number that every one of those who read has reached, for a publisher that waits for them.
    pub fn progress(&self) -> Arc<AtomicU64> {
        self.progress.clone()
    }

    /// How many subscribers have received the update `number`.
    pub fn reached(&self, number: u64) -> usize {
        self.subscribers.iter().filter(|subscriber| subscriber.next.is_some_and(|next| next > number)).count()
    }

    /// How many read.
    pub fn readers(&self) -> usize {
        self.subscribers.iter().filter(|subscriber| !subscriber.stopped && !subscriber.ended).count()
    }

    /// How many streams have ended.
    pub fn ended(&self) -> usize {
        self.subscribers.iter().filter(|subscriber| subscriber.ended).count()
    }

    /// Expects any number next of those who read: another publisher begins.
    pub fn forget(&mut self) {
        let readers = self.subscribers.iter_mut().filter(|subscriber| !subscriber.stopped);
        readers.for_each(|subscriber| subscriber.next = None);
        self.progress.store(0, Ordering::Relaxed);
        self.take();
    }

    /// What was counted, leaving nothing.
    pub fn take(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Receives for as long as this takes.
    pub fn run_for(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        self.run(time + DEADLINE, |_| Instant::now() >= end)
    }

    /// Receives until `done`.
    pub fn run(&mut self, patience: Duration, done: impl Fn(&Swarm) -> bool) -> Result<()> {
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
                self.read(event.token().0)?;
            }
            // Not each time: with thousands of subscribers it takes longer than the events.
            if looked.elapsed() > Duration::from_millis(1) {
                looked = Instant::now();
                let reading = self.subscribers.iter().filter(|subscriber| !subscriber.stopped);
                let slowest = reading.map(|subscriber| subscriber.next.unwrap_or(0)).min().unwrap_or(u64::MAX);
                self.progress.store(slowest, Ordering::Relaxed);
                if looked > deadline {
                    bail!("after {patience:?} the subscribers still wait for what should have come: {}", self.state());
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> String {
        let reached: Vec<_> = self.subscribers.iter().map(|subscriber| subscriber.next).collect();
        let (least, most) = (reached.iter().min(), reached.iter().max());
        format!("{} of {} have ended, the rest is between {least:?} and {most:?}", self.ended(), self.len())
    }

    /// Reads what there is.
    fn read(&mut self, number: usize) -> Result<()> {
        let subscriber = &mut self.subscribers[number];
        while !subscriber.stopped && !subscriber.ended {
            let kept = subscriber.rest.len();
            self.buffer[..kept].copy_from_slice(&subscriber.rest);
            let room = BUFFER - kept;
            let count = match subscriber.socket.read(&mut self.buffer[kept..]) {
                Ok(0) => {
                    subscriber.ended = true;
                    return Ok(());
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => {
                    subscriber.ended = true;
                    return Ok(());
                }
            };
            let (end, _) = subscriber.body.take(&mut self.buffer, kept, kept + count)?;
            subscriber.ended = subscriber.body.has_ended();
            self.tally.bytes += (end - kept) as u64;
            let body = &self.buffer[..end];
            let kept = self.tally.count(&mut subscriber.next, body, &self.mark);
            self.tally.gaps += self.gap.find_iter(body).count() as u64;
            subscriber.rest.clear();
            subscriber.rest.extend_from_slice(&body[kept..]);
            // Less than there was room for: it is empty, and the system will say when it is not.
            if count < room {
                return Ok(());
            }
        }
        Ok(())
    }
}
