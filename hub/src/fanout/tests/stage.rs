//! A stage for the dispatcher: a log, clients, and a clock that is a number. Nothing happens unless a test says so.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use spin_sse::{Decoder, Frame};

use crate::fanout::action::{Action, Cause, SessionId};
use crate::fanout::cache::Read;
use crate::fanout::dispatcher::Dispatcher;
use crate::fanout::reader::Answer;
use crate::fanout::resume::Resume;
use crate::fanout::session::NewSession;
use crate::fanout::settings::{Settings, Wakeups};
use crate::instant::{Instant, after};
use crate::log::laws::now;
use crate::log::memory::MemoryLog;
use crate::log::{Census, Hint, Log, Page, Position, Record, Registration, Unavailable, Woken};
use crate::pattern::Base;
use crate::request::subscribe::Start;
use crate::topic::key::key;
use crate::topic::matcher::Matcher;
use crate::topic::selector::Selector;

pub(super) const MS: Instant = 1_000_000;
pub(super) const SECOND: Instant = 1_000 * MS;

/// What a client got, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Got {
    Ready {
        id: String,
        position: Position,
    },
    Gap {
        id: String,
    },
    /// The event `place`; in a quiet stream, a block with only an id.
    Place {
        position: Position,
    },
    Update {
        id: String,
        data: String,
    },
}

/// A client that reads what the host takes for it.
#[derive(Default)]
pub(super) struct Client {
    /// What it follows: `*`, a URL Pattern if it has a colon, a URI Template if it has a brace, else a topic.
    pub(super) topics: Vec<String>,
    /// What it may read of private updates, likewise.
    pub(super) grant: Vec<String>,
    /// Its streams are without `ready` and `gap`.
    pub(super) quiet: bool,
    /// The session of its stream, while that is open.
    pub(super) session: Option<SessionId>,
    pub(super) got: Vec<Got>,
    pub(super) last_event_id: String,
    /// How many keep-alives and other comments it was sent.
    pub(super) comments: usize,
    /// What it asks for while it has no last event id.
    pub(super) asks: Option<Start>,
    /// Where its first stream begins, which a quiet stream need not tell.
    pub(super) begins: Option<Position>,
    /// Where the log ended when it asked for its first stream without saying where that begins.
    pub(super) asked_at: Option<Position>,
    /// How many streams it had.
    pub(super) streams: usize,
    /// It was told that nothing can follow, and does not come back.
    pub(super) is_done: bool,
    decoder: Decoder,
}

/// A write or a read that is under way.
enum Write {
    Chunk(Vec<u8>),
    LastWords(Vec<u8>),
}

pub(super) struct Stage {
    pub(super) log: MemoryLog,
    pub(super) now: Instant,
    pub(super) clients: Vec<Client>,
    /// The lines for who runs the hub.
    pub(super) reports: Vec<&'static str>,
    /// Why streams ended.
    pub(super) causes: Vec<Cause>,
    dispatcher: Dispatcher,
    actions: Vec<Action>,
    writes: HashMap<SessionId, Write>,
    /// The read that is under way, and its result, as of its beginning or later.
    read: Option<(Read, Answer)>,
    /// The result of the registration that is under way.
    registration: Option<Census>,
    waits: bool,
    /// What the log sent to this instance, and has not arrived.
    pub(super) hints: VecDeque<Hint>,
    /// The registrations that were made.
    pub(super) registrations: Vec<Registration>,
    /// Whether the instance takes no more requests.
    pub(super) door_closed: bool,
    /// How often the log was to be opened for writing.
    pub(super) prepared: usize,
    /// How many reads began.
    pub(super) reads: usize,
    /// The sessions whose write is to be taken back, and those that are cut.
    pub(super) interrupted: VecDeque<SessionId>,
    pub(super) cut: VecDeque<SessionId>,
    /// Who has its response head joins in the next round, and not at once.
    pub(super) joins_late: bool,
    /// Those who join then.
    joining: Vec<(usize, NewSession)>,
}

