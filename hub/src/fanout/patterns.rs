//! The patterns of this instance's sessions, and which updates in memory they match.
//!
//! Equal patterns are one. Each is tried once on an update, however many sessions have it, and a topic is parsed once
//! for all the patterns that are tried on it. What was found is kept for each segment of the log, within a bound.

use std::collections::HashMap;

use slab::Slab;

use crate::fanout::segment::Segment;
use crate::log::Entry;
use crate::pattern::{Parsed, Pattern};
use crate::topic::key::key;
use crate::topic::selector::Selector;

/// Names a pattern of an instance: an index, which is used again after the last session that has it has ended.
pub(crate) type PatternId = usize;

/// How many bytes of what was found are kept, apart from what the last call found.
const BYTES: usize = 512 * 1024;
/// So many updates or fewer at the end of the log are tried with the patterns of all sessions, which wait for them. Who
/// reads an old part of the log is mostly alone there.
const NEWS: usize = 64;
/// How many patterns are tried for others at most: what is found must fit into what is kept.
const TOGETHER: usize = 1_000;

/// The patterns of an instance.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    known: Slab<Known>,
    /// The patterns, by the key of their text.
    by_text: HashMap<u64, Vec<PatternId>>,
    /// How many bytes of what was found are kept.
    bytes: usize,
    /// How often a pattern was tried on an update.
    #[cfg(test)]
    pub(super) tried: usize,
}

#[derive(Debug)]
struct Known {
    pattern: Pattern,
    /// How many sessions follow it, and how many may read what it matches.
    uses: [usize; 2],
    found: Vec<Found>,
}

/// What a pattern matches in a segment.
#[derive(Debug)]
struct Found {
    /// The segment's number.
    segment: u64,
    of: Use,
    /// It was tried on so many of the segment's updates.
    tried: usize,
    /// The places of those that it matches.
    places: Vec<usize>,
}

/// What a session has a pattern for, and so which updates it is tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The session follows what it matches: all updates.
    Follow,
    /// The session may read what it matches: private updates.
    Read,
}

/// A pattern that is being tried.
struct Trial {
    id: PatternId,
    pattern: Pattern,
    found: Found,
}

impl Patterns {
    /// A session has the patterns of `selector`, which shares them from now on with those who have the same.
    pub(crate) fn add(&mut self, selector: &mut Selector, of: Use) -> Vec<PatternId> {
        selector.patterns_mut().map(|pattern| self.add_one(pattern, of)).collect()
    }

    fn add_one(&mut self, pattern: &mut Pattern, of: Use) -> PatternId {
        let same_text = self.by_text.entry(key(pattern.text())).or_default();
        let is_same = |id: &&PatternId| self.known.get(**id).is_some_and(|known| known.pattern == *pattern);
        let id = same_text.iter().find(is_same).copied().unwrap_or_else(|| {
            let id = self.known.insert(Known { pattern: pattern.clone(), uses: [0; 2], found: Vec::new() });
            same_text.push(id);
            id
        });
        if let Some(known) = self.known.get_mut(id) {
            known.count(of, usize::saturating_add);
            *pattern = known.pattern.clone();
        }
        id
    }

    /// A session that had these patterns has ended.
    pub(crate) fn remove(&mut self, ids: &[PatternId], of: Use) {
        for id in ids {
            let Some(known) = self.known.get_mut(*id) else { continue };
            known.count(of, usize::saturating_sub);
            if known.uses != [0; 2] {
                continue;
            }
            self.bytes = self.bytes.saturating_sub(known.bytes());
            let text = key(known.pattern.text());
            self.known.remove(*id);
            if let Some(same_text) = self.by_text.get_mut(&text) {
                same_text.retain(|other| other != id);
                if same_text.is_empty() {
                    self.by_text.remove(&text);
                }
            }
        }
    }

    /// The places of the updates of a segment that a pattern matches, in order. It must have been
    /// [tried](Patterns::try_on) on them.
    pub(crate) fn places(&self, id: PatternId, segment: &Segment, of: Use) -> &[usize] {
        let found = self.known.get(id).and_then(|known| known.found(segment.number(), of));
        found.map_or(&[], |found| &found.places)
    }

