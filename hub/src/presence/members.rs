//! The subscribers of an instance: what the log is told of them, together, and when.

use std::mem::take;
use std::time::Duration;

use slab::Slab;

use crate::instant::{Instant, after};
use crate::log::Unavailable;
use crate::log::presence::{Arrival, Attended, Changes, PRESENCE_LEASE};
use crate::log::relay::HolderId;
use crate::presence::member::{Known, Left, Member, Newcomer};

/// Who comes or leaves waits so long for others: clients often come together.
const TOGETHER: Duration = Duration::from_millis(30);
/// How much arrivals follow, and how many ends there are, of which the log is told at once: others wait meanwhile.
const AT_ONCE: usize = 500;
/// What failed is tried again after so long, and then after twice that, up to `MAX_RETRY`.
const RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY: Duration = Duration::from_secs(5);
/// An instance without subscribers tries so often again.
const MAX_FAILURES: u32 = 8;
/// How long after a grace the log is asked to end what did not come back.
const SLACK: Duration = Duration::from_millis(100);

/// Names a subscriber of an instance: an index, which is used again after it has left.
pub(crate) type MemberId = usize;

/// The subscribers of an instance.
#[derive(Debug)]
pub(crate) struct Members {
    holder: HolderId,
    grace: Duration,
    members: Slab<Member>,
    /// Of whom the log is to be told: who came, or all when it has lost some.
    new: Vec<MemberId>,
    /// Who left since the log was last told, and whose clients come back.
    ended: Vec<String>,
    released: Vec<String>,
    under_way: Option<Told>,
    /// The log may know others than those there are: who is here is named, with the last that it is told.
    whole: bool,
    /// When the log is to be told of changes, if there are some.
    tell_at: Instant,
    renew_at: Instant,
    /// When the next grace is over, and when the last one.
    over_at: Instant,
    last_over_at: Instant,
    failures: u32,
}

/// What the log is being told.
#[derive(Debug)]
struct Told {
    whole: bool,
    members: Vec<MemberId>,
    ended: Vec<String>,
    released: Vec<String>,
}

impl Members {
    /// None. The log calls this instance `holder`, and who comes back does so within `grace`.
    pub(crate) fn new(holder: HolderId, grace: Duration) -> Members {
        Members {
            holder,
            grace,
            members: Slab::new(),
            new: Vec::new(),
            ended: Vec::new(),
            released: Vec::new(),
            under_way: None,
            whole: false,
            tell_at: Instant::MAX,
            renew_at: Instant::MAX,
            over_at: Instant::MAX,
            last_over_at: 0,
            failures: 0,
        }
    }