pub(super) const LISTENER: u64 = 4_000;

/// What a list of topics and patterns selects.
pub(super) fn selector(texts: &[String]) -> Selector {
    let matcher = |text: &String| match text.as_str() {
        text if text.contains(':') => Matcher::UrlPattern(text.to_owned()),
        text => Matcher::of_older_hubs(text.to_owned()),
    };
    Selector::of(texts.iter().map(matcher), Base::parse("https://hub.example/.well-known/mercure").as_ref()).unwrap()
}

impl Stage {
    pub(super) fn new(history: usize, wakeups: Wakeups) -> Self {
        let poll = Duration::from_millis(50);
        let gather = Some(Duration::from_secs(600));
        let settings = Settings { poll, listener: LISTENER, wakeups, gather, seed: 1 };
        Stage {
            log: MemoryLog::new("a", history),
            now: SECOND,
            clients: Vec::new(),
            reports: Vec::new(),
            causes: Vec::new(),
            dispatcher: Dispatcher::new(settings, SECOND),
            actions: Vec::new(),
            writes: HashMap::new(),
            read: None,
            registration: None,
            waits: false,
            hints: VecDeque::new(),
            registrations: Vec::new(),
            door_closed: false,
            prepared: 0,
            reads: 0,
            interrupted: VecDeque::new(),
            cut: VecDeque::new(),
            joins_late: false,
            joining: Vec::new(),
        }
    }

    /// A client that follows `topics`, and starts now.
    pub(super) fn joins(&mut self, topics: &[&str]) -> usize {
        self.joins_at(topics, Start::Now)
    }

    pub(super) fn joins_at(&mut self, topics: &[&str], start: Start) -> usize {
        self.joins_for(topics, &start, 600 * SECOND, u64::MAX)
    }

    /// A client whose first stream has this budget of time and bytes.
    pub(super) fn joins_for(&mut self, topics: &[&str], start: &Start, lasts: Instant, max_bytes: u64) -> usize {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.clients.push(Client { topics, ..Client::default() });
        let client = self.clients.len() - 1;
        self.opens(client, start, lasts, max_bytes);
        client
    }

    /// A client that may read the private updates that `grant` matches.
    pub(super) fn joins_with(&mut self, topics: &[&str], grant: &[&str], start: &Start) -> usize {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        self.clients.push(Client { topics: owned(topics), grant: owned(grant), ..Client::default() });
        let client = self.clients.len() - 1;
        self.opens(client, start, 600 * SECOND, u64::MAX);
        client
    }

    /// A client whose streams are quiet.
    pub(super) fn joins_quietly(&mut self, topics: &[&str], start: &Start, lasts: Instant, max_bytes: u64) -> usize {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.clients.push(Client { topics, quiet: true, ..Client::default() });
        let client = self.clients.len() - 1;
        self.opens(client, start, lasts, max_bytes);
        client
    }

    /// Opens a stream for a client.
    pub(super) fn opens(&mut self, client: usize, start: &Start, lasts: Instant, max_bytes: u64) {
        let state = &mut self.clients[client];
        state.asks.get_or_insert_with(|| start.clone());
        let (selector, grant) = (selector(&state.topics), selector(&state.grant));
        let resume = match start {
            Start::Now => {
                if state.got.is_empty() {
                    state.asked_at = Some(now(self.log.extent()).unwrap().end());
                }
                None
            }
            start => {
                let extent = now(self.log.extent()).unwrap();
                let resume = now(Resume::find(start, &extent, &self.log)).unwrap();
                let topics: Vec<_> = selector.asked().collect();
                let ended = now(self.log.ended(&topics)).unwrap();
                state.is_done = !selector.is_open() && resume.is_over(&extent, selector.topics(), &ended);
                if state.got.is_empty() {
                    state.begins = Some(resume.position.clone());
                }
                Some(resume)
            }
        };
        if state.is_done {
            return;
        }
        let deadline = self.now + lasts;
        let retry = Duration::from_secs(1);
        let quiet = state.quiet;
        let session =
            NewSession { selector, grant, resume, asked: self.now, max_bytes, deadline, retry, quiet, ticket: None };
        state.decoder = Decoder::with_last_event_id(state.last_event_id.clone());
        state.streams += 1;
        self.joining.push((client, session));
        if !self.joins_late {
            self.admits();
        }
    }