    /// Tries these patterns on what they were not tried on of a segment.
    pub(crate) fn try_on(&mut self, segment: &Segment, ids: &[PatternId], of: Use) {
        let (number, count) = (segment.number(), segment.entries().len());
        let tried = |id: &PatternId| Some(self.known.get(*id)?.tried(number, of));
        let Some(first) = ids.iter().filter_map(tried).min().filter(|first| *first < count) else { return };
        let is_news = segment.is_complete() && count.saturating_sub(first) <= NEWS;
        let mut trials = Vec::new();
        if is_news && self.known.len() <= TOGETHER {
            // For whom more is new reads it when it needs it.
            let is_new = |known: &Known| known.is_used(of) && count.saturating_sub(known.tried(number, of)) <= NEWS;
            let known = self.known.iter_mut().filter(|(_, known)| is_new(known));
            trials.extend(known.map(|(id, known)| known.begin(id, number, of, &mut self.bytes)));
        } else {
            for id in ids {
                let known = self.known.get_mut(*id);
                trials.extend(known.map(|known| known.begin(*id, number, of, &mut self.bytes)));
            }
        }
        let first = trials.iter().map(|trial| trial.found.tried).min().unwrap_or(first);
        for (place, entry) in segment.entries().iter().enumerate().skip(first) {
            if of == Use::Follow || entry.private {
                #[cfg(test)]
                (self.tried += trials.iter().filter(|trial| trial.found.tried <= place).count());
                try_one(place, entry, &mut trials);
            }
        }
        self.make_room(number);
        for Trial { id, mut found, .. } in trials {
            found.tried = count;
            if let Some(known) = self.known.get_mut(id) {
                self.bytes = self.bytes.saturating_add(found.bytes());
                known.found.push(found);
            }
        }
    }

    /// Keeps no more than may be kept: it forgets first what was found in other segments, then all.
    fn make_room(&mut self, segment: u64) {
        for all in [false, true] {
            if self.bytes <= BYTES {
                return;
            }
            self.bytes = 0;
            for (_, known) in &mut self.known {
                known.found.retain(|found| !all && found.segment == segment);
                self.bytes = self.bytes.saturating_add(known.bytes());
            }
        }
    }
}

/// Tries patterns on an update, whose topics are parsed once for all of them.
fn try_one(place: usize, entry: &Entry, trials: &mut [Trial]) {
    for topic in entry.topics() {
        let topic = Parsed::new(topic);
        for Trial { pattern, found, .. } in &mut *trials {
            if found.tried <= place && found.places.last() != Some(&place) && pattern.matches(&topic) {
                found.places.push(place);
            }
        }
    }
}

impl Known {
    fn count(&mut self, of: Use, change: fn(usize, usize) -> usize) {
        let [follow, read] = &mut self.uses;
        let uses = if of == Use::Follow { follow } else { read };
        *uses = change(*uses, 1);
    }

    fn is_used(&self, of: Use) -> bool {
        let [follow, read] = self.uses;
        (if of == Use::Follow { follow } else { read }) > 0
    }

    fn found(&self, segment: u64, of: Use) -> Option<&Found> {
        self.found.iter().find(|found| found.segment == segment && found.of == of)
    }

    /// On how many updates of a segment it was tried.
    fn tried(&self, segment: u64, of: Use) -> usize {
        self.found(segment, of).map_or(0, |found| found.tried)
    }

    /// Takes what was found, to add to it.
    fn begin(&mut self, id: PatternId, segment: u64, of: Use, bytes: &mut usize) -> Trial {
        let known = self.found.iter().position(|found| found.segment == segment && found.of == of);
        let found = match known.map(|place| self.found.swap_remove(place)) {
            Some(found) => {
                *bytes = bytes.saturating_sub(found.bytes());
                found
            }
            None => Found { segment, of, tried: 0, places: Vec::new() },
        };
        Trial { id, pattern: self.pattern.clone(), found }
    }

    fn bytes(&self) -> usize {
        self.found.iter().map(Found::bytes).fold(0, usize::saturating_add)
    }
}

impl Found {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        self.places.capacity().saturating_mul(size_of::<usize>()).saturating_add(size_of::<Found>())
    }
}

#[cfg(test)]
impl Patterns {
    /// How many different patterns there are.
    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    /// How many bytes are held: the patterns, and what was found.
    pub(super) fn held(&self) -> (usize, usize) {
        let found = self.known.iter().map(|(_, known)| known.bytes()).sum();
        assert_eq!(found, self.bytes);
        (self.known.iter().map(|(_, known)| known.pattern.size()).sum(), found)
    }

    /// How many sessions have one of the patterns.
    pub(super) fn uses(&self) -> usize {
        self.known.iter().map(|(_, known)| known.uses.iter().sum::<usize>()).sum()
    }
}
