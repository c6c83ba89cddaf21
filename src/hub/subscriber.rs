//! One subscriber: whom it may hear, how far it has got, and what it is sent next.
//!
//! No queue: a subscriber is a cursor. What it is sent is made from a run of the log when its last write is done.

use std::time::Duration;

use bytes::Bytes;
use spin_sse::{Event, Id, encode_comment};

use crate::hub::authorize::may_read;
use crate::hub::json::quoted;
use crate::hub::log::{Entry, Position};
use crate::hub::topic::Selector;
use crate::hub::update::{GAP, READY};

/// About how much goes out in one write.
pub const CHUNK: usize = 64 * 1024;

/// What a subscriber follows, and how far it is.
#[derive(Debug)]
pub struct Subscriber {
    selector: Selector,
    /// The topics whose private updates it may read.
    grant: Selector,
    /// All updates up to this place were sent, or were not for it.
    position: Position,
    /// The last sequence of which the client knows the id.
    known: u64,
    budget: Budget,
}

/// What [`Subscriber::fill`] has to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The budget is used: nothing more may be sent.
    pub full: bool,
    /// An update that is larger than a chunk, to be sent instead of one. It is not copied: all who are sent it share it.
    pub large: Bytes,
}

/// The bytes a stream may use.
#[derive(Debug)]
struct Budget {
    left: u64,
    /// The first update may exceed it: else a client would come back for it for ever.
    first: bool,
}

impl Subscriber {
    /// A subscriber that is at `position` and may be sent about `bytes`.
    pub fn new(selector: Selector, grant: Selector, position: Position, bytes: u64) -> Self {
        let known = position.sequence;
        Subscriber { selector, grant, position, known, budget: Budget { left: bytes, first: true } }
    }

    /// How far it is.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Names its position by the epoch that the log has now, which continues the one it was in.
    pub fn adopt(&mut self, epoch: &str) {
        if self.position.epoch != epoch {
            epoch.clone_into(&mut self.position.epoch);
        }
    }

    /// Appends what it is to be sent of `entries`, which follow its position without a hole.
    pub fn fill<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>, out: &mut Vec<u8>) -> Filled {
        let mut filled = Filled::default();
        let start = self.position.sequence;
        for entry in entries.skip_while(|entry| entry.sequence <= start) {
            if self.hears(entry) {
                let large = entry.wire.len() > CHUNK;
                if large && !out.is_empty() {
                    break;
                }
                if !self.budget.admit(entry.wire.len()) {
                    filled.full = true;
                    break;
                }
                if large {
                    filled.large = entry.wire.clone();
                } else {
                    out.extend_from_slice(&entry.wire);
                }
                self.known = entry.sequence;
            }
            self.position.sequence = entry.sequence;
            if out.len() >= CHUNK || !filled.large.is_empty() {
                break;
            }
        }
        filled
    }

    fn hears(&self, entry: &Entry) -> bool {
        self.selector.matches_any(entry.topics()) && may_read(entry.private, entry.topics(), &self.grant)
    }

    /// Appends a sign of life. It carries the id of the place reached, so that a client whose topics are quiet does
    /// not come back with an id that the history has long lost.
    pub fn keep_alive(&mut self, out: &mut Vec<u8>) {
        if self.known == self.position.sequence {
            encode_comment("", out);
        } else {
            self.known = self.position.sequence;
            if let Ok(id) = Id::new(self.position.to_string()) {
                Event::without_data().id(id).encode(out);
            }
        }
        self.budget.spend(out.len());
    }

    /// Appends what a client should know before the stream ends: the id of the place reached, if it is a newer one.
    pub fn farewell(&mut self, out: &mut Vec<u8>) {
        if self.known != self.position.sequence {
            self.keep_alive(out);
        }
    }

    /// Moves it to `start`, the oldest place there is, and appends the event that says so.
    pub fn announce_gap(&mut self, start: Position, out: &mut Vec<u8>) {
        encode_gap(&self.position.to_string(), &start, out);
        self.budget.spend(out.len());
        self.known = start.sequence;
        self.position = start;
    }
}

