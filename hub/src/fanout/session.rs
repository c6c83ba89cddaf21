//! One session: which updates it hears, how far it is, and what it is sent next.
//!
//! A session has no queue: it is a position in the log. What it is sent is made from a segment of the log when its last
//! write has ended.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use spin_sse::{ByteBudget, encode_retry};

use crate::fanout::events::{encode_gap, encode_place, encode_ready};
use crate::fanout::parts::Parts;
use crate::fanout::patterns::PatternId;
use crate::fanout::resume::Resume;
use crate::fanout::state::{State, Target};
use crate::instant::{Instant, after};
use crate::log::Position;
use crate::topic::selector::Selector;

/// A session that was sent nothing for so long is sent a keep-alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// So long before its stream ends, the log is read for it once more: its last words tell the client its place, and a
/// place that is old may soon be lost.
const LAST_LOOK: Duration = Duration::from_millis(500);

/// Who joins the dispatcher.
#[derive(Debug)]
pub struct NewSession {
    /// The topics that the client follows.
    pub selector: Selector,
    /// The topics whose private updates it may read.
    pub grant: Selector,
    /// Where the stream starts. `None` is where the log ended when the client asked.
    pub resume: Option<Resume>,
    /// When the client asked.
    pub asked: Instant,
    /// How many bytes the stream may be sent.
    pub max_bytes: u64,
    /// When the stream must end: its time budget, or its token's last moment.
    pub deadline: Instant,
    /// How long the client is asked to wait before it reconnects.
    pub retry: Duration,
    /// Without the hub's own events: the client is told its place and nothing else.
    pub quiet: bool,
    /// What its last words have for it to come back as the same subscriber, once that is known.
    pub ticket: Option<Rc<OnceCell<String>>>,
}

/// A client's stream, from the response head to the end.
#[derive(Debug)]
pub(crate) struct Session {
    /// What happens to it at the moment.
    pub state: State,
    /// When its stream must end.
    pub deadline: Instant,
    /// When a write to it ended last.
    pub last_write: Instant,
    /// When the dispatcher looks after its write at the latest.
    pub alarm: Instant,
    /// Empty between two writes; reused.
    pub buffer: Vec<u8>,
    /// Its budget is used: nothing more may be sent but its last words.
    pub budget_used: bool,
    /// In which generation of the cache its position is valid. `None` while the session knows another log than the
    /// cache, and it is not known which one is newer.
    pub generation: Option<usize>,
    /// After how many reads that is known.
    pub known_after: u64,
    /// How far the log is known to have something for it, perhaps.
    pub target: Option<Target>,
    /// Which of its topics ended before it came is not known. A read says so that begins after so many others.
    pub(super) ended_unknown: Option<u64>,
    /// The topics that the log is asked for; `*` alone for all, and for patterns.
    pub topics: Vec<Rc<str>>,
    /// The patterns that it follows.
    pub followed: Vec<PatternId>,
    /// The patterns that its grant has.
    pub readable: Vec<PatternId>,
    /// When its client asked.
    pub asked: Instant,
    /// When it joined.
    pub joined: Instant,
    /// Its position is known, and the first block was made.
    pub(super) begun: bool,
    /// The log is read, or was read, for its last words.
    had_last_look: bool,
    pub(super) selector: Selector,
    pub(super) grant: Selector,
    pub(super) position: Position,
    /// The last sequence of which the client knows the id.
    pub(super) client_knows: u64,
    /// The client knows that id as one that the hub made. One of a publisher may be that of another update too.
    pub(super) knows_by_hub: bool,
    /// What it was sent of an update that is larger than a chunk.
    pub(super) parts: Parts,
    pub(super) budget: ByteBudget,
    pub(super) quiet: bool,
    retry: Duration,
    ticket: Option<Rc<OnceCell<String>>>,
}

impl Session {
    /// A session that is written to for the first time, or waits for its position.
    pub(crate) fn new(new: NewSession, topics: Vec<Rc<str>>, now: Instant) -> Self {
        let NewSession { selector, grant, resume, asked, max_bytes, deadline, retry, quiet, ticket } = new;
        let mut session = Session {
            state: State::AwaitingPosition,
            deadline,
            last_write: now,
            alarm: deadline,
            buffer: Vec::new(),
            budget_used: false,
            generation: None,
            known_after: 0,
            target: None,
            ended_unknown: None,
            topics,
            followed: Vec::new(),
            readable: Vec::new(),
            asked,
            joined: now,
            begun: false,
            had_last_look: false,
            selector,
            grant,
            position: Position { epoch: String::new(), sequence: 0 },
            client_knows: 0,
            knows_by_hub: false,
            parts: Parts::default(),
            budget: ByteBudget::new(max_bytes),
            quiet,
            retry,
            ticket,
        };
        if let Some(resume) = resume {
            session.begin(resume);
        }
        session
    }

