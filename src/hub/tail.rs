//! The tail: one task per instance that follows the log and writes to all of the instance's subscribers.
//!
//! It works in rounds: read what is new, write it to every subscriber that is ready, wait for a write to end or for
//! news. What is published during a round is carried by the next one. A subscriber whose write has not ended is not
//! here at all (its write owns it), so it costs its cursor and one chunk, and nobody waits for it.

use std::future::poll_fn;
use std::mem::take;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use spin_sse::timer::{Instant, Timer, after, now};

use crate::hub::door;
use crate::hub::doorbell::Listener;
use crate::hub::health::Health;
use crate::hub::idle::{Idle, KEEP_ALIVE};
use crate::hub::limits::Limits;
use crate::hub::log::{Log, News, Page, Position, Unavailable};
use crate::hub::polling::Polling;
use crate::hub::ready::{FAREWELL, Ready, end, write};
use crate::hub::window::{Standing, Taken, Want, Window};

/// How long after its deadline a reader may still stall in the middle of a chunk.
const STALLED: Duration = Duration::from_secs(10);
/// How often a log is polled that tells of news.
const SELDOM: Duration = Duration::from_secs(3_600);

type Write = Pin<Box<dyn Future<Output = Option<Ready>>>>;
type Read = Pin<Box<dyn Future<Output = Result<Page, Unavailable>>>>;
type Wait = Pin<Box<dyn Future<Output = Result<News, Unavailable>>>>;

/// The tail of one instance.
pub struct Tail<L> {
    log: Rc<L>,
    listener: Listener,
    timer: Timer,
    idle: Idle,
    writes: FuturesUnordered<Write>,
    limits: Limits,
    window: Window,
    /// How often the head was read.
    looks: u64,
    /// What a read that is under way is for, and what the head was when it began.
    reading: Option<(Want, Position, Read)>,
    /// A log that tells of news does it here: where the head was, and what follows it.
    waiting: Option<(Position, Wait)>,
    /// The last read served someone who catches up: the head's turn.
    head_next: bool,
    /// Something was published here since the last read of the head began.
    news: bool,
    /// Someone waits for a look at the head, to know which log is the newer one.
    unsettled: bool,
    polling: Polling,
    health: Rc<Health>,
}

