//! One session: which updates it hears, how far it is, and what it is sent next.
//!
//! A session has no queue: it is a position in the log. What it is sent is made from a segment of the log when its last
//! write has ended.

use std::mem::take;
use std::time::Duration;

use bytes::Bytes;
use spin_sse::{ByteBudget, Event, Id, encode_comment};

use crate::access::policy::may_read;
use crate::fanout::cache::{LogCache, Validity};
use crate::fanout::events::{encode_gap, encode_ready};
use crate::fanout::instant::{Instant, after};
use crate::fanout::resume::Resume;
use crate::fanout::state::{Served, State};
use crate::log::{Entry, Position};
use crate::topic::selector::Selector;

/// About how many bytes one write has.
pub(crate) const CHUNK: usize = 64 * 1024;
/// A session that was sent nothing for so long is sent a keep-alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Who joins the dispatcher.
#[derive(Debug)]
pub struct NewSession {
    /// The topics that the client follows.
    pub selector: Selector,
    /// The topics whose private updates it may read.
    pub grant: Selector,
    /// Where the stream starts. `None` is the end of the log: the response head waits until that is known.
    pub resume: Option<Resume>,
    /// How many bytes the stream may be sent.
    pub max_bytes: u64,
    /// When the stream must end: its time budget, or its token's last moment.
    pub deadline: Instant,
    /// How long the client is asked to wait before it reconnects.
    pub retry: Duration,
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
    /// After how many reads of the head that is known, or its position is.
    pub known_after: u64,
    /// Its response head is sent, or may be sent.
    pub(crate) answered: bool,
    /// Its position is known, and the first block was made.
    begun: bool,
    selector: Selector,
    grant: Selector,
    position: Position,
    /// The last sequence of which the client knows the id.
    client_knows: u64,
    budget: ByteBudget,
    retry: Duration,
}

impl Session {
    /// A session that is written to for the first time, or waits for its position.
    pub(crate) fn new(new: NewSession, known_after: u64, now: Instant) -> Self {
        let NewSession { selector, grant, resume, max_bytes, deadline, retry } = new;
        let mut session = Session {
            state: State::AwaitingPosition,
            deadline,
            last_write: now,
            alarm: deadline,
            buffer: Vec::new(),
            budget_used: false,
            generation: None,
            known_after,
            answered: resume.is_some(),
            begun: false,
            selector,
            grant,
            position: Position { epoch: String::new(), sequence: 0 },
            client_knows: 0,
            budget: ByteBudget::new(max_bytes),
            retry,
        };
        if let Some(resume) = resume {
            session.begin(resume);
        }
        session
    }

