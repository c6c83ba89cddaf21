//! What drives a source: it does what the connection says, and tells it what happened.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;

use super::connection::{Connection, Kind, Next};
use super::error::Error;
use super::exchange::{Answer, Body, send};
use super::message::Message;
use super::request::Request;
use super::text::Text;
use crate::decode::Decoder;
use crate::frame::Frame;
use crate::timer::{Instant, Timer, after, now, random};

/// How many reads in a row may succeed without a wait before other requests of the instance have their turn.
const TURNS: u32 = 32;

pub(crate) struct Driver {
    pub(crate) connection: Connection,
    /// Why the request cannot be sent.
    pub(crate) invalid: Option<Error>,
    pub(crate) silence: Option<Duration>,
    pub(crate) decoder: Decoder,
    state: State,
    text: Text,
    /// The last chunk, of which `used` bytes are decoded.
    chunk: Vec<u8>,
    used: usize,
    /// How many chunks in a row came without a wait.
    reads: u32,
    /// When the wait began for what has not come yet.
    asked: Option<Instant>,
    timer: Timer,
}

enum State {
    /// The next attempt is due then.
    Waiting(Instant),
    Asking(Uri, Pin<Box<dyn Future<Output = Result<Answer, Error>>>>),
    Reading(Uri, Body),
    Over,
}

impl Driver {
    pub(crate) fn new(request: Request) -> Driver {
        Driver {
            connection: Connection::new(request),
            invalid: None,
            silence: Some(Duration::from_secs(300)),
            decoder: Decoder::new(),
            state: State::Waiting(0),
            text: Text::default(),
            chunk: Vec::new(),
            used: 0,
            reads: 0,
            asked: None,
            timer: Timer::default(),
        }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        loop {
            match self.decode() {
                Ok(None) => {}
                Ok(message) => return Poll::Ready(Ok(message)),
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
            if !ready!(self.poll_connect(cx))? {
                return Poll::Ready(Ok(self.rest()));
            }
            ready!(self.poll_read(cx))?;
        }
    }

    /// `true` when there is a body to read.
    pub(crate) fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        loop {
            let next = match &mut self.state {
                State::Reading(..) => return Poll::Ready(Ok(true)),
                State::Over => return Poll::Ready(Ok(false)),
                State::Waiting(due) => {
                    ready!(self.timer.poll_due(cx, *due));
                    Next::Send
                }
                State::Asking(uri, answer) => match answer.as_mut().poll(cx) {
                    Poll::Ready(Ok(answer)) => {
                        let next = self.connection.answered(answer.status, &answer.headers, random());
                        if next == Next::Read {
                            let uri = mem::take(uri);
                            self.asked = None;
                            self.state = State::Reading(uri, Body::open(answer));
                            continue;
                        }
                        next
                    }
                    Poll::Ready(Err(error)) => self.connection.fail(error, random()),
                    Poll::Pending => ready!(self.poll_silence(cx)),
                },
            };
            self.go_on(next)?;
        }
    }

    /// Reads a chunk, or what comes after the last.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let State::Reading(uri, body) = &mut self.state else { return Poll::Ready(Ok(())) };
        if self.reads >= TURNS {
            self.reads = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = match body.poll_read(cx, &mut self.chunk, uri) {
            Poll::Ready(Ok(true)) => {
                (self.used, self.asked) = (0, None);
                self.reads = self.reads.saturating_add(1);
                self.connection.received();
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Ok(false)) => self.connection.ended(random()),
            Poll::Ready(Err(error)) => self.connection.fail(error, random()),
            Poll::Pending => {
                self.reads = 0;
                ready!(self.poll_silence(cx))
            }
        };
        Poll::Ready(self.go_on(next))
    }

    /// Ready when the upstream has been silent for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let Some(silence) = self.silence else { return Poll::Pending };
        let asked = *self.asked.get_or_insert_with(now);
        ready!(self.timer.poll_due(cx, after(asked, silence)));
        Poll::Ready(self.connection.fail(Error::Silent(silence), random()))
    }

    fn go_on(&mut self, next: Next) -> Result<(), Error> {
        self.state = match next {
            Next::Send => {
                if let Some(error) = self.invalid.take() {
                    return Err(self.fail(error));
                }
                self.decoder.reconnect();
                let request = self.connection.request(self.decoder.last_event_id());
                self.asked = None;
                match request.and_then(|request| Ok(State::Asking(request.uri.clone(), send(request)?))) {
                    Ok(asking) => asking,
                    Err(error) => return Err(self.fail(error)),
                }
            }
            Next::Wait(wait) => State::Waiting(after(now(), wait)),
            Next::Fail(error) => return Err(self.fail(error)),
            Next::Finish => State::Over,
            // The body is open already.
            Next::Read => return Ok(()),
        };
        Ok(())
    }

    /// Closes the connection.
    fn fail(&mut self, error: Error) -> Error {
        self.state = State::Over;
        self.chunk = Vec::new();
        self.used = 0;
        self.text = Text::default();
        error
    }

    /// The next message of the chunk.
    fn decode(&mut self) -> Result<Option<Message>, Error> {
        let mut input = self.chunk.get(self.used..).unwrap_or_default();
        if input.is_empty() {
            return Ok(None);
        }
        if self.connection.kind == Kind::Text {
            self.used = self.chunk.len();
            let text = self.text.push(input);
            return Ok(Some(Message::from_text(text)).filter(|message| !message.data.is_empty()));
        }
        while !input.is_empty() {
            let message = match self.decoder.next(&mut input)? {
                Some(Frame::Event(message)) => Some(Message::from(message)),
                Some(Frame::Retry(retry)) => {
                    self.connection.set_retry(retry);
                    None
                }
                None => None,
            };
            self.used = self.chunk.len().saturating_sub(input.len());
            if message.is_some() {
                return Ok(message);
            }
        }
        Ok(None)
    }

    /// What is left of a text that has ended.
    fn rest(&mut self) -> Option<Message> {
        Some(Message::from_text(self.text.finish())).filter(|message| !message.data.is_empty())
    }
}