impl<L: Log + 'static> Tail<L> {
    /// A tail that follows `log` from `start` on; `listener` is how it is told of what comes in at the door.
    pub fn new(log: Rc<L>, interval: Duration, health: Rc<Health>, listener: Listener, start: &Position) -> Self {
        let interval = if log.tells() { SELDOM } else { interval };
        Tail {
            log,
            listener,
            timer: Timer::default(),
            idle: Idle::default(),
            writes: FuturesUnordered::new(),
            limits: Limits::default(),
            window: Window::new(start),
            looks: 0,
            reading: None,
            waiting: None,
            head_next: true,
            news: false,
            unsettled: false,
            polling: Polling::new(interval),
            health,
        }
    }

    /// Serves until the last session has ended.
    pub async fn run(mut self) {
        loop {
            self.admit();
            self.serve();
            if self.idle.is_empty() && self.writes.is_empty() {
                door::close();
                return;
            }
            self.read();
            self.wait();
            poll_fn(|cx| self.poll_event(cx)).await;
        }
    }

    /// Takes in those who join, and news.
    fn admit(&mut self) {
        let (joining, news) = door::look();
        // A log that tells of news tells of what this instance published, too.
        self.news |= news && !self.log.tells();
        for session in joining {
            let generation = self.window.generation();
            let known = self.window.standing(session.subscriber.position(), generation) != Standing::Strange;
            let ready = Ready {
                subscriber: session.subscriber,
                writer: session.writer,
                deadline: session.deadline,
                last_write: now(),
                buffer: Vec::new(),
                full: false,
                generation: known.then_some(generation),
                // A read that is under way may have begun before the session's.
                settled: self.looks.saturating_add(if self.reading.is_some() { 2 } else { 1 }),
            };
            self.news |= !known;
            self.write(ready, session.preamble, Bytes::new());
        }
    }

    /// Gives each session that is ready what there is for it.
    fn serve(&mut self) {
        let now = now();
        self.idle.wake_due(now);
        for mut session in self.idle.take_ready() {
            let mut out = take(&mut session.buffer);
            if now >= session.deadline || session.full {
                session.subscriber.farewell(&mut out);
                let limit = self.limits.reached(after(now, FAREWELL));
                self.writes.push(Box::pin(end(session.writer, out, limit)));
                continue;
            }
            let mut large = Bytes::new();
            match self.standing(&session) {
                // It has to be looked first which log is the newer one.
                Standing::Strange if self.looks < session.settled => self.unsettled = true,
                Standing::Strange => self.announce_gap(&mut session, self.window.start(), &mut out),
                Standing::Lost(place) => self.announce_gap(&mut session, place, &mut out),
                Standing::Known => {
                    session.generation = Some(self.window.generation());
                    session.subscriber.adopt(self.window.epoch());
                    // A run of which it hears nothing takes it to the next one.
                    while out.is_empty() && large.is_empty() && !session.full {
                        let cursor = session.subscriber.position().sequence;
                        let Some(run) = self.window.run(cursor) else { break };
                        let filled = session.subscriber.fill(run.following(cursor), &mut out);
                        (session.full, large) = (filled.full, filled.large);
                    }
                }
            }
            if out.is_empty() && large.is_empty() && now >= after(session.last_write, KEEP_ALIVE) {
                session.subscriber.keep_alive(&mut out);
            }
            if !out.is_empty() || !large.is_empty() || session.full {
                self.write(session, out, large);
                continue;
            }
            session.buffer = out;
            if self.window.is_ahead_of(session.subscriber.position()) {
                self.idle.wait_for_page(session);
            } else {
                self.idle.wait_for_news(session);
            }
        }
    }

    /// What the place of a session is worth in the log that the tail follows.
    fn standing(&self, session: &Ready) -> Standing {
        let generation = session.generation.unwrap_or(self.window.generation());
        self.window.standing(session.subscriber.position(), generation)
    }

    fn announce_gap(&self, session: &mut Ready, place: Position, out: &mut Vec<u8>) {
        session.subscriber.announce_gap(place, out);
        session.generation = Some(self.window.generation());
    }

    /// Writes `out` and then `large`, which together end at the end of an event.
    fn write(&mut self, session: Ready, out: Vec<u8>, large: Bytes) {
        let limit = self.limits.reached(session.deadline);
        let cut = self.limits.reached(after(session.deadline, STALLED));
        self.writes.push(Box::pin(async move {
            match select(pin!(write(session, out, large, limit)), cut).await {
                Either::Left((session, _)) => session,
                Either::Right(_) => {
                    println!("hub: stream cut: its reader stalled in the middle of a chunk");
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
        let behind = self.idle.behind().map(|position| Want::Catchup(position.sequence));
        let want = if self.head_next { head.or(behind) } else { behind.or(head) };
        if let Some(want) = want {
            self.head_next = want != Want::Head;
            if want == Want::Head {
                self.polling.begins(!take(&mut self.news));
            }
            let log = Rc::clone(&self.log);
            let cursor = self.window.cursor(want);
            self.reading = Some((want, self.window.head(), Box::pin(async move { log.after(cursor).await })));
        }
    }

    /// Waits for news, once the head is known and while the log does not fail.
    fn wait(&mut self) {
        let at_work = self.waiting.is_some() || matches!(self.reading, Some((Want::Head, ..)));
        if !self.log.tells() || at_work || self.news || self.looks == 0 || self.polling.pauses(now()) {
            return;
        }
        let (log, head) = (Rc::clone(&self.log), self.window.head());
        let at = head.clone();
        self.waiting = Some((at, Box::pin(async move { log.wait(&head).await })));
    }

    /// Takes in what a wait has brought. What was read meanwhile by another way is not taken twice.
    fn news(&mut self, head: &Position, news: News) {
        if *head == self.window.head() {
            self.polling.found(!news.entries.is_empty());
            if !news.entries.is_empty() {
                self.window.extend(news.entries);
                self.idle.wake();
            }
            self.news |= news.look;
        }
    }

    /// Takes in what was read.
    fn page(&mut self, want: Want, since: &Position, page: Page) {
        let (anything, head) = (!page.entries.is_empty(), page.extent.head);
        let taken = self.window.take(want, since, page);
        if want != Want::Head && taken == Taken::More {
            self.idle.wake_behind();
        } else if anything || taken != Taken::More || take(&mut self.unsettled) {
            self.idle.wake();
        }
        match &taken {
            Taken::More => {}
            Taken::Gap { from, to } => self.announce_gaps(*from, to),
            Taken::Another => {
                eprintln!("hub: the log lost updates, or is another one: who had them is told of the gap")
            }
        }
        if want == Want::Head {
            self.looks = self.looks.saturating_add(1);
            self.polling.found(anything);
            // A read that is not complete is followed by the next at once.
            self.news |= anything && self.window.cursor(Want::Head) < head;
        }
        if taken == Taken::Another {
            self.news = true;
            self.waiting = None;
        }
    }

    /// Tells those who are before a hole in the log, and moves them to its end.
    fn announce_gaps(&mut self, from: u64, to: &Position) {
        for mut session in self.idle.take_ready() {
            let here = (from..to.sequence).contains(&session.subscriber.position().sequence);
            if here && matches!(self.standing(&session), Standing::Known) {
                let mut out = take(&mut session.buffer);
                session.subscriber.announce_gap(to.clone(), &mut out);
                self.write(session, out, Bytes::new());
            } else {
                self.idle.push(session);
            }
        }
    }

    /// Ready when there may be something to do.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut happened = false;
        while let Poll::Ready(Some(written)) = self.writes.poll_next_unpin(cx) {
            if let Some(session) = written {
                self.idle.push(session);
            }
            happened = true;
        }
        if let Some((_, _, read)) = &mut self.reading
            && let Poll::Ready(result) = read.as_mut().poll(cx)
            && let Some((want, since, _)) = self.reading.take()
        {
            happened = true;
            self.health.note(&result);
            match result {
                Ok(page) => self.page(want, &since, page),
                Err(_) => self.polling.failed(),
            }
        }
        if let Some((_, wait)) = &mut self.waiting
            && let Poll::Ready(result) = wait.as_mut().poll(cx)
            && let Some((head, _)) = self.waiting.take()
        {
            happened = true;
            self.health.note(&result);
            match result {
                Ok(news) => self.news(&head, news),
                Err(_) => self.polling.failed(),
            }
        }
        happened |= self.listener.poll_rung(cx).is_ready();
        happened |= self.timer.poll_due(cx, self.due()).is_ready();
        if happened { Poll::Ready(()) } else { Poll::Pending }
    }

    /// When there is something to do at the latest.
    fn due(&self) -> Instant {
        let poll = if self.reading.is_some() { Instant::MAX } else { self.polling.due() };
        self.idle.due().min(self.limits.wake()).min(poll)
    }
}
