//! Segments of the log in memory: what a read returned, which serves many sessions.

use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

use crate::log::{Entry, Interest, PAGE_BYTES, PAGE_UPDATES, Page};
use crate::topic::key::key;
use crate::topic::topic::ALL;

/// About how many bytes it takes that a topic of an update leads to its place.
const A_TOPIC: usize = 48;

/// All updates on some topics, or on all, from a sequence to another.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The number of the read that brought the first updates: no other segment has it.
    number: u64,
    coverage: Coverage,
    through: u64,
    /// The number of the read that brought the last updates.
    read: u64,
    /// The log had no more for the topics when that read was made.
    complete: bool,
    entries: Vec<Entry>,
    /// Where the updates on a topic are among the entries, by the topic's key.
    by_topic: HashMap<u64, Vec<usize>>,
    bytes: usize,
    /// How many bytes the names of its topics take, which nobody may follow any more.
    names: usize,
}

/// From where on a segment has the updates.
#[derive(Debug)]
enum Coverage {
    /// Of every topic.
    All(u64),
    /// Of some topics, in the order of their names.
    Topics(Vec<(Rc<str>, u64)>),
}

impl Segment {
    /// What a read brought, whose number is `read`.
    pub(crate) fn new(interest: &Interest, read: u64, page: Page) -> Self {
        let coverage = match interest {
            Interest::All(after) => Coverage::All(*after),
            Interest::Topics(topics) => Coverage::Topics(BinaryHeap::from(topics.clone()).into_sorted_vec()),
        };
        let mut segment = Segment {
            number: read,
            coverage,
            through: 0,
            read,
            complete: false,
            entries: Vec::new(),
            by_topic: HashMap::new(),
            bytes: 0,
            names: 0,
        };
        if let Interest::Topics(topics) = interest {
            let size = |(topic, _): &(Rc<str>, u64)| topic.len().saturating_add(size_of::<(Rc<str>, u64)>());
            segment.names = topics.iter().map(size).fold(0, usize::saturating_add);
        }
        segment.extend(read, page);
        segment
    }

    /// Whether a read of `interest` goes on where this segment ends, and there is room for more.
    pub(crate) fn goes_on(&self, interest: &Interest) -> bool {
        let room = self.entries.len() < PAGE_UPDATES && self.bytes < PAGE_BYTES;
        room && match (&self.coverage, interest) {
            (Coverage::All(_), Interest::All(after)) => *after == self.through,
            (Coverage::Topics(covered), Interest::Topics(topics)) => {
                covered.len() == topics.len()
                    && topics
                        .iter()
                        .all(|(topic, after)| *after == self.through && covered_after(covered, topic).is_some())
            }
            _ => false,
        }
    }

    /// Adds a page that goes on where this segment ends.
    pub(crate) fn extend(&mut self, read: u64, page: Page) {
        self.complete = page.through >= page.extent.head;
        (self.read, self.through) = (read, page.through);
        for entry in page.entries {
            self.bytes = self.bytes.saturating_add(entry.size());
            for topic in entry.topics() {
                self.bytes = self.bytes.saturating_add(A_TOPIC);
                let places = self.by_topic.entry(key(topic)).or_default();
                if places.last() != Some(&self.entries.len()) {
                    places.push(self.entries.len());
                }
            }
            self.entries.push(entry);
        }
    }

    /// Its number, which no other segment has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Its updates. More may follow later.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the log had no more when its last updates were read.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The last sequence that it covers.
    pub(crate) fn through(&self) -> u64 {
        self.through
    }

    /// Whether it shows that nothing on these topics follows `position`, as of a read that began after so many others.
    pub(crate) fn shows_end(&self, topics: &[Rc<str>], position: u64, reads: u64) -> bool {
        self.complete && self.read > reads && position >= self.through && self.begins_before(topics, position)
    }

    /// About how many bytes it keeps in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.saturating_add(self.names)
    }

    /// Whether it has all that follows `position` on these topics, and reaches further.
    pub(crate) fn covers(&self, topics: &[Rc<str>], position: u64) -> bool {
        position < self.through && self.begins_before(topics, position)
    }

    fn begins_before(&self, topics: &[Rc<str>], position: u64) -> bool {
        match &self.coverage {
            Coverage::All(after) => position >= *after,
            Coverage::Topics(covered) => {
                topics.iter().all(|topic| covered_after(covered, topic).is_some_and(|after| position >= after))
            }
        }
    }

    /// The places of the updates on these topics after `position`, which must be covered. Some may be on other topics.
    pub(crate) fn following(&self, topics: &[Rc<str>], position: u64) -> Vec<usize> {
        match topics {
            [topic] if &**topic == ALL => {
                (self.entries.partition_point(|entry| entry.sequence <= position)..self.entries.len()).collect()
            }
            [topic] => self.places(topic, position).to_vec(),
            topics => in_order(topics.iter().flat_map(|topic| self.places(topic, position)).copied().collect()),
        }
    }

    /// The places of the updates after `position` on a topic.
    pub(crate) fn on(&self, topic: &str, position: u64) -> impl Iterator<Item = usize> {
        let is_on = move |place: &usize| self.entries.get(*place)?.topics().find(|other| *other == topic).map(drop);
        self.places(topic, position).iter().copied().filter(move |place| is_on(place).is_some())
    }

    /// The same, and perhaps those of others that have the topic's key.
    fn places(&self, topic: &str, position: u64) -> &[usize] {
        self.after(self.by_topic.get(&key(topic)).map_or(&[][..], Vec::as_slice), position)
    }

    /// Those of these places, which are in order, that are after `position`.
    pub(crate) fn after<'p>(&self, places: &'p [usize], position: u64) -> &'p [usize] {
        let is_past = |place: &usize| self.entries.get(*place).is_none_or(|entry| entry.sequence <= position);
        places.get(places.partition_point(is_past)..).unwrap_or_default()
    }
}

