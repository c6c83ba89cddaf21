//! A subscriber: its connection, and what it has received over all its connections.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use anyhow::Result;
use memchr::memmem::{Finder, FinderRev};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::http::Body;
use crate::server::Dialect;
use crate::tally::Tally;
use crate::update::{MARK, TOKEN_MARK};

/// Enough for several hundred updates in one read.
const BUFFER: usize = 256 * 1024;

/// A subscriber.
pub struct Subscriber {
    /// The number of its topic.
    pub topic: usize,
    /// How far its connection is.
    pub stage: Stage,
    /// The number of the next update, once that is known.
    pub next: Option<u64>,
    /// The last event id that it has seen.
    pub last: Option<String>,
    /// It does not read.
    pub stopped: bool,
    /// It has had a stream.
    pub answered: bool,
    socket: Option<TcpStream>,
    /// What of its request is not sent.
    unsent: Vec<u8>,
    body: Body,
    /// The start of an event whose end has not come.
    rest: Vec<u8>,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The head of its response has not come.
    Asking,
    /// It has a stream.
    Streaming,
    /// Closed, after a stream or without an answer.
    Ended,
    /// The answer was not 200.
    Refused,
}

/// What subscribers have in common: where they read, and what they count.
pub struct Receiver {
    buffer: Vec<u8>,
    mark: Finder<'static>,
    gap: Finder<'static>,
    /// The end of an event.
    end: FinderRev<'static>,
    id: FinderRev<'static>,
    /// Whether last event ids are kept.
    pub keeps_ids: bool,
    /// What has been counted since it was last taken.
    pub tally: Tally,
}

impl Receiver {
    /// Nothing counted yet.
    pub fn new(dialect: &Dialect) -> Receiver {
        let mark = if matches!(dialect, Dialect::Answers { .. }) { TOKEN_MARK } else { MARK };
        Receiver {
            buffer: vec![0; BUFFER],
            mark: Finder::new(mark),
            gap: Finder::new(b"event: gap\n"),
            end: FinderRev::new(b"\n\n"),
            id: FinderRev::new(b"\nid: "),
            keeps_ids: false,
            tally: Tally::default(),
        }
    }

    /// Counts the whole events before `end` in the buffer. A client drops half an event when its stream ends, so what
    /// follows them is not counted yet.
    fn count(&mut self, end: usize, subscriber: &mut Subscriber) {
        let body = &self.buffer[..end];
        let (whole, rest) = body.split_at(self.end.rfind(body).map_or(0, |at| at + 2));
        self.tally.count(&mut subscriber.next, whole, &self.mark);
        self.tally.gaps += self.gap.find_iter(whole).count() as u64;
        if self.keeps_ids {
            let line = self.id.rfind(whole).map(|at| at + 5).or(whole.starts_with(b"id: ").then_some(4));
            if let Some(from) = line {
                let id = whole[from..].split(|&byte| byte == b'\n').next().unwrap_or_default();
                subscriber.last = Some(String::from_utf8_lossy(id).into_owned());
            }
        }
        subscriber.rest.clear();
        subscriber.rest.extend_from_slice(rest);
    }
}

impl Subscriber {
    /// One that has no connection yet.
    pub fn new(topic: usize, last: Option<&str>) -> Subscriber {
        Subscriber {
            topic,
            stage: Stage::Ended,
            next: None,
            last: last.map(str::to_owned),
            stopped: false,
            answered: false,
            socket: None,
            unsent: Vec::new(),
            body: Body::default(),
            rest: Vec::new(),
        }
    }

    /// Begins to connect, and waits for nothing. The request is sent when the connection is there.
    pub fn connect(&mut self, address: SocketAddr, request: String, registry: &Registry, token: Token) -> Result<()> {
        self.stage = Stage::Asking;
        self.unsent = request.into_bytes();
        self.body = Body::default();
        self.rest.clear();
        match TcpStream::connect(address) {
            Ok(mut socket) => {
                registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
                self.socket = Some(socket);
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => self.end(),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Whether the head of the response has come.
    pub fn has_begun(&self) -> bool {
        self.body.has_begun()
    }

    /// The status and its reason, where the answer was no success.
    pub fn refusal(&self) -> Option<&str> {
        self.body.refusal()
    }

    /// Sends what of the request is not sent.
    pub fn write(&mut self) {
        while let (Some(socket), false) = (&mut self.socket, self.unsent.is_empty()) {
            match socket.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.end(),
            }
        }
    }

    /// Reads what there is.
    pub fn read(&mut self, receiver: &mut Receiver) -> Result<()> {
        while let (Some(socket), false) = (&mut self.socket, self.stopped) {
            let kept = self.rest.len();
            receiver.buffer[..kept].copy_from_slice(&self.rest);
            let room = BUFFER - kept;
            let count = match socket.read(&mut receiver.buffer[kept..]) {
                Ok(count) if count > 0 => count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Ok(_) | Err(_) => {
                    self.end();
                    return Ok(());
                }
            };
            let (end, _) = self.body.take(&mut receiver.buffer, kept, kept + count)?;
            if self.body.refusal().is_some() {
                self.stage = Stage::Refused;
                self.socket = None;
                return Ok(());
            }
            if self.body.has_begun() {
                self.stage = Stage::Streaming;
            }
            receiver.tally.bytes += (end - kept) as u64;
            receiver.count(end, self);
            if self.body.has_ended() {
                self.end();
            }
            // Less than there was room for: it is empty, and the system will say when it is not.
            if count < room {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Closes the connection.
    pub fn end(&mut self) {
        self.stage = Stage::Ended;
        self.socket = None;
    }
}
