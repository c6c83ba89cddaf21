//! The tail: one task per instance that follows the log and writes to all of the instance's subscribers.
//!
//! It works in rounds: read what is new, write it to every subscriber that is ready, wait for a write to end or for
//! news. What is published during a round is carried by the next one. A subscriber whose write has not ended is not
//! here at all (its write owns it), so it costs its cursor and one chunk, and nobody waits for it.

use std::future::poll_fn;
use std::mem::take;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use spin_sse::timer::{Instant, Timer, after, now};
use spin_sse::{Closed, Writer};

use crate::hub::door;
use crate::hub::doorbell::Listener;
use crate::hub::limits::Limits;
use crate::hub::log::{Log, Page, Position, Unavailable};
use crate::hub::polling::Polling;
use crate::hub::subscriber::Subscriber;
use crate::hub::window::{Taken, Want, Window};

/// A sign of life goes to a subscriber that was sent nothing for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

type Write = Pin<Box<dyn Future<Output = Option<Ready>>>>;
type Read = Pin<Box<dyn Future<Output = Result<Page, Unavailable>>>>;

/// A session between two writes.
struct Ready {
    subscriber: Subscriber,
    writer: Writer,
    deadline: Instant,
    last_write: Instant,
    /// Emptied; reused for the next chunk.
    buffer: Vec<u8>,
    /// The budget is used.
    full: bool,
    /// In which log its position is: the log may be lost and begin anew.
    generation: u64,
}

/// The tail of one instance.
pub struct Tail<L> {
    log: Rc<L>,
    listener: Listener,
    timer: Timer,
    idle: Vec<Ready>,
    writes: FuturesUnordered<Write>,
    limits: Limits,
    /// Sessions that know another log than the tail, until it has looked which is the newer one.
    strangers: Vec<(Ready, Vec<u8>)>,
    window: Window,
    reading: Option<(Want, Read)>,
    /// The last read served someone who catches up: the head's turn.
    head_next: bool,
    /// Something was published here since the last read of the head began.
    news: bool,
    polling: Polling,
}