    /// Begins at a position: the first block of the stream is in the buffer then.
    pub(crate) fn begin(&mut self, resume: Resume) {
        let Resume { position, lost, resumed, untold } = resume;
        self.knows_by_hub = untold || !self.quiet;
        if self.quiet {
            encode_retry(self.retry, &mut self.buffer);
            if untold {
                encode_place(&position, None, true, &mut self.buffer);
            }
        } else {
            encode_ready(&position, lost.as_deref(), resumed, self.retry, &mut self.buffer);
            if let Some(lost) = &lost {
                encode_gap(lost, &position, &mut self.buffer);
            }
        }
        self.budget.spend(self.buffer.len());
        self.client_knows = position.sequence;
        self.position = position;
        self.begun = true;
        self.state = State::Runnable;
    }

    /// Whether its position is known.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// All updates up to this position were sent, or are not for this session.
    pub(crate) fn position(&self) -> &Position {
        &self.position
    }

    /// Names its position by the epoch that the log has now, which continues the one it was in.
    pub(crate) fn adopt(&mut self, epoch: &str) {
        if self.position.epoch != epoch {
            epoch.clone_into(&mut self.position.epoch);
        }
    }

    /// What its client shows to come back as the same subscriber, if that is known.
    pub(crate) fn ticket(&self) -> Option<&str> {
        self.ticket.as_ref()?.get().map(String::as_str)
    }

    /// Whether the log is asked for every topic on its behalf: it may hear topics that it does not name.
    pub(crate) fn reads_all(&self) -> bool {
        self.selector.is_open()
    }

    /// Its stream must end at this moment at the latest.
    pub(crate) fn end_by(&mut self, deadline: Instant) {
        self.deadline = self.deadline.min(deadline);
        self.alarm = self.alarm.min(self.deadline);
    }

    /// When there is something to do for it although nothing new comes.
    pub(crate) fn due(&self) -> Instant {
        if self.parts.is_inside() {
            return self.deadline;
        }
        let end = if self.had_last_look { self.deadline } else { self.last_look() };
        end.min(after(self.last_write, KEEP_ALIVE))
    }

    fn last_look(&self) -> Instant {
        self.deadline.saturating_sub(u64::try_from(LAST_LOOK.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Wants the log to be read for its last words, if it is time.
    pub(crate) fn take_last_look(&mut self, reads: u64, now: Instant) {
        if !self.had_last_look && now >= self.last_look() {
            self.had_last_look = true;
            self.want(Target { sequence: u64::MAX, reads });
        }
    }

    /// Whether it was sent nothing for so long that it is sent a keep-alive.
    pub(crate) fn wants_keep_alive(&self, now: Instant) -> bool {
        !self.parts.is_inside() && now >= after(self.last_write, KEEP_ALIVE)
    }

    /// Which of its topics have ended is not known. `reads` have begun.
    pub(crate) fn ask_ended(&mut self, reads: u64) {
        self.ended_unknown = Some(reads).filter(|_| !self.reads_all());
    }

    /// The read with this number was for it: it is known which of its topics have ended.
    pub(crate) fn knows_ended(&mut self, read: u64) {
        self.ended_unknown = self.ended_unknown.filter(|reads| *reads >= read);
    }

    /// Wants a read, if it must still be known which of its topics have ended.
    pub(crate) fn want_ended(&mut self) {
        if let (Some(reads), None) = (self.ended_unknown, self.target) {
            self.target = Some(Target { sequence: u64::MAX, reads });
            self.state = State::AwaitingPage;
        }
    }

    /// The log may have something for it up to `target`.
    pub(crate) fn want(&mut self, target: Target) {
        if self.begun && target.sequence <= self.position.sequence {
            return;
        }
        let known = self.target.map_or(0, |known| known.sequence);
        self.target = Some(Target { sequence: target.sequence.max(known), ..target });
    }
}
