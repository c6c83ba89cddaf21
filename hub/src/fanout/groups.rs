//! Which sessions a read is for, and what of the log it reads.

use std::rc::Rc;

use crate::fanout::action::SessionId;
use crate::fanout::dispatcher::Dispatcher;
use crate::log::{Interest, PAGE_UPDATES};

/// How many topics one read is for at most.
const READ_TOPICS: usize = 1_000;
/// To look up this many topics costs the log about as much as to read an update that nobody hears.
const TOPICS_AN_UPDATE: u64 = 32;

impl Dispatcher {
    /// Takes the session that has waited longest for a read, and those that wait at about the same place. Who is far
    /// behind does not delay who is near the end, nor the other way round.
    pub(super) fn take_group(&mut self) -> Option<(Interest, Vec<SessionId>)> {
        let Dispatcher { sessions, parked, reader, .. } = self;
        let first = sessions.get(parked.first_awaiting_page()?)?;
        let (reads_all, place) = (first.reads_all(), first.position().sequence);
        let page = u64::try_from(PAGE_UPDATES).unwrap_or(u64::MAX);
        // In the order of their names.
        let mut topics: Vec<(Rc<str>, u64)> = Vec::new();
        let (mut floor, mut head) = (place, reader.known_extent().map_or(u64::MAX, |extent| extent.head));
        let mut by_name = false;
        let group = parked.take_awaiting_page(|id| {
            let Some(session) = sessions.get(id) else { return true };
            let after = session.position().sequence;
            let is_full = !topics.is_empty() && topics.len().saturating_add(session.topics.len()) > READ_TOPICS;
            if session.reads_all() != reads_all || after.abs_diff(place) > page || is_full {
                return false;
            }
            floor = floor.min(after);
            let known = session.target.map(|target| target.sequence).filter(|sequence| *sequence < u64::MAX);
            head = head.max(known.unwrap_or_default());
            by_name |= session.ended_unknown.is_some();
            for topic in &session.topics {
                match topics.binary_search_by(|(other, _)| other.cmp(topic)) {
                    Err(place) => topics.insert(place, (Rc::clone(topic), after)),
                    Ok(place) => topics.get_mut(place).into_iter().for_each(|(_, wanted)| *wanted = after.min(*wanted)),
                }
            }
            true
        });
        // One update that all hear shall not cost a look at each of the other topics that they follow.
        let news = head.saturating_sub(floor);
        let lookups = news.max(1).saturating_mul(TOPICS_AN_UPDATE);
        let is_little = !by_name && lookups <= u64::try_from(topics.len()).unwrap_or_default();
        let interest = if reads_all || is_little { Interest::All(floor) } else { Interest::Topics(topics) };
        Some((interest, group))
    }
}