    /// Those join who have their response heads.
    fn admits(&mut self) {
        for (client, session) in self.joining.split_off(0) {
            self.clients[client].session = Some(self.dispatcher.join(session, self.now));
        }
    }

    /// Whether a client has a stream, or joins.
    pub(super) fn is_open(&self, client: usize) -> bool {
        self.clients[client].session.is_some() || self.joining.iter().any(|(joins, _)| *joins == client)
    }

    /// The client comes back with the last event id that it has.
    pub(super) fn comes_back(&mut self, client: usize) {
        let state = &self.clients[client];
        let start = match state.last_event_id.as_str() {
            "" => state.asks.clone().unwrap_or(Start::Now),
            id => Start::After(id.to_owned()),
        };
        self.opens(client, &start, 600 * SECOND, u64::MAX);
    }

    /// Another instance appends an update. What the log sends of it to this one is under way.
    pub(super) fn appends(&mut self, topic: &str, data: &str) -> Position {
        self.appends_to(&[topic], data, '-', false)
    }

    /// Another instance appends the last update of these topics.
    pub(super) fn appends_last(&mut self, topics: &[&str], data: &str) -> Position {
        self.appends_to(topics, data, '-', true)
    }

    /// Another instance appends a private update.
    pub(super) fn appends_privately(&mut self, topics: &[&str], data: &str) -> Position {
        self.appends_to(topics, data, 'p', false)
    }

    fn appends_to(&mut self, topics: &[&str], data: &str, privacy: char, last: bool) -> Position {
        self.log.clock.set(self.now + 1);
        self.now += 2;
        let body = format!("data: {data}\n\n");
        let record = Record { id: None, last, meta: format!("{privacy}{}\n", topics.join("\n")), body };
        let position = now(self.log.append(&[record])).unwrap().first;
        for topic in topics {
            if self.log.hears(&[topic]).contains(&LISTENER) {
                self.hints.push_back(Hint { topic: key(topic), position: position.clone() });
            }
        }
        position
    }

    /// This instance appends an update.
    pub(super) fn publishes(&mut self, topic: &str, data: &str) -> Position {
        let under_way = self.hints.len();
        let position = self.appends(topic, data);
        self.hints.truncate(under_way);
        self.dispatcher.hint(&Hint { topic: key(topic), position: position.clone() });
        position
    }

    /// All that the log sent arrives.
    pub(super) fn is_told(&mut self) {
        for hint in self.hints.split_off(0) {
            self.dispatcher.hint(&hint);
        }
    }

    /// One round: who has come joins, the dispatcher says what to do, and that begins.
    pub(super) fn round(&mut self) {
        self.admits();
        self.dispatcher.round(self.now, &mut self.actions);
        for action in self.actions.split_off(0) {
            match action {
                Action::Write { session, chunk } => {
                    assert!(self.writes.insert(session, Write::Chunk(chunk)).is_none(), "one write at a time");
                }
                Action::End { session, last_words, cause } => {
                    self.causes.push(cause);
                    assert!(self.writes.insert(session, Write::LastWords(last_words)).is_none(), "one write at a time");
                }
                Action::Interrupt(session) => self.interrupted.push_back(session),
                Action::Cut(session) => self.cut.push_back(session),
                Action::Read(read) => {
                    assert!(self.read.is_none(), "one read at a time");
                    self.reads += 1;
                    self.read = Some((read.clone(), self.answers(&read)));
                }
                Action::Register(registration) => {
                    assert!(self.registration.is_none(), "one registration at a time");
                    self.log.clock.set(self.log.clock.get().max(self.now));
                    self.registration = Some(now(self.log.register(&registration)).unwrap());
                    self.registrations.push(registration);
                }
                Action::Wait(listener) => {
                    assert!(!self.waits && listener == LISTENER, "one wait at a time");
                    self.waits = true;
                }
                Action::Drain(listeners, pause) => drop(now(self.log.drain(&listeners, pause)).unwrap()),
                Action::Prepare => self.prepared += 1,
                Action::CloseDoor => self.door_closed = true,
                Action::OpenDoor => self.door_closed = false,
                Action::Report(line) => self.reports.push(line),
            }
        }
    }