/// These places in order, each once. A heap sorts in a tenth of the code that `sort` is.
pub(crate) fn in_order(places: BinaryHeap<usize>) -> Vec<usize> {
    let mut places = places.into_sorted_vec();
    places.dedup();
    places
}

/// From where on a topic is covered.
fn covered_after(covered: &[(Rc<str>, u64)], topic: &Rc<str>) -> Option<u64> {
    let place = covered.binary_search_by(|(other, _)| other.cmp(topic)).ok()?;
    covered.get(place).map(|(_, after)| *after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Extent, Record, record};

    fn page(updates: &[(u64, &str)], through: u64, head: u64) -> Page {
        let mut records = Vec::new();
        for (sequence, topics) in updates {
            let meta = format!("-{}\n", topics.replace(' ', "\n"));
            record::write(&mut records, "e", *sequence, &Record { id: None, last: false, meta, body: String::new() });
        }
        let extent = Extent { epoch: "e".to_owned(), oldest: 1, head, ends: vec![], has_ended_topics: false };
        Page { extent, entries: record::parse(records.into()).unwrap(), through, ended: vec![] }
    }

    fn topics(names: &[&str]) -> Vec<Rc<str>> {
        names.iter().map(|name| Rc::from(*name)).collect()
    }

    fn interest(wanted: &[(&str, u64)]) -> Interest {
        Interest::Topics(wanted.iter().map(|(topic, after)| (Rc::from(*topic), *after)).collect())
    }

    fn sequences(segment: &Segment, names: &[&str], position: u64) -> Vec<u64> {
        let places = segment.following(&topics(names), position);
        places.into_iter().map(|place| segment.entries()[place].sequence).collect()
    }

    #[test]
    fn a_segment_serves_those_whose_topics_it_covers() {
        let segment = Segment::new(&interest(&[("a", 3), ("b", 5)]), 1, page(&[(6, "a"), (7, "a b")], 9, 9));
        for (names, position, expected) in [
            (&["a"][..], 2, false),
            (&["a"], 3, true),
            (&["a"], 8, true),
            (&["a"], 9, false),
            (&["a", "b"], 4, false),
            (&["b", "a"], 5, true),
            (&["c"], 8, false),
            (&["*"], 8, false),
        ] {
            assert_eq!(segment.covers(&topics(names), position), expected, "{names:?} at {position}");
        }
        assert_eq!(sequences(&segment, &["a"], 3), [6, 7]);
        assert_eq!(sequences(&segment, &["b"], 5), [7]);
        assert_eq!(sequences(&segment, &["a", "b"], 5), [6, 7]);
        assert_eq!(sequences(&segment, &["a", "b"], 6), [7]);
    }

    #[test]
    fn a_segment_of_everything_serves_all() {
        let segment = Segment::new(&Interest::All(3), 1, page(&[(4, "a"), (5, "b")], 5, 9));
        assert!(segment.covers(&topics(&["*"]), 3) && segment.covers(&topics(&["x"]), 4));
        assert!(!segment.covers(&topics(&["*"]), 2) && !segment.covers(&topics(&["*"]), 5));
        assert_eq!(sequences(&segment, &["*"], 3), [4, 5]);
        assert_eq!(sequences(&segment, &["*"], 4), [5]);
        assert_eq!(sequences(&segment, &["b"], 3), [5]);
        assert_eq!(sequences(&segment, &["x"], 3), [0; 0]);
    }

    #[test]
    fn a_read_that_goes_on_makes_a_segment_longer() {
        let mut segment = Segment::new(&interest(&[("a", 0)]), 1, page(&[(1, "a")], 2, 3));
        let a = topics(&["a"]);
        assert!(!segment.shows_end(&a, 2, 0), "the log had more");
        assert!(segment.goes_on(&interest(&[("a", 2)])));
        for other in [interest(&[("a", 1)]), interest(&[("b", 2)]), interest(&[("a", 2), ("b", 2)]), Interest::All(2)] {
            assert!(!segment.goes_on(&other), "{other:?}");
        }
        segment.extend(2, page(&[(3, "a")], 3, 3));
        assert_eq!(sequences(&segment, &["a"], 0), [1, 3]);
        assert!(segment.shows_end(&a, 3, 1) && !segment.shows_end(&a, 3, 2) && !segment.shows_end(&a, 2, 1));
        assert!(!segment.shows_end(&topics(&["b"]), 3, 1));
        let full = Segment::new(&Interest::All(0), 1, page(&vec![(1, "a"); PAGE_UPDATES], 1_000, 1_000));
        assert!(!full.goes_on(&Interest::All(1_000)));
    }
}