impl<L: Log + 'static> Tail<L> {
    /// A tail that follows `log` from `start` on; `listener` is how it is told of what comes in at the door.
    pub fn new(log: Rc<L>, interval: Duration, listener: Listener, start: &Position) -> Self {
        Tail {
            log,
            listener,
            timer: Timer::default(),
            idle: Vec::new(),
            writes: FuturesUnordered::new(),
            limits: Limits::default(),
            strangers: Vec::new(),
            window: Window::new(start),
            reading: None,
            head_next: true,
            news: false,
            polling: Polling::new(interval),
        }
    }

    /// Serves until the last session has ended.
    pub async fn run(mut self) {
        loop {
            self.admit();
            self.serve();
            if self.idle.is_empty() && self.writes.is_empty() && self.strangers.is_empty() {
                door::close();
                return;
            }
            self.read();
            poll_fn(|cx| self.poll_event(cx)).await;
        }
    }

    /// Takes in those who join, and news.
    fn admit(&mut self) {
        let (joining, news) = door::look();
        self.news |= news;
        for session in joining {
            let ready = Ready {
                subscriber: session.subscriber,
                writer: session.writer,
                deadline: session.deadline,
                last_write: now(),
                buffer: Vec::new(),
                full: false,
                generation: self.window.generation(),
            };
            if self.window.is_of(ready.subscriber.position()) {
                self.write(ready, session.preamble);
            } else {
                self.strangers.push((ready, session.preamble));
                self.news = true;
            }
        }
    }

    /// Gives each session that is ready what there is for it.
    fn serve(&mut self) {
        let now = now();
        for mut session in take(&mut self.idle) {
            let mut out = take(&mut session.buffer);
            if now >= session.deadline || session.full {
                session.subscriber.farewell(&mut out);
                self.writes.push(Box::pin(end(session.writer, out)));
                continue;
            }
            let cursor = session.subscriber.position().sequence;
            let known = self.window.is_of(session.subscriber.position());
            if !known || session.generation != self.window.generation() {
                session.subscriber.announce_gap(self.window.start(), &mut out);
                session.generation = self.window.generation();
            } else if let Some(run) = self.window.run(cursor) {
                session.full = session.subscriber.fill(run.following(cursor), &mut out);
            }
            if out.is_empty() && now >= after(session.last_write, KEEP_ALIVE) {
                session.subscriber.keep_alive(&mut out);
            }
            if out.is_empty() && !session.full {
                session.buffer = out;
                self.idle.push(session);
            } else {
                self.write(session, out);
            }
        }
    }

    fn write(&mut self, mut session: Ready, out: Vec<u8>) {
        let limit = self.limits.reached(session.deadline);
        self.writes.push(Box::pin(async move {
            match session.writer.write_unless(out, limit).await {
                Ok(buffer) => {
                    session.buffer = buffer;
                    session.last_write = now();
                    Some(session)
                }
                Err(Closed::BudgetUsed) => {
                    session.writer.finish().await;
                    println!("hub: stream ended: a reader did not keep up until its budget was used");
                    None
                }
                Err(closed) => {
                    println!("hub: stream ended: {closed}");
                    None
                }
            }
        }));
    }

    /// Starts a read if one is wanted and none is under way.
    fn read(&mut self) {
        if self.reading.is_some() {
            return;
        }
        let now = now();
        if self.polling.pauses(now) {
            return;
        }
        let head = (self.news || now >= self.polling.due()).then_some(Want::Head);
        let behind = self.behind().map(Want::Catchup);
        let want = if self.head_next { head.or(behind) } else { behind.or(head) };
        if let Some(want) = want {
            self.head_next = want != Want::Head;
            self.news &= want != Want::Head;
            let log = Rc::clone(&self.log);
            let cursor = self.window.cursor(want);
            self.reading = Some((want, Box::pin(async move { log.after(cursor).await })));
        }
    }

    /// The cursor of a session that is behind what is in memory.
    fn behind(&self) -> Option<u64> {
        let mut positions = self.idle.iter().map(|session| session.subscriber.position());
        positions.find(|position| self.window.is_ahead_of(position)).map(|position| position.sequence)
    }

    /// Takes in what was read.
    fn page(&mut self, want: Want, page: Page) {
        let (newest, head) = (page.entries.last().map(|entry| entry.sequence), page.extent.head);
        let taken = self.window.take(want, page);
        match &taken {
            Taken::More => {}
            Taken::Gap(start) => self.announce_gaps(start),
            Taken::Another => eprintln!("hub: this is another log than before: subscribers are told of the gap"),
        }
        if want == Want::Head {
            self.polling.found(newest.is_some());
            // A read that is not complete is followed by the next at once.
            self.news |= newest.is_some_and(|newest| newest < head);
        }
        if taken == Taken::Another {
            self.news = true;
        } else if want == Want::Head {
            for (session, preamble) in take(&mut self.strangers) {
                self.write(session, preamble);
            }
        }
    }

    /// Tells those whose place is no longer in the log, and moves them to its oldest.
    fn announce_gaps(&mut self, start: &Position) {
        let (lost, kept): (Vec<_>, Vec<_>) = take(&mut self.idle)
            .into_iter()
            .partition(|session| session.subscriber.position().sequence < start.sequence);
        self.idle = kept;
        for mut session in lost {
            let mut out = take(&mut session.buffer);
            session.subscriber.announce_gap(start.clone(), &mut out);
            self.write(session, out);
        }
    }

    /// Ready when there may be something to do.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut happened = false;
        while let Poll::Ready(Some(written)) = self.writes.poll_next_unpin(cx) {
            self.idle.extend(written);
            happened = true;
        }
        if let Some((want, read)) = &mut self.reading
            && let Poll::Ready(result) = read.as_mut().poll(cx)
        {
            let want = *want;
            self.reading = None;
            happened = true;
            match result {
                Ok(page) => self.page(want, page),
                Err(error) => self.polling.failed(&error),
            }
        }
        happened |= self.listener.poll_rung(cx).is_ready();
        happened |= self.timer.poll_due(cx, self.due()).is_ready();
        if happened { Poll::Ready(()) } else { Poll::Pending }
    }

    /// When there is something to do at the latest.
    fn due(&self) -> Instant {
        let sessions = self.idle.iter().map(|session| session.deadline.min(after(session.last_write, KEEP_ALIVE)));
        let poll = if self.reading.is_some() { Instant::MAX } else { self.polling.due() };
        sessions.min().unwrap_or(Instant::MAX).min(self.limits.wake()).min(poll)
    }
}

/// Ends a stream with its last words.
async fn end(mut writer: Writer, out: Vec<u8>) -> Option<Ready> {
    // A client that has gone does not need them.
    let _ = writer.write(out).await;
    writer.finish().await;
    println!("hub: stream ended: its budget is used");
    None
}
