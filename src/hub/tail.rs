//! The tail: one task per instance that follows the log and writes to all of the instance's subscribers.
//!
//! It works in rounds: read what is new, write it to every subscriber that is ready, wait for a write to end or for
//! news. What is published during a round is carried by the next one. A subscriber whose write has not ended is not
//! here at all (its write owns it), so it costs its cursor and one chunk, and nobody waits for it.

use std::cell::RefCell;
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

use crate::hub::doorbell::{Bell, Listener, doorbell};
use crate::hub::limits::Limits;
use crate::hub::log::{Log, Page, Position, Unavailable};
use crate::hub::ring::Run;
use crate::hub::subscriber::Subscriber;

/// A sign of life goes to a subscriber that was sent nothing for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How many pages are kept for subscribers that catch up: those who come back together read the same ones.
const PAGES: usize = 8;
/// How long the log must be quiet before it is polled less often.
const QUIET: Duration = Duration::from_secs(10);
/// How long a log that fails is left alone at most.
const BACKOFF: Duration = Duration::from_secs(5);

/// An open stream, and the subscriber behind it.
pub struct Session {
    /// Who is written to.
    pub subscriber: Subscriber,
    /// What goes out before anything else.
    pub preamble: Vec<u8>,
    /// The stream's body.
    pub writer: Writer,
    /// When the stream must end: its time budget, or its token's last moment.
    pub deadline: Instant,
}

thread_local! {
    static TAIL: RefCell<Option<Door>> = const { RefCell::new(None) };
}

/// How other tasks reach the tail.
struct Door {
    bell: Bell,
    joining: Vec<Session>,
    /// There may be something new in the log.
    news: bool,
}

/// Hands a session to this instance's tail; starts one, in this request's task, where there is none.
pub async fn join<L: Log + 'static>(session: Session, log: Rc<L>, poll: Duration) {
    let running = TAIL.with_borrow_mut(|door| {
        let running = door.is_some();
        let door = door.get_or_insert_with(|| {
            let (bell, listener) = doorbell();
            let tail = Tail::new(Rc::clone(&log), poll, listener, session.subscriber.position().clone());
            wasi::spawn(tail.run());
            Door { bell, joining: Vec::new(), news: false }
        });
        door.joining.push(session);
        running.then(|| door.bell.clone())
    });
    if let Some(bell) = running {
        bell.ring().await;
    }
}

/// Tells this instance's tail, if there is one, that something was published.
pub async fn nudge() {
    let bell = TAIL.with_borrow_mut(|door| {
        let door = door.as_mut()?;
        door.news = true;
        Some(door.bell.clone())
    });
    if let Some(bell) = bell {
        bell.ring().await;
    }
}

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

struct Tail<L> {
    log: Rc<L>,
    listener: Listener,
    timer: Timer,
    idle: Vec<Ready>,
    writes: FuturesUnordered<Write>,
    limits: Limits,
    /// Sessions that know another log than the tail, until it has looked which is the newer one.
    strangers: Vec<(Ready, Vec<u8>)>,
    epoch: String,
    generation: u64,
    /// Where those begin who have to begin anew.
    start: u64,
    ring: Run,
    /// Older runs, for those who catch up; the last used one comes last.
    pages: Vec<Run>,
    reading: Option<(Want, Read)>,
    /// The last read served someone who catches up: the head's turn.
    head_next: bool,
    /// Something was published here since the last read of the head began.
    news: bool,
    polling: Polling,
}

/// What a read is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Head,
    Catchup(u64),
}

/// When the log is looked at without being told of news.
struct Polling {
    interval: Duration,
    due: Instant,
    last_news: Instant,
    failures: u32,
}

impl Polling {
    fn found(&mut self, anything: bool) {
        let now = now();
        if anything {
            self.last_news = now;
        }
        if self.failures > 0 {
            println!("hub: the log is back");
            self.failures = 0;
        }
        let quiet = now > after(self.last_news, QUIET);
        self.due = after(now, if quiet { self.interval.saturating_mul(4) } else { self.interval });
    }

    fn failed(&mut self, error: &Unavailable) {
        if self.failures == 0 {
            eprintln!("hub: {error}; streams stay open and go on when it is back");
        }
        let backoff = Duration::from_millis(100).saturating_mul(1 << self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
        self.due = after(now(), backoff.min(BACKOFF));
    }
}

impl<L: Log + 'static> Tail<L> {
    fn new(log: Rc<L>, interval: Duration, listener: Listener, start: Position) -> Self {
        let now = now();
        Tail {
            log,
            listener,
            timer: Timer::default(),
            idle: Vec::new(),
            writes: FuturesUnordered::new(),
            limits: Limits::default(),
            strangers: Vec::new(),
            epoch: start.epoch,
            generation: 0,
            start: start.sequence,
            ring: Run::new(start.sequence),
            pages: Vec::new(),
            reading: None,
            head_next: true,
            news: false,
            polling: Polling { interval, due: now, last_news: now, failures: 0 },
        }
    }

