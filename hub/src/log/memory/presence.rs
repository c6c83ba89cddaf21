//! The subscriptions of a log in memory.

use std::collections::BTreeMap;

use super::MemoryLog;
use crate::instant::{Instant, after};
use crate::log::log::Log;
use crate::log::position::Position;
use crate::log::presence::{Arrival, Attended, Changes, LIST, Listed, Listing, PRESENCE_LEASE, Presence, SWEEP};
use crate::log::record::Record;
use crate::log::relay::HolderId;
use crate::log::unavailable::Unavailable;

#[derive(Debug, Default)]
pub(super) struct Present {
    leases: BTreeMap<HolderId, Instant>,
    subscribers: BTreeMap<String, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    /// Who holds it, or until when it may come back.
    held: Result<HolderId, Instant>,
    ticket: String,
    what: String,
    listings: Vec<Listing>,
}

impl Present {
    fn is_over(&self, subscriber: &Subscriber, now: Instant) -> bool {
        match &subscriber.held {
            Ok(holder) => self.leases.get(holder).is_none_or(|over| *over <= now),
            Err(over) => *over <= now,
        }
    }

    fn ids(&self, which: impl Fn(&String, &Subscriber) -> bool) -> Vec<String> {
        self.subscribers.iter().filter(|(id, subscriber)| which(id, subscriber)).map(|(id, _)| id.clone()).collect()
    }

    fn end(&mut self, id: &str, said: &mut Vec<Record>) {
        let ended = self.subscribers.remove(id);
        said.extend(ended.iter().flat_map(|subscriber| &subscriber.listings).map(|listing| listing.update(false)));
    }

    fn comes_back(&mut self, holder: HolderId, arrival: &Arrival) -> Option<()> {
        let (id, shown) = arrival.back.as_ref()?;
        let known = self.subscribers.get_mut(id)?;
        let has_ticket = [shown, &arrival.ticket].contains(&&known.ticket);
        if !has_ticket || known.what != arrival.what {
            return None;
        }
        (known.held, known.ticket) = (Ok(holder), arrival.ticket.clone());
        Some(())
    }

    fn begin(&mut self, holder: HolderId, arrival: &Arrival, said: &mut Vec<Record>) {
        let Arrival { subscriber, ticket, what, listings, .. } = arrival.clone();
        if !self.subscribers.contains_key(&subscriber) {
            said.extend(listings.iter().map(|listing| listing.update(true)));
        }
        self.subscribers.insert(subscriber, Subscriber { held: Ok(holder), ticket, what, listings });
    }
}

impl MemoryLog {
    /// Lets the lease of a holder be over.
    pub(crate) fn lapse(&self, holder: HolderId) {
        self.state.borrow_mut().present.leases.insert(holder, 0);
    }
}

impl Presence for MemoryLog {
    async fn attend(&self, changes: &Changes) -> Result<Attended, Unavailable> {
        let (now, holder) = (self.clock.get(), changes.holder);
        let (mut attended, mut said) = (Attended::default(), Vec::new());
        {
            let present = &mut self.state.borrow_mut().present;
            present.leases.insert(holder, after(now, PRESENCE_LEASE));
            let over = present.ids(|_, subscriber| present.is_over(subscriber, now));
            over.iter().take(SWEEP).for_each(|id| present.end(id, &mut said));
            attended.more = over.len() > SWEEP;
            let is_held = |subscriber: &Subscriber| subscriber.held == Ok(holder);
            let others = present.ids(|id, subscriber| {
                is_held(subscriber) && changes.named.as_ref().is_some_and(|named| !named.contains(id))
            });
            let ended = present.ids(|id, subscriber| is_held(subscriber) && changes.ended.contains(id));
            others.iter().chain(&ended).for_each(|id| present.end(id, &mut said));
            for arrival in &changes.arrivals {
                match present.comes_back(holder, arrival) {
                    Some(()) => attended.back.push(arrival.ticket.clone()),
                    None => present.begin(holder, arrival, &mut said),
                }
            }
            for id in present.ids(|id, subscriber| is_held(subscriber) && changes.released.contains(id)) {
                present.subscribers.get_mut(&id).unwrap().held = Err(after(now, changes.grace));
            }
            attended.held = present.ids(|_, subscriber| is_held(subscriber)).len();
        }
        if !said.is_empty() {
            let topics = said.iter().flat_map(Record::topics).map(str::to_owned).collect();
            attended.appended = Some((topics, self.append(&said).await.unwrap()));
        }
        Ok(attended)
    }

    async fn listed(&self, first: &str, end: &str) -> Result<Listed, Unavailable> {
        let state = self.state.borrow();
        let all = state.present.subscribers.values().flat_map(|subscriber| subscriber.listings.clone());
        let mut listings: Vec<_> = all.filter(|one| (first..end).contains(&one.topic.as_str())).collect();
        listings.sort_by(|one, other| one.topic.cmp(&other.topic));
        listings.truncate(LIST);
        let present = &state.present;
        let over = !present.ids(|_, subscriber| present.is_over(subscriber, self.clock.get())).is_empty();
        Ok(Listed { head: Position { epoch: state.epoch.clone(), sequence: state.head }, over, listings })
    }
}