    /// Whether there is nothing to do any more.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.under_way.is_none() && self.has_told() && self.over_at == Instant::MAX
    }

    /// When there is something to do although nothing happens; `Instant::MAX` for never.
    pub(crate) fn due(&self) -> Instant {
        match self.under_way {
            Some(_) => Instant::MAX,
            None => self.tell_at.min(self.renew_at).min(self.over_at),
        }
    }

    /// A subscriber comes.
    pub(crate) fn join(&mut self, newcomer: Newcomer, now: Instant) -> MemberId {
        let id = self.members.insert(Member::new(newcomer));
        self.new.push(id);
        self.tell_soon(now);
        id
    }

    /// The stream of a subscriber has ended.
    pub(crate) fn leave(&mut self, id: MemberId, how: Left, now: Instant) {
        let Some(member) = self.members.get_mut(id) else { return };
        self.new.retain(|new| *new != id);
        match (member.known, how) {
            // Nobody has heard of it, or those who are named soon are without it.
            (Known::New, _) => {}
            (Known::Told, _) => {
                member.left = true;
                return;
            }
            (Known::Held, Left::Ended) => self.ended.push(take(&mut member.subscriber)),
            (Known::Held, Left::Released) => self.released.push(take(&mut member.subscriber)),
        }
        self.members.remove(id);
        self.tell_soon(now);
    }

    /// What the log is to be told now, if anything. `attended` follows.
    pub(crate) fn tell(&mut self, now: Instant) -> Option<Changes> {
        if now < self.due() {
            return None;
        }
        if now >= self.over_at {
            self.over_at = if now < self.last_over_at { self.last_over_at } else { Instant::MAX };
        }
        let mut room = AT_ONCE;
        let fit = |id: &&MemberId| {
            let had_room = room > 0;
            room = room.saturating_sub(self.members.get(**id).map_or(0, Member::count));
            had_room
        };
        let count = self.new.iter().take_while(fit).count();
        let members: Vec<MemberId> = self.new.drain(..count).collect();
        let ended: Vec<String> = self.ended.drain(..self.ended.len().min(AT_ONCE)).collect();
        let released: Vec<String> = self.released.drain(..self.released.len().min(AT_ONCE)).collect();
        // Not before all are told again whom the log may know already: who leaves meanwhile is not named, and ends.
        let whole = self.is_last() && take(&mut self.whole);
        self.tell_at = if self.has_told() { Instant::MAX } else { now };
        let mut arrivals = Vec::new();
        for id in &members {
            if let Some(member) = self.members.get_mut(*id) {
                arrivals.push(member.arrival());
                if member.known == Known::New {
                    member.known = Known::Told;
                }
            }
        }
        let named = whole.then(|| {
            let mut named = released.clone();
            self.members.iter().for_each(|(_, member)| named.push(member.subscriber.clone()));
            let back = arrivals.iter().flat_map(|arrival: &Arrival| &arrival.back);
            back.for_each(|(claimed, _)| named.push(claimed.clone()));
            named
        });
        let (holder, grace) = (self.holder, self.grace);
        let changes = Changes { holder, named, arrivals, ended: ended.clone(), released: released.clone(), grace };
        self.under_way = Some(Told { whole, members, ended, released });
        Some(changes)
    }

    /// The log was told. Returns whether it had ended subscribers that are here: they begin anew.
    pub(crate) fn attended(&mut self, result: Result<&Attended, &Unavailable>, now: Instant) -> bool {
        let Some(told) = self.under_way.take() else { return false };
        let Ok(attended) = result else {
            self.was_not_told(told, now);
            return false;
        };
        for id in told.members {
            let Some(member) = self.members.get_mut(id) else { continue };
            member.confirm(&attended.back);
            if member.left {
                self.ended.push(take(&mut member.subscriber));
                self.members.remove(id);
            }
        }
        if !told.released.is_empty() {
            self.last_over_at = after(now, self.grace.saturating_add(SLACK));
            self.over_at = self.over_at.min(self.last_over_at);
        }
        self.failures = 0;
        self.renew_at = match self.members.is_empty() {
            true => Instant::MAX,
            false => after(now, PRESENCE_LEASE.checked_div(3).unwrap_or(PRESENCE_LEASE)),
        };
        if !self.has_told() {
            self.tell_soon(now);
        }
        if attended.more {
            self.tell_at = now;
        }
        // Only when the log was told all, it is known how many it must have.
        let differs = self.has_told() && attended.held != self.members.len();
        if differs {
            self.whole = true;
            self.tell_at = self.tell_at.min(if told.whole { after(now, MAX_RETRY) } else { now });
        }
        let has_lost = differs && attended.held < self.members.len();
        if has_lost {
            self.new.extend(self.members.iter().map(|(id, _)| id));
        }
        has_lost
    }

    /// It may have been told all the same.
    fn was_not_told(&mut self, mut told: Told, now: Instant) {
        for id in told.members {
            let Some(member) = self.members.get_mut(id) else { continue };
            if member.left {
                // If the log knows it, it is among the others that end.
                self.members.remove(id);
            } else if member.is_told_again() {
                self.new.push(id);
            }
        }
        told.ended.append(&mut self.ended);
        told.released.append(&mut self.released);
        (self.ended, self.released) = (told.ended, told.released);
        self.whole = true;
        let pause = RETRY.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(MAX_RETRY);
        self.failures = self.failures.saturating_add(1).min(16);
        if self.members.is_empty() && self.failures > MAX_FAILURES {
            // When the lease is over, others say what is left to say.
            self.ended.clear();
            self.released.clear();
            (self.whole, self.over_at) = (false, Instant::MAX);
        }
        self.tell_at = after(now, pause);
        self.renew_at = self.renew_at.max(self.tell_at);
        if self.over_at != Instant::MAX {
            self.over_at = self.over_at.max(self.tell_at);
        }
    }

    fn has_told(&self) -> bool {
        self.is_last() && !self.whole
    }

    /// Whether nobody else is to be named.
    fn is_last(&self) -> bool {
        self.new.is_empty() && self.ended.is_empty() && self.released.is_empty()
    }

    fn tell_soon(&mut self, now: Instant) {
        if self.failures == 0 {
            self.tell_at = self.tell_at.min(after(now, TOGETHER));
        }
    }
}