    async fn run(mut self) {
        loop {
            self.admit();
            self.serve();
            if self.idle.is_empty() && self.writes.is_empty() && self.strangers.is_empty() {
                // Nothing can join between this look and the last: no other task runs until the next await.
                TAIL.with_borrow_mut(|door| *door = None);
                return;
            }
            self.read();
            poll_fn(|cx| self.poll_event(cx)).await;
        }
    }

    /// Takes in those who join, and news.
    fn admit(&mut self) {
        let (joining, news) = TAIL.with_borrow_mut(|door| {
            door.as_mut().map_or((Vec::new(), false), |door| (take(&mut door.joining), take(&mut door.news)))
        });
        self.news |= news;
        for session in joining {
            let ready = Ready {
                subscriber: session.subscriber,
                writer: session.writer,
                deadline: session.deadline,
                last_write: now(),
                buffer: Vec::new(),
                full: false,
                generation: self.generation,
            };
            if ready.subscriber.position().epoch == self.epoch {
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
            if session.generation != self.generation || session.subscriber.position().epoch != self.epoch {
                let start = Position { epoch: self.epoch.clone(), sequence: self.start };
                session.subscriber.announce_gap(start, &mut out);
                session.generation = self.generation;
            } else if let Some(run) = self.run_of(cursor) {
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

    fn run_of(&mut self, cursor: u64) -> Option<&Run> {
        if self.ring.covers(cursor) {
            return Some(&self.ring);
        }
        let at = self.pages.iter().position(|page| page.covers(cursor))?;
        let page = self.pages.remove(at);
        self.pages.push(page);
        self.pages.last()
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
        if self.polling.failures > 0 && now < self.polling.due {
            return;
        }
        let head = (self.news || now >= self.polling.due).then_some(Want::Head);
        let behind = self.behind().map(Want::Catchup);
        let want = if self.head_next { head.or(behind) } else { behind.or(head) };
        if let Some(want) = want {
            self.head_next = want != Want::Head;
            self.news &= want != Want::Head;
            let log = Rc::clone(&self.log);
            let cursor = self.cursor(want);
            self.reading = Some((want, Box::pin(async move { log.after(cursor).await })));
        }
    }

    /// The cursor of a session that is behind what is in memory.
    fn behind(&self) -> Option<u64> {
        let cursors = self.idle.iter().map(|session| session.subscriber.position());
        let mut behind = cursors.filter(|at| at.epoch == self.epoch && at.sequence < self.ring.head());
        behind.next().map(|at| at.sequence)
    }

    fn page(&mut self, want: Want, page: Page) {
        if page.extent.epoch != self.epoch || page.extent.head < self.ring.head() {
            eprintln!("hub: this is another log than before: subscribers are told of the gap");
            self.begin_anew(page.extent.start());
            self.generation = self.generation.wrapping_add(1);
            self.pages.clear();
            self.news = true;
            return;
        }
        let cursor = self.cursor(want);
        let gap = page.gap(&Position { epoch: self.epoch.clone(), sequence: cursor });
        if gap {
            self.announce_gaps(&page.extent.start());
        }
        match want {
            Want::Head => {
                if gap {
                    self.begin_anew(page.extent.start());
                }
                self.ring.extend(page.entries);
                for (session, preamble) in take(&mut self.strangers) {
                    self.write(session, preamble);
                }
            }
            Want::Catchup(_) if gap => {}
            Want::Catchup(_) => {
                let mut run = Run::new(cursor);
                run.extend(page.entries);
                self.pages.push(run);
                let surplus = self.pages.len().saturating_sub(PAGES);
                self.pages.drain(..surplus);
            }
        }
    }

    fn cursor(&self, want: Want) -> u64 {
        match want {
            Want::Head => self.ring.head(),
            Want::Catchup(cursor) => cursor,
        }
    }

    fn begin_anew(&mut self, start: Position) {
        self.epoch = start.epoch;
        self.start = start.sequence;
        self.ring = Run::new(start.sequence);
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
                Ok(page) => {
                    if want == Want::Head {
                        self.polling.found(!page.entries.is_empty());
                        // A read that is not complete is followed by the next at once.
                        self.news |= page.entries.last().is_some_and(|last| last.sequence < page.extent.head);
                    }
                    self.page(want, page);
                }
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
        let poll = if self.reading.is_some() { Instant::MAX } else { self.polling.due };
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