    fn answers(&self, read: &Read) -> Answer {
        match read {
            Read::AsOf(moment) => Answer::AsOf(now(self.log.as_of(*moment)).unwrap()),
            Read::Extent => Answer::Page(Page::without_updates(now(self.log.extent()).unwrap())),
            Read::After(interest) => Answer::Page(now(self.log.after(interest)).unwrap()),
        }
    }

    /// The read that is under way reaches the log only now, if there is one.
    pub(super) fn read_arrives(&mut self) -> bool {
        let Some((read, _)) = self.read.take() else { return false };
        let answer = self.answers(&read);
        self.read = Some((read, answer));
        true
    }

    /// The read that is under way returns, if there is one.
    pub(super) fn read_returns(&mut self) -> bool {
        let Some((_, answer)) = self.read.take() else { return false };
        self.dispatcher.read_ended(Ok(answer), self.now, &mut self.actions);
        true
    }

    pub(super) fn read_fails(&mut self) -> bool {
        if self.read.take().is_none() {
            return false;
        }
        self.dispatcher.read_ended(Err(Unavailable::new("away")), self.now, &mut self.actions);
        true
    }

    /// The registration that is under way returns, if there is one.
    pub(super) fn registers(&mut self) -> bool {
        let Some(census) = self.registration.take() else { return false };
        self.dispatcher.registered(Ok(census), self.now, &mut self.actions);
        true
    }

    /// It did not reach the log, or the answer is lost.
    pub(super) fn registration_fails(&mut self) -> bool {
        if self.registration.take().is_none() {
            return false;
        }
        self.dispatcher.registered(Err(Unavailable::new("away")), self.now, &mut self.actions);
        true
    }

    /// The wait that is under way returns what the log sent.
    pub(super) fn wait_returns(&mut self) -> bool {
        if !std::mem::take(&mut self.waits) {
            return false;
        }
        let hints = self.hints.split_off(0).into();
        self.dispatcher.wait_ended(Ok(Woken { hints, incomplete: false }), self.now);
        true
    }

    pub(super) fn wait_fails(&mut self) -> bool {
        if !std::mem::take(&mut self.waits) {
            return false;
        }
        self.hints.clear();
        self.dispatcher.wait_ended(Err(Unavailable::new("away")), self.now);
        true
    }

    /// The host takes all of a client's write, if there is one.
    pub(super) fn reads(&mut self, client: usize) -> bool {
        let Some(session) = self.clients[client].session else { return false };
        let Some(write) = self.writes.remove(&session) else { return false };
        match write {
            Write::Chunk(mut chunk) => {
                self.clients[client].receives(&chunk);
                chunk.clear();
                self.dispatcher.write_ended(session, chunk, self.now);
            }
            Write::LastWords(words) => {
                self.clients[client].receives(&words);
                self.ends(client, session);
            }
        }
        true
    }

    /// The client is gone, which is noticed when something is written to it. Half of the write may have arrived.
    pub(super) fn leaves(&mut self, client: usize) -> bool {
        let Some(session) = self.clients[client].session else { return false };
        let Some(write) = self.writes.remove(&session) else { return false };
        let (Write::Chunk(bytes) | Write::LastWords(bytes)) = write;
        self.clients[client].receives(&bytes[..bytes.len() / 2]);
        self.ends(client, session);
        true
    }

