//! What a session is sent: the updates that it hears, gaps, keep-alives and last words.

use std::mem::take;

use spin_sse::encode_comment;

use crate::access::policy::may_read;
use crate::fanout::action::Cause;
use crate::fanout::cache::{LogCache, Validity};
use crate::fanout::events::{encode_gap, encode_place};
use crate::fanout::parts::{CHUNK, Part, append};
use crate::fanout::patterns::{PatternId, Patterns, Use};
use crate::fanout::segment::{Segment, in_order};
use crate::fanout::session::Session;
use crate::fanout::state::{State, Target};
use crate::log::{Entry, Extent, Position};

/// A stream that ends leaves its client so many updates behind at most. They are read again when it comes back.
const READ_AGAIN: u64 = 1_000;

impl Session {
    /// Shares its patterns with the other sessions, when it joins.
    pub(crate) fn shares(&mut self, patterns: &mut Patterns) {
        self.followed = patterns.add(&mut self.selector, Use::Follow);
        self.readable = patterns.add(&mut self.grant, Use::Read);
    }

    /// Has no patterns any more, when it has ended.
    pub(crate) fn leaves(&self, patterns: &mut Patterns) {
        patterns.remove(&self.followed, Use::Follow);
        patterns.remove(&self.readable, Use::Read);
    }

    /// Puts what the cache has for it into the buffer, and sets the state that it has when that is nothing. `reads` is
    /// how many reads have succeeded. Returns whether the head must be read before it is known which of two logs is
    /// newer.
    pub(crate) fn serve(&mut self, cache: &LogCache, patterns: &mut Patterns, reads: u64) -> bool {
        let mut unresolved = false;
        self.parts.goes_on = self.parts.is_inside();
        let validity = cache.validity(&self.position, self.generation.unwrap_or(cache.generation()));
        match validity {
            Validity::UnknownEpoch if reads < self.known_after => unresolved = true,
            Validity::UnknownEpoch => {
                self.announce_gap(cache.log().start());
                self.generation = Some(cache.generation());
            }
            Validity::Truncated(start) => {
                self.announce_gap(start);
                self.generation = Some(cache.generation());
            }
            // What was sent of an update may be of one that the log lost.
            Validity::Valid
                if self.parts.is_inside()
                    && (self.generation != Some(cache.generation()) || self.position.epoch != cache.log().epoch) =>
            {
                self.parts.is_broken = true;
            }
            Validity::Valid => {
                self.generation = Some(cache.generation());
                self.adopt(&cache.log().epoch);
                let mut out = take(&mut self.buffer);
                if let Some(entry) = self.parts.part.and_then(|part| cache.large(part.sequence))
                    && self.fill_part(entry, &mut out)
                {
                    self.passes(entry);
                }
                // A segment of which the session hears nothing takes it to the next one.
                while out.is_empty() && !self.budget_used && !self.parts.is_broken {
                    let Some(segment) = cache.segment(&self.topics, self.position.sequence) else { break };
                    self.fill(segment, patterns, &mut out);
                }
                self.buffer = out;
            }
        }
        let place = self.position.sequence;
        // What a later read did not find is not there: a hint may be false.
        let is_there = |target: &Target| {
            target.sequence > place
                && !cache.newest().is_some_and(|newest| newest.shows_end(&self.topics, place, target.reads))
        };
        let known = self.target.unwrap_or(Target { sequence: 0, reads: 0 });
        let rest = self.parts.part.map(|part| Target { sequence: known.sequence.max(part.sequence), ..known });
        self.target = rest.or(self.target).filter(is_there);
        self.parts.is_broken |= self.parts.is_inside() && self.target.is_none();
        self.state = if self.target.is_some() { State::AwaitingPage } else { State::CaughtUp };
        unresolved
    }

    /// Appends what it is to be sent of a segment that covers its position.
    ///
    /// An update that is larger than a chunk is sent in parts, each a chunk of its own: a reader that stops in the
    /// middle keeps a chunk in memory, and not the update.
    fn fill(&mut self, segment: &Segment, patterns: &mut Patterns, out: &mut Vec<u8>) {
        let mut whole = true;
        for place in self.following(segment, patterns) {
            let Some(entry) = segment.entries().get(place) else { continue };
            if self.hears(entry) && self.may_read(entry, place, segment, patterns) {
                let is_large = entry.wire.len() > CHUNK;
                whole = if is_large || self.parts.is_inside() {
                    out.is_empty() && self.fill_part(entry, out)
                } else {
                    let is_full = !out.is_empty() && out.len().saturating_add(entry.wire.len()) > CHUNK;
                    !is_full && self.admits(entry)
                };
                if !whole {
                    break;
                }
                if !is_large {
                    append(&entry.wire, out);
                }
                self.passes(entry);
            }
            self.position.sequence = entry.sequence;
            if self.parts.goes_on && !out.is_empty() {
                // After its deadline, nothing but the rest of an update is sent.
                whole = false;
                break;
            }
        }
        if whole {
            self.parts.is_broken = self.parts.part.is_some_and(|part| part.sequence <= segment.through());
            self.position.sequence = segment.through();
        }
    }

