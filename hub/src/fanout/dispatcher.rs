//! The dispatcher: follows the log, and decides what is written to which session, and when.
//!
//! It does no I/O and reads no clock. It is told what happened, and after each round says what to do. What is published
//! makes the sessions wait for a read that hear its topic, and no others. A read is for all sessions that wait at about
//! the same place. Each gets what it hears, as one chunk. A session whose write has not ended is not in the round: the
//! session costs its position and one chunk, and nobody waits for it.

use std::mem::take;
use std::time::Duration;

use slab::Slab;

use crate::fanout::action::{Action, SessionId};
use crate::fanout::cache::{Absorbed, Read};
use crate::fanout::gathering::{Gathering, Step};
use crate::fanout::interests::Interests;
use crate::fanout::listening::{Listening, Registered};
use crate::fanout::parked::{Parked, SLACK};
use crate::fanout::parts::CHUNK;
use crate::fanout::patterns::Patterns;
use crate::fanout::reader::{Answer, Reader};
use crate::fanout::readiness::Readiness;
use crate::fanout::resume::Resume;
use crate::fanout::session::{NewSession, Session};
use crate::fanout::settings::{Settings, Wakeups};
use crate::fanout::state::{State, Target};
use crate::instant::{Instant, after};
use crate::log::{Census, Extent, Hint, RENEW, Unavailable, Woken};
use crate::topic::key::key;

/// How long the log is not waited for after a wait that failed.
const WAIT_BACKOFF: Duration = Duration::from_secs(1);
/// What who runs the hub is told of a log that was replaced.
const REPLACED: &str = "the log lost updates, or is another one: who had them is told of the gap";
/// What who runs the hub is told of an instance that leaves.
const LEAVES: &str = "this instance ends its streams, which gather in others";

/// The dispatcher of one instance.
#[derive(Debug)]
pub struct Dispatcher {
    pub(super) sessions: Slab<Session>,
    pub(super) parked: Parked,
    pub(super) interests: Interests,
    pub(super) patterns: Patterns,
    pub(super) reader: Reader,
    pub(super) listening: Listening,
    pub(super) gathering: Gathering,
    pub(super) readiness: Readiness,
    pub(super) wakeups: Wakeups,
    /// The log is being waited for; or is not, before this moment.
    pub(super) waiting: Result<(), Instant>,
    /// The last wait failed.
    pub(super) wait_fails: bool,
    /// When the first alarm of a session is, at the earliest.
    pub(super) next_alarm: Instant,
    /// A session waits for a read, to know which of two logs is newer.
    pub(super) unresolved: bool,
    /// How many streams other instances had when they last said so.
    pub(super) elsewhere: u64,
}

impl Dispatcher {
    /// A dispatcher without sessions.
    pub fn new(settings: Settings, now: Instant) -> Self {
        let Settings { poll, listener, wakeups, gather, seed } = settings;
        Dispatcher {
            sessions: Slab::new(),
            parked: Parked::default(),
            interests: Interests::default(),
            patterns: Patterns::default(),
            reader: Reader::new(poll, seed, now),
            listening: Listening::new(listener, wakeups != Wakeups::None, now),
            gathering: Gathering::new(gather, now),
            readiness: Readiness::new(),
            wakeups,
            waiting: Err(now),
            wait_fails: false,
            next_alarm: Instant::MAX,
            unresolved: false,
            elsewhere: 0,
        }
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// When there is something to do although nothing happens; `Instant::MAX` for never.
    pub fn due(&self) -> Instant {
        let waiting = self.waiting.err().filter(|_| self.must_wait()).unwrap_or(Instant::MAX);
        let (alarm, registration) = (self.next_alarm.saturating_add(SLACK), self.listening.due(&self.interests));
        let (door, readiness) = (self.gathering.door_at(), self.readiness.due());
        [self.parked.due(), alarm, self.reader.due(), registration, waiting, door, readiness]
            .into_iter()
            .fold(Instant::MAX, Instant::min)
    }

    /// What this instance knows of the log: where it began and ended at the last read.
    pub fn extent(&self) -> Option<&Extent> {
        self.reader.known_extent()
    }

    /// How many streams all instances have together: this one, and the others when they last said so.
    pub fn streams(&self) -> u64 {
        self.elsewhere.saturating_add(u64::try_from(self.sessions.len()).unwrap_or(u64::MAX))
    }

    /// A session joins. Its response head is sent.
    pub fn join(&mut self, new: NewSession, now: Instant) -> SessionId {
        let registered = self.interests.are_registered(&new.selector);
        let streams = self.sessions.len().saturating_add(1);
        let entry = self.sessions.vacant_entry();
        let id = entry.key();
        let topics = self.interests.add(id, &new.selector);
        self.listening.changed(&self.interests, streams, now);
        self.gathering.joined(now);
        self.readiness.joined(self.reader.polling.next_random(), now);
        let mut session = Session::new(new, topics, now);
        session.shares(&mut self.patterns);
        match self.reader.known_extent() {
            _ if session.has_begun() => {
                session.want(Target { sequence: u64::MAX, reads: self.reader.begun() });
                self.reader.place(&mut session);
            }
            // What was published on its topics is on its way. A later read may have what came after its response head.
            Some(extent) if registered && self.reader.polling.read_at() <= session.asked => {
                session.begin(Resume::at_end(extent.end()));
                self.reader.place(&mut session);
            }
            _ => {}
        }
        self.next_alarm = self.next_alarm.min(session.alarm);
        self.parked.park(id, entry.insert(session));
        id
    }

    /// Something was published, or the registration is to be renewed.
    pub fn hint(&mut self, hint: &Hint) {
        if hint.topic == key(RENEW) {
            return self.listening.renew_soon();
        }
        match &self.reader.cache {
            Some(cache) if cache.log().epoch != hint.position.epoch => self.reader.resync(),
            _ => {
                let target = Target { sequence: hint.position.sequence, reads: self.reader.begun() };
                for id in self.interests.sessions(hint.topic) {
                    if let Some(session) = self.sessions.get_mut(id) {
                        self.parked.want(id, session, target);
                    }
                }
            }
        }
    }

    /// The host took all of a write; `buffer` is given back for the next one.
    pub fn write_ended(&mut self, id: SessionId, buffer: Vec<u8>, now: Instant) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.buffer = if buffer.capacity() > 2 * CHUNK { Vec::new() } else { buffer };
        session.last_write = now;
        session.state = State::Runnable;
        self.parked.park(id, session);
    }