    /// Begins at a position: the first block of the stream is in the buffer then.
    pub(crate) fn begin(&mut self, resume: Resume) {
        let Resume { position, lost, resumed } = resume;
        encode_ready(&position, lost.as_deref(), resumed, self.retry, &mut self.buffer);
        if let Some(lost) = &lost {
            encode_gap(lost, &position, &mut self.buffer);
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
    fn adopt(&mut self, epoch: &str) {
        if self.position.epoch != epoch {
            epoch.clone_into(&mut self.position.epoch);
        }
    }

    /// When there is something to do for it although nothing new comes.
    pub(crate) fn due(&self) -> Instant {
        self.deadline.min(after(self.last_write, KEEP_ALIVE))
    }

    /// Whether it was sent nothing for so long that it is sent a keep-alive.
    pub(crate) fn wants_keep_alive(&self, now: Instant) -> bool {
        now >= after(self.last_write, KEEP_ALIVE)
    }

    /// Puts what the cache has for it into the buffer, and sets the state that it has when that is nothing.
    /// `head_reads` is how often the head was read.
    pub(crate) fn serve(&mut self, cache: &mut LogCache, head_reads: u64) -> Served {
        let mut served = Served { large: Bytes::new(), unresolved: false };
        let validity = cache.validity(&self.position, self.generation.unwrap_or(cache.generation()));
        match validity {
            Validity::UnknownEpoch if head_reads < self.known_after => served.unresolved = true,
            Validity::UnknownEpoch => {
                self.announce_gap(cache.log_start());
                self.generation = Some(cache.generation());
            }
            Validity::Truncated(start) => {
                self.announce_gap(start);
                self.generation = Some(cache.generation());
            }
            Validity::Valid => {
                self.generation = Some(cache.generation());
                self.adopt(cache.epoch());
                let mut out = take(&mut self.buffer);
                // A segment of which the session hears nothing takes it to the next one.
                while out.is_empty() && served.large.is_empty() && !self.budget_used {
                    let sequence = self.position.sequence;
                    let Some(segment) = cache.segment(sequence) else { break };
                    served.large = self.fill(segment.following(sequence), &mut out);
                }
                self.buffer = out;
            }
        }
        self.state = if cache.is_ahead_of(&self.position) { State::AwaitingPage } else { State::CaughtUp };
        served
    }

    /// Appends what it is to be sent of `entries`, which follow its position without a hole.
    ///
    /// An update that is larger than a chunk is returned instead: it is sent alone, and is not copied, because all
    /// who are sent it share it.
    fn fill<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>, out: &mut Vec<u8>) -> Bytes {
        let mut large = Bytes::new();
        let start = self.position.sequence;
        for entry in entries.skip_while(|entry| entry.sequence <= start) {
            if self.hears(entry) {
                let is_large = entry.wire.len() > CHUNK;
                if is_large && !out.is_empty() {
                    break;
                }
                if !self.budget.admit(entry.wire.len()) {
                    self.budget_used = true;
                    break;
                }
                if is_large {
                    large = entry.wire.clone();
                } else {
                    out.extend_from_slice(&entry.wire);
                }
                self.client_knows = entry.sequence;
            }
            self.position.sequence = entry.sequence;
            if out.len() >= CHUNK || !large.is_empty() {
                break;
            }
        }
        large
    }

    fn hears(&self, entry: &Entry) -> bool {
        self.selector.matches_any(entry.topics()) && may_read(entry.private, entry.topics(), &self.grant)
    }

    /// Appends a keep-alive. It carries the id of the position, if the client does not know it: else a client whose
    /// topics are quiet would come back with an id that the history has long lost.
    pub(crate) fn keep_alive(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        if !self.begun || self.client_knows == self.position.sequence {
            encode_comment("", out);
        } else {
            self.client_knows = self.position.sequence;
            if let Ok(id) = Id::new(self.position.to_string()) {
                Event::without_data().id(id).encode(out);
            }
        }
        self.budget.spend(out.len().saturating_sub(before));
    }

    /// Appends what a client should know before its stream ends: the id of the position, if the client does not know
    /// it.
    pub(crate) fn last_words(&mut self, out: &mut Vec<u8>) {
        if self.client_knows != self.position.sequence {
            self.keep_alive(out);
        }
    }

    /// Moves it to `start`, where the log goes on, and puts the event that says so into the buffer.
    pub(crate) fn announce_gap(&mut self, start: Position) {
        let before = self.buffer.len();
        encode_gap(&self.position.to_string(), &start, &mut self.buffer);
        self.budget.spend(self.buffer.len().saturating_sub(before));
        self.client_knows = start.sequence;
        self.position = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Record;
    use crate::log::record;

    fn position(sequence: u64) -> Position {
        Position { epoch: "e".to_owned(), sequence }
    }

    fn selector(topics: &[&str]) -> Selector {
        Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap()
    }

    /// One public update for each topic, from sequence 1; one whose topic begins with `!` is private.
    fn entries(topics: &[&str]) -> Vec<Entry> {
        let mut page = Vec::new();
        for (sequence, topic) in (1..).zip(topics) {
            let meta = match topic.strip_prefix('!') {
                Some(topic) => format!("p{topic}\n"),
                None => format!("-{topic}\n"),
            };
            record::write(&mut page, "e", sequence, &Record { id: None, meta, body: "data: x\n\n".to_owned() });
        }
        record::parse(page.into()).unwrap()
    }

    fn ids(out: &[u8]) -> Vec<String> {
        let text = String::from_utf8(out.to_vec()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("id: ").map(str::to_owned)).collect()
    }

    fn session(follows: &[&str], grant: Selector, sequence: u64, max_bytes: u64) -> Session {
        let resume = Some(Resume { position: position(sequence), lost: None, resumed: true });
        let selector = selector(follows);
        let retry = Duration::ZERO;
        let mut session = Session::new(NewSession { selector, grant, resume, max_bytes, deadline: 0, retry }, 0, 0);
        session.buffer.clear();
        session.budget = ByteBudget::new(max_bytes);
        session
    }

    #[track_caller]
    fn check(follows: &[&str], grant: &[&str], expected: &[&str]) {
        let grant = if grant.is_empty() { Selector::none() } else { selector(grant) };
        let mut session = session(follows, grant, 1, u64::MAX);
        let mut out = Vec::new();
        assert!(
            session.fill(entries(&["a", "a", "b", "!a", "!c"]).iter(), &mut out).is_empty() && !session.budget_used
        );
        assert_eq!(ids(&out), expected);
        assert_eq!(session.position(), &position(5));
    }

    #[test]
    fn a_session_hears_what_follows_its_position_on_its_topics() {
        check(&["a"], &[], &["#e-2"]);
        check(&["b", "c"], &[], &["#e-3"]);
        check(&["*"], &[], &["#e-2", "#e-3"]);
        check(&["none"], &[], &[]);
    }

    #[test]
    fn a_private_update_needs_a_grant_for_one_of_its_topics() {
        check(&["a"], &["a"], &["#e-2", "#e-4"]);
        check(&["*"], &["c"], &["#e-2", "#e-3", "#e-5"]);
        check(&["*"], &["*"], &["#e-2", "#e-3", "#e-4", "#e-5"]);
        check(&["b"], &["a"], &["#e-3"]);
    }

    #[test]
    fn the_byte_budget_ends_between_updates_and_lets_the_first_through() {
        let entries = entries(&["a", "a", "a"]);
        let size = entries.iter().map(|entry| entry.wire.len() as u64).collect::<Vec<_>>();
        for (budget, expected) in [(0, 1), (1, 1), (size[0], 1), (size[0] + size[1], 2), (u64::MAX, 3)] {
            let mut session = session(&["a"], Selector::none(), 0, budget);
            let mut out = Vec::new();
            session.fill(entries.iter(), &mut out);
            let ended = session.budget_used;
            assert_eq!((ids(&out).len(), ended), (expected, expected < 3), "{budget}");
            assert_eq!(session.position(), &position(expected as u64));
        }
    }

    #[test]
    fn a_large_update_goes_alone_and_is_not_copied() {
        let mut page = Vec::new();
        for (sequence, size) in (1..).zip([10, CHUNK, 10]) {
            let record = Record { id: None, meta: "-a\n".to_owned(), body: "x".repeat(size) };
            record::write(&mut page, "e", sequence, &record);
        }
        let entries = record::parse(page.into()).unwrap();
        let mut session = session(&["a"], Selector::none(), 0, u64::MAX);
        let mut out = Vec::new();
        assert!(session.fill(entries.iter(), &mut out).is_empty());
        assert_eq!(ids(&out), ["#e-1"]);
        out.clear();
        let large = session.fill(entries.iter(), &mut out);
        assert_eq!((out.len(), large.as_ptr()), (0, entries[1].wire.as_ptr()));
        assert!(session.fill(entries.iter(), &mut out).is_empty());
        assert_eq!(ids(&out), ["#e-3"]);
    }

    #[test]
    fn a_keep_alive_carries_the_position_once() {
        let mut session = session(&["b"], Selector::none(), 0, u64::MAX);
        session.fill(entries(&["a", "a"]).iter(), &mut Vec::new());
        let mut out = Vec::new();
        session.keep_alive(&mut out);
        assert_eq!(out, b"id: #e-2\n\n");
        out.clear();
        session.keep_alive(&mut out);
        assert_eq!(out, b":\n\n");
    }
}