    /// An update that it hears was sent whole.
    fn passes(&mut self, entry: &Entry) {
        (self.client_knows, self.knows_by_hub) = (entry.sequence, entry.wire.starts_with(b"id: #"));
        self.position.sequence = entry.sequence;
    }

    fn admits(&mut self, entry: &Entry) -> bool {
        self.budget_used = !self.budget.admit(entry.wire.len());
        !self.budget_used
    }

    /// Appends the next part of a large update. Whether it is the last one.
    fn fill_part(&mut self, entry: &Entry, out: &mut Vec<u8>) -> bool {
        let sent = match self.parts.part {
            Some(part) if part.sequence == entry.sequence => part.sent,
            Some(_) => {
                self.parts.is_broken = true;
                return false;
            }
            None => {
                if !self.admits(entry) {
                    return false;
                }
                0
            }
        };
        let end = sent.saturating_add(CHUNK).min(entry.wire.len());
        append(entry.wire.get(sent..end).unwrap_or_default(), out);
        let is_last = end == entry.wire.len();
        self.parts.part = (!is_last).then_some(Part { sequence: entry.sequence, sent: end });
        is_last
    }

    /// The places of what it may hear of a segment that covers its position.
    fn following(&self, segment: &Segment, patterns: &mut Patterns) -> Vec<usize> {
        let position = self.position.sequence;
        if self.followed.is_empty() {
            return segment.following(&self.topics, position);
        }
        patterns.try_on(segment, &self.followed, Use::Follow);
        let listed = self.selector.topics().flat_map(|topic| segment.on(topic, position));
        let matched = self.followed.iter().map(|id| patterns.places(*id, segment, Use::Follow));
        let matched = matched.flat_map(|places| segment.after(places, position));
        in_order(listed.chain(matched.copied()).collect())
    }

    /// Whether it follows one of the topics of what may follow its position.
    fn hears(&self, entry: &Entry) -> bool {
        // What patterns match was looked for, and found.
        !self.followed.is_empty() || self.selector.matches_any(entry.topics())
    }

    /// Whether it may read the update at this place of a segment.
    fn may_read(&self, entry: &Entry, place: usize, segment: &Segment, patterns: &mut Patterns) -> bool {
        may_read(entry.private, || {
            entry.topics().any(|topic| self.grant.lists(topic)) || {
                patterns.try_on(segment, &self.readable, Use::Read);
                let has = |id: &PatternId| patterns.places(*id, segment, Use::Read).binary_search(&place).is_ok();
                self.readable.iter().any(has)
            }
        })
    }

    /// Appends a keep-alive, or the place in its stead, if the history may soon lose the place that the client knows.
    /// A client whose topics are quiet would else come back with an id that is long gone. Clients may take a place for
    /// a message: it is told seldom.
    pub(crate) fn keep_alive(&mut self, log: Option<&Extent>, out: &mut Vec<u8>) {
        if self.begun && log.is_some_and(|log| self.is_behind(log)) {
            return self.tell_place(out);
        }
        let before = out.len();
        encode_comment("", out);
        self.budget.spend(out.len().saturating_sub(before));
    }

    /// Whether the place that the client knows is further back than a quarter of what the log keeps.
    fn is_behind(&self, log: &Extent) -> bool {
        let kept = log.head.saturating_add(1).saturating_sub(log.oldest);
        self.position.sequence.saturating_sub(self.client_knows) > kept / 4
    }

    fn tell_place(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        (self.client_knows, self.knows_by_hub) = (self.position.sequence, true);
        encode_place(&self.position, None, self.quiet, out);
        self.budget.spend(out.len().saturating_sub(before));
    }