    /// A session's stream has ended.
    pub fn session_ended(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.try_remove(id) {
            self.interests.remove(id, &session.topics);
            session.leaves(&mut self.patterns);
        }
    }

    /// The read has ended.
    pub fn read_ended(&mut self, result: Result<Answer, Unavailable>, now: Instant, actions: &mut Vec<Action>) {
        let Some(found) = self.reader.ended(result, now) else { return };
        let Some(absorbed) = found.absorbed else {
            return self.parked.put_back(&self.sessions, found.sessions);
        };
        if let (Some(start), Read::AsOf(asked)) = (found.start, &found.read) {
            self.begin_all(&start, *asked);
        }
        self.parked.wake_awaiting_page(&mut self.sessions, &found.sessions);
        self.absorb_ended(&found.read, &absorbed, &found.sessions, &found.ended);
        match absorbed {
            Absorbed::Extended => {}
            Absorbed::Hole { from, to } => self.announce_hole(from, &to),
            Absorbed::Replaced => {
                actions.push(Action::Report(REPLACED));
                self.want_all(u64::MAX);
                self.parked.wake_all(&mut self.sessions);
            }
        }
        if found.polled {
            self.want_all(self.reader.known_extent().map_or(0, |extent| extent.head));
        }
        if take(&mut self.unresolved) {
            self.parked.wake_all(&mut self.sessions);
        }
        self.wake_covered();
    }

    /// The registration has ended.
    pub fn registered(&mut self, result: Result<Census, Unavailable>, now: Instant, actions: &mut Vec<Action>) {
        let registered = self.listening.ended(result, &mut self.interests, now);
        let peers = registered.as_ref().map(|registered| registered.census.peers.len());
        self.reader.polling.adapt(self.is_told(), peers);
        let Some(registered) = registered else { return };
        // What was published before the log knew of the topics was announced to nobody here.
        let sessions = self.interests.set_registered(&registered.keys);
        self.readiness.counted(registered.census.peers.len());
        self.elsewhere = registered.census.streams_of_others(self.listening.listener());
        let head = &registered.census.head;
        if self.reader.cache.as_ref().is_some_and(|cache| cache.log().epoch != head.epoch) {
            self.reader.resync();
        }
        let target = Target { sequence: head.sequence, reads: self.reader.begun() };
        for id in sessions {
            if let Some(session) = self.sessions.get_mut(id) {
                self.parked.want(id, session, target);
            }
        }
        let Registered { census, began, .. } = &registered;
        match self.gathering.census(self.listening.listener(), census, *began, now) {
            Step::Stay => {}
            Step::Propose(listeners, pause) => actions.push(Action::Drain(listeners, pause)),
            Step::Leave(since) if self.leave(since) => actions.push(Action::Report(LEAVES)),
            Step::Leave(_) => self.gathering.stays(),
        }
    }

    /// The log has forgotten this instance, which has no sessions.
    pub fn unregistered(&mut self) {
        self.listening.unregistered();
    }

    /// The wait has ended.
    pub fn wait_ended(&mut self, result: Result<Woken, Unavailable>, now: Instant) {
        let failed = result.is_err();
        self.waiting = Err(if failed { after(now, WAIT_BACKOFF) } else { now });
        if failed != self.wait_fails {
            self.wait_fails = failed;
            self.reader.polling.adapt(self.is_told(), None);
        }
        let Ok(woken) = result else { return };
        woken.hints.iter().for_each(|hint| self.hint(hint));
        if woken.incomplete {
            self.reader.resync();
        }
    }
}