    /// Whether the host is taking something for the client.
    pub(super) fn is_written_to(&self, client: usize) -> bool {
        self.clients[client].session.is_some_and(|session| self.writes.contains_key(&session))
    }

    /// The host takes a write back, or cuts a stream, as the dispatcher asked.
    pub(super) fn stops(&mut self) -> bool {
        let Some(session) = self.interrupted.pop_front().or_else(|| self.cut.pop_front()) else { return false };
        let client = self.clients.iter().position(|client| client.session == Some(session));
        if let Some(client) = client.filter(|_| self.writes.remove(&session).is_some()) {
            self.ends(client, session);
        }
        true
    }

    fn ends(&mut self, client: usize, session: SessionId) {
        self.dispatcher.session_ended(session);
        self.clients[client].session = None;
        self.interrupted.retain(|other| *other != session);
        self.cut.retain(|other| *other != session);
    }

    /// Time passes.
    pub(super) fn passes(&mut self, time: Duration) {
        self.now = after(self.now, time);
    }

    /// All that is under way ends well, and time passes, until every open stream is at the end of the log.
    pub(super) fn settles(&mut self) {
        for _ in 0..10_000 {
            let busy = self.steps();
            if !busy && self.caught_up() {
                return;
            }
            if !busy {
                self.now = self.now.max(self.dispatcher.due().min(self.now + SECOND)) + MS;
            }
        }
        panic!("the dispatcher never settles: {:?}", self.dispatcher);
    }

    /// All that is under way ends well, and 20 ms pass. Whether anything was.
    pub(super) fn acts(&mut self) {
        for _ in 0..20 {
            while self.steps() {}
            self.now += MS;
        }
    }

    fn steps(&mut self) -> bool {
        self.round();
        let mut busy = self.read_returns() | self.stops() | self.registers();
        if !self.hints.is_empty() {
            busy |= self.wait_returns();
            self.is_told();
        }
        for client in 0..self.clients.len() {
            busy |= self.reads(client);
        }
        busy
    }

    /// Whether every open stream is at the end of the log.
    fn caught_up(&self) -> bool {
        let end = now(self.log.extent()).unwrap().end();
        self.dispatcher.positions().all(|position| *position == end) && !self.dispatcher.is_busy()
    }

    pub(super) fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// The data of the updates that a client got, with `gap` for each gap.
    #[track_caller]
    pub(super) fn data(&self, client: usize) -> Vec<&str> {
        let data = self.clients[client].got.iter().filter_map(|got| match got {
            Got::Ready { .. } | Got::Place { .. } => None,
            Got::Gap { .. } => Some("gap"),
            Got::Update { data, .. } => Some(data.as_str()),
        });
        data.collect()
    }
}

impl Client {
    fn receives(&mut self, bytes: &[u8]) {
        self.comments += bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b":")).count();
        // Line by line, so that a block with only an id is seen.
        for mut line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut events = 0;
            while let Some(frame) = self.decoder.next(&mut line).unwrap() {
                let Frame::Event(message) = frame else { continue };
                events += 1;
                let (id, data) = (message.last_event_id.to_string(), message.data.to_string());
                self.got.push(match message.name {
                    "ready" => Got::Ready { id, position: position_in(&data) },
                    "gap" => Got::Gap { id },
                    "place" => Got::Place { position: position_in(&data) },
                    _ => Got::Update { id, data },
                });
            }
            let id = self.decoder.last_event_id();
            if self.quiet && events == 0 && id != self.last_event_id {
                self.got.push(Got::Place { position: Position::parse(id).unwrap() });
            }
            id.clone_into(&mut self.last_event_id);
        }
    }
}

/// The position that the data of `ready` has.
fn position_in(data: &str) -> Position {
    let value: serde_json::Value = serde_json::from_str(data).unwrap();
    Position::parse(value["lastEventId"].as_str().unwrap()).unwrap()
}