    /// Appends what a client should know before its stream ends: its place, if the one that it knows is far back, or
    /// with it comes what it shows to come back as the same subscriber. When it comes back, the log is read from there.
    /// Of topics that have ended, the client must know their end, by an id of the hub: one of a publisher may be that
    /// of an earlier update too, and leaves the history with its update.
    pub(crate) fn last_words(&mut self, log: Option<&Extent>, out: &mut Vec<u8>, cause: Cause) {
        let behind = self.position.sequence.saturating_sub(self.client_knows);
        let must_know = match cause {
            Cause::TopicsEnded => behind > 0 || !self.knows_by_hub,
            _ => behind > READ_AGAIN || log.is_some_and(|log| self.is_behind(log)),
        };
        if let Some(ticket) = self.ticket().filter(|_| self.begun && cause != Cause::TopicsEnded) {
            encode_place(&self.position, Some(ticket), self.quiet, out);
        } else if self.begun && must_know {
            self.tell_place(out);
        }
    }

    /// Moves it to `start`, where the log goes on, and puts what says so into the buffer. In the middle of an update
    /// its stream ends instead, and its client hears of the gap when it comes back.
    pub(crate) fn announce_gap(&mut self, start: Position) {
        if self.parts.is_inside() {
            self.parts.is_broken = true;
            return;
        }
        let before = self.buffer.len();
        if self.quiet {
            encode_place(&start, None, true, &mut self.buffer);
        } else {
            encode_gap(&self.position.to_string(), &start, &mut self.buffer);
        }
        self.budget.spend(self.buffer.len().saturating_sub(before));
        (self.client_knows, self.knows_by_hub) = (start.sequence, true);
        self.position = start;
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use spin_sse::ByteBudget;

    use super::*;
    use crate::fanout::resume::Resume;
    use crate::fanout::session::NewSession;
    use crate::log::{Extent, Interest, Page, Record, record};
    use crate::topic::selector::Selector;

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
            record::write(
                &mut page,
                "e",
                sequence,
                &Record { id: None, last: false, meta, body: "data: x\n\n".to_owned() },
            );
        }
        record::parse(page.into()).unwrap()
    }

    /// These updates as a read of everything returns them.
    fn segment(entries: Vec<Entry>) -> Segment {
        let through = entries.last().map_or(0, |entry| entry.sequence);
        let extent = Extent { epoch: "e".to_owned(), oldest: 1, head: through, ends: vec![], has_ended_topics: false };
        Segment::new(&Interest::All(0), 1, Page { extent, entries, through, ended: vec![] })
    }

    fn ids(out: &[u8]) -> Vec<String> {
        let text = String::from_utf8(out.to_vec()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("id: ").map(str::to_owned)).collect()
    }

    fn session(follows: &[&str], grant: Selector, sequence: u64, max_bytes: u64) -> Session {
        let resume = Some(Resume { position: position(sequence), lost: None, resumed: true, untold: false });
        let selector = selector(follows);
        let retry = Duration::ZERO;
        let topics = selector.topics().map(Rc::from).collect();
        let new =
            NewSession { selector, grant, resume, asked: 0, max_bytes, deadline: 0, retry, quiet: false, ticket: None };
        let mut session = Session::new(new, topics, 0);
        session.buffer.clear();
        session.budget = ByteBudget::new(max_bytes);
        session
    }

    #[track_caller]
    fn check(follows: &[&str], grant: &[&str], expected: &[&str]) {
        let grant = if grant.is_empty() { Selector::none() } else { selector(grant) };
        let mut session = session(follows, grant, 1, u64::MAX);
        let mut out = Vec::new();
        session.fill(&segment(entries(&["a", "a", "b", "!a", "!c"])), &mut Patterns::default(), &mut out);
        assert!(!session.budget_used);
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
            session.fill(&segment(entries.clone()), &mut Patterns::default(), &mut out);
            let ended = session.budget_used;
            assert_eq!((ids(&out).len(), ended), (expected, expected < 3), "{budget}");
            assert_eq!(session.position(), &position(expected as u64));
        }
    }

    fn of_sizes(sizes: impl IntoIterator<Item = (u64, usize)>) -> Vec<Entry> {
        let mut page = Vec::new();
        for (sequence, size) in sizes {
            let record = Record { id: None, last: false, meta: "-a\n".to_owned(), body: "x".repeat(size) };
            record::write(&mut page, "e", sequence, &record);
        }
        record::parse(page.into()).unwrap()
    }

    /// A small update, a large one, and a small one.
    fn large() -> Vec<Entry> {
        of_sizes([(1, 10), (2, 3 * CHUNK), (3, 10)])
    }

    /// What a session is sent next of a segment.
    fn next(session: &mut Session, entries: &[Entry]) -> Vec<u8> {
        let mut out = Vec::new();
        session.parts.goes_on = session.parts.is_inside();
        session.fill(&segment(entries.to_vec()), &mut Patterns::default(), &mut out);
        out
    }

    #[test]
    fn a_large_update_is_sent_in_parts_of_which_none_is_kept() {
        let entries = large();
        let mut session = session(&["a"], Selector::none(), 0, u64::MAX);
        assert_eq!(ids(&next(&mut session, &entries)), ["#e-1"]);
        let mut received = Vec::new();
        for part in 0..4 {
            let out = next(&mut session, &entries);
            assert!(out.len() <= CHUNK && session.parts.is_inside() == (part < 3), "{part}");
            received.extend(out);
        }
        assert_eq!(received, entries[1].wire);
        assert_eq!(ids(&next(&mut session, &entries)), ["#e-3"]);
        assert_eq!(session.position(), &position(3));
    }

    #[test]
    fn where_the_rest_of_an_update_is_gone_nothing_else_is_sent_in_its_place() {
        let entries = large();
        let without = [entries[0].clone(), entries[2].clone()];
        let other = [&without[..], &of_sizes([(4, 3 * CHUNK)])[..]].concat();
        for rest in [&entries[2..], &without, &other[1..]] {
            let mut session = session(&["a"], Selector::none(), 1, u64::MAX);
            assert_eq!(next(&mut session, &entries).len(), CHUNK);
            assert_eq!(next(&mut session, rest), b"");
            assert!(session.parts.is_broken);
        }
        let mut session = session(&["a"], Selector::none(), 1, u64::MAX);
        next(&mut session, &entries);
        session.announce_gap(position(9));
        assert!(session.parts.is_broken && session.buffer.is_empty());
    }

    /// A session of a quiet topic that has passed `passed` updates of others, of a log that keeps 8.
    fn behind(passed: u64, quiet: bool) -> (Session, Extent) {
        let mut session = session(&["b"], Selector::none(), 1, u64::MAX);
        (session.quiet, session.position.sequence) = (quiet, 1 + passed);
        let log = Extent { epoch: "e".to_owned(), oldest: 3, head: 10, ends: vec![], has_ended_topics: false };
        (session, log)
    }

    #[test]
    fn a_keep_alive_is_a_line_that_ends_no_block_or_the_place_if_the_known_one_is_further_back_than_a_quarter() {
        for (passed, quiet, expected) in [
            (0, false, ":\n"),
            (2, false, ":\n"),
            (3, false, "id: #e-4\nevent: place\ndata: {\"lastEventId\":\"#e-4\"}\n\n"),
            (2, true, ":\n"),
            (3, true, "id: #e-4\n\n"),
        ] {
            let (mut session, log) = behind(passed, quiet);
            let mut out = Vec::new();
            session.keep_alive(Some(&log), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{passed} {quiet}");
            let mut out = Vec::new();
            session.keep_alive(Some(&log), &mut out);
            assert_eq!(out, b":\n", "once");
        }
    }

    #[test]
    fn last_words_are_the_place_if_the_client_would_cost_a_read_or_its_place() {
        for (passed, cause, expected) in [
            (2, Cause::Budget, ""),
            (3, Cause::Budget, "id: #e-4\n\n"),
            (0, Cause::TopicsEnded, "id: #e-1\n\n"),
            (1, Cause::TopicsEnded, "id: #e-2\n\n"),
        ] {
            let (mut session, log) = behind(passed, true);
            let mut out = Vec::new();
            session.knows_by_hub = false;
            session.last_words(Some(&log), &mut out, cause);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{passed}");
        }
        let (mut far, mut log) = behind(1_001, true);
        log.head = 100_000;
        let mut out = Vec::new();
        far.last_words(Some(&log), &mut out, Cause::Budget);
        assert_eq!(out, b"id: #e-1002\n\n");
    }

    #[test]
    fn who_has_the_last_update_of_ended_topics_by_an_id_of_the_hub_is_told_nothing() {
        let mut session = session(&["a"], Selector::none(), 0, u64::MAX);
        session.fill(&segment(entries(&["a"])), &mut Patterns::default(), &mut Vec::new());
        let mut out = Vec::new();
        session.last_words(None, &mut out, Cause::TopicsEnded);
        assert_eq!(out, b"");
    }
}
