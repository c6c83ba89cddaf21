//! As much of HTTP/1.1 as a generator of load needs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;

/// Nothing that is measured takes this long.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The bytes of a body, out of a response that comes in pieces.
#[derive(Debug)]
pub struct Body {
    state: State,
    head: Vec<u8>,
    /// The status and its reason, of an answer that is no success.
    refusal: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    /// The size of a chunk, as far as it is read, and whether its digits have ended.
    Size(usize, bool),
    Chunk(usize),
    /// Line ends and all else between two chunks.
    Between,
    /// Until the connection is closed, or so many bytes.
    Plain(usize),
    End,
}

impl Default for Body {
    fn default() -> Self {
        Body { state: State::Head, head: Vec::new(), refusal: None }
    }
}

impl Body {
    /// Takes `buffer[from..to]` as it came and moves the bytes of the body to `from`, in place; returns
    /// their end, and how far it came: what follows the end of a body belongs to the next response.
    pub fn take(&mut self, buffer: &mut [u8], from: usize, to: usize) -> Result<(usize, usize)> {
        let (mut read, mut end) = (from, from);
        while read < to {
            match self.state {
                State::Head => {
                    let before = self.head.len();
                    self.head.extend_from_slice(&buffer[read..to]);
                    // The end of the head may have begun in the piece before.
                    let Some(found) = memmem::find(&self.head, b"\r\n\r\n") else {
                        read = to;
                        break;
                    };
                    read += found + 4 - before;
                    self.head.truncate(found + 2);
                    let head = String::from_utf8_lossy(&self.head).to_ascii_lowercase();
                    self.state = body_of(&head)?;
                    let line = head.lines().next().and_then(|line| line.strip_prefix("http/1.1 ")).unwrap_or_default();
                    self.refusal = (!line.starts_with('2')).then(|| line.to_owned());
                }
                State::Size(size, done) => {
                    let byte = buffer[read];
                    read += 1;
                    self.state = match (byte as char).to_digit(16) {
                        _ if byte == b'\n' && size == 0 => State::End,
                        _ if byte == b'\n' => State::Chunk(size),
                        Some(digit) if !done => State::Size(size * 16 + digit as usize, false),
                        _ => State::Size(size, true),
                    };
                }
                State::Chunk(left) | State::Plain(left) => {
                    let some = left.min(to - read);
                    buffer.copy_within(read..read + some, end);
                    (read, end) = (read + some, end + some);
                    self.state = match self.state {
                        State::Plain(_) if some == left => State::End,
                        State::Plain(_) => State::Plain(left - some),
                        _ if some == left => State::Between,
                        _ => State::Chunk(left - some),
                    };
                }
                State::Between => {
                    read += 1;
                    if buffer[read - 1] == b'\n' {
                        self.state = State::Size(0, false);
                    }
                }
                State::End => break,
            }
        }
        Ok((end, read))
    }

    /// Whether the head has come.
    pub fn has_begun(&self) -> bool {
        self.state != State::Head
    }

    /// The status and its reason, where the server did not answer with a success.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Whether the body has ended.
    pub fn has_ended(&self) -> bool {
        self.state == State::End
    }
}

/// What follows a head, which is in lower case.
fn body_of(head: &str) -> Result<State> {
    if head.starts_with("http/1.1 204") {
        return Ok(State::End);
    }
    if head.contains("\r\ntransfer-encoding: chunked\r\n") {
        return Ok(State::Size(0, false));
    }
    match head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        Some("0") => Ok(State::End),
        Some(length) => Ok(State::Plain(length.trim().parse()?)),
        None => Ok(State::Plain(usize::MAX)),
    }
}

/// A connection on which one waits for each answer.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What came with the answer before: the start of the next.
    early: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(Client { stream, buffer: vec![0; 1 << 18], early: Vec::new() })
    }

    /// Waits longer than usual for what comes.
    pub fn patient(self, patience: Duration) -> Result<Client> {
        self.stream.set_read_timeout(Some(patience))?;
        Ok(self)
    }

    /// Sends requests in one write, and waits for as many answers, which must be of status 2xx; the bodies, in one.
    pub fn ask(&mut self, requests: &[u8], answers: usize) -> Result<Vec<u8>> {
        self.stream.write_all(requests)?;
        let mut all = Vec::new();
        for _ in 0..answers {
            let mut body = Body::default();
            while !body.has_ended() {
                if !self.next(&mut body, &mut all)? {
                    bail!("the server closed the connection instead of answering");
                }
            }
        }
        Ok(all)
    }

    /// Sends a request for a stream, and reads until `enough` has seen what it wants of the body as it comes.
    pub fn read_until(&mut self, request: &str, mut enough: impl FnMut(&[u8]) -> bool) -> Result<()> {
        self.stream.write_all(request.as_bytes())?;
        let mut body = Body::default();
        loop {
            let mut piece = Vec::new();
            ensure!(self.next(&mut body, &mut piece)?, "the server closed the connection");
            if enough(&piece) {
                return Ok(());
            }
            ensure!(!body.has_ended(), "the stream ended early");
        }
    }

    /// Reads once; `false` at the end.
    fn next(&mut self, body: &mut Body, all: &mut Vec<u8>) -> Result<bool> {
        let count = if self.early.is_empty() {
            self.stream.read(&mut self.buffer)?
        } else {
            self.buffer[..self.early.len()].copy_from_slice(&self.early);
            std::mem::take(&mut self.early).len()
        };
        let (end, taken) = body.take(&mut self.buffer, 0, count)?;
        if let Some(refusal) = body.refusal() {
            bail!("the server answered: {refusal}");
        }
        all.extend_from_slice(&self.buffer[..end]);
        self.early.extend_from_slice(&self.buffer[taken..count]);
        Ok(count > 0)
    }
}