/// The first block of a stream: everything a client must know to resume is in it.
///
/// `asked` is the last event id of the client, where it has one that the log does not hold: the block then keeps it, so
/// that the gap is announced again to a client that is cut before it hears of it.
pub fn encode_ready(position: &Position, asked: Option<&str>, resumed: bool, retry: Duration, out: &mut Vec<u8>) {
    let data = format!(r#"{{"lastEventId":{},"resumed":{resumed}}}"#, quoted(&position.to_string()));
    let lost = asked.filter(|_| !resumed).map(|id| Id::new(id.to_owned()).unwrap_or(UNKNOWN));
    let mut event = Event::new(data).name(READY).retry(retry);
    if let Some(id) = lost.or_else(|| Id::new(position.to_string()).ok()) {
        event = event.id(id);
    }
    event.encode(out);
}

/// The event that announces a hole in the history: what followed `asked` and came before `start` is lost.
pub fn encode_gap(asked: &str, start: &Position, out: &mut Vec<u8>) {
    let oldest = Position { sequence: start.sequence.saturating_add(1), ..start.clone() };
    let data = format!(r#"{{"lastEventId":{},"oldest":{}}}"#, quoted(asked), quoted(&oldest.to_string()));
    let mut event = Event::new(data).name(GAP);
    if let Ok(id) = Id::new(start.to_string()) {
        event = event.id(id);
    }
    event.encode(out);
}

/// Stands for an id that cannot be sent back as it came.
const UNKNOWN: Id = Id::from_static("#unknown");

impl Budget {
    fn spend(&mut self, size: usize) {
        self.left = self.left.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
    }

    fn admit(&mut self, size: usize) -> bool {
        let left = self.left.checked_sub(u64::try_from(size).unwrap_or(u64::MAX));
        if left.is_none() && !self.first {
            return false;
        }
        self.left = left.unwrap_or(0);
        self.first = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::log::{Record, record};

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

    #[track_caller]
    fn check(follows: &[&str], grant: &[&str], expected: &[&str]) {
        let grant = if grant.is_empty() { Selector::none() } else { selector(grant) };
        let mut subscriber = Subscriber::new(selector(follows), grant, position(1), u64::MAX);
        let mut out = Vec::new();
        assert_eq!(subscriber.fill(entries(&["a", "a", "b", "!a", "!c"]).iter(), &mut out), Filled::default());
        assert_eq!(ids(&out), expected);
        assert_eq!(subscriber.position(), &position(5));
    }

    #[test]
    fn a_subscriber_hears_what_follows_its_position_on_its_topics() {
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
            let mut subscriber = Subscriber::new(selector(&["a"]), Selector::none(), position(0), budget);
            let mut out = Vec::new();
            let ended = subscriber.fill(entries.iter(), &mut out).full;
            assert_eq!((ids(&out).len(), ended), (expected, expected < 3), "{budget}");
            assert_eq!(subscriber.position(), &position(expected as u64));
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
        let mut subscriber = Subscriber::new(selector(&["a"]), Selector::none(), position(0), u64::MAX);
        let mut out = Vec::new();
        assert_eq!(subscriber.fill(entries.iter(), &mut out), Filled::default());
        assert_eq!(ids(&out), ["#e-1"]);
        out.clear();
        let filled = subscriber.fill(entries.iter(), &mut out);
        assert_eq!((out.len(), filled.large.as_ptr()), (0, entries[1].wire.as_ptr()));
        assert_eq!(subscriber.fill(entries.iter(), &mut out), Filled::default());
        assert_eq!(ids(&out), ["#e-3"]);
    }

    #[test]
    fn a_sign_of_life_carries_the_place_reached_once() {
        let mut subscriber = Subscriber::new(selector(&["b"]), Selector::none(), position(0), u64::MAX);
        subscriber.fill(entries(&["a", "a"]).iter(), &mut Vec::new());
        let mut out = Vec::new();
        subscriber.keep_alive(&mut out);
        assert_eq!(out, b"id: #e-2\n\n");
        out.clear();
        subscriber.keep_alive(&mut out);
        assert_eq!(out, b":\n\n");
    }

    #[test]
    fn a_gap_is_announced_until_the_client_has_heard_of_it() {
        let mut out = Vec::new();
        encode_ready(&position(7), Some("#old-3"), false, Duration::from_secs(1), &mut out);
        encode_gap("#old-3", &position(7), &mut out);
        let text = String::from_utf8(out).unwrap();
        let (ready, gap) = text.split_once("\n\n").unwrap();
        assert!(
            ready.contains("id: #old-3\n") && ready.contains(r##"{"lastEventId":"#e-7","resumed":false}"##),
            "{ready}"
        );
        assert!(gap.contains("id: #e-7\n") && gap.contains(r##"{"lastEventId":"#old-3","oldest":"#e-8"}"##), "{gap}");
    }

    #[test]
    fn an_id_that_cannot_be_sent_back_is_replaced() {
        let mut out = Vec::new();
        encode_ready(&position(7), Some("a\nb"), false, Duration::from_secs(1), &mut out);
        assert!(String::from_utf8(out).unwrap().contains("id: #unknown\n"));
    }
}
