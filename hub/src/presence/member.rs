//! A subscriber of an instance, as the log is told of it.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::log::presence::Arrival;
use crate::presence::follows::Follows;
use crate::presence::ticket;

/// Where a stream finds the ticket that its last words have: once the log knows the subscriber.
pub(crate) type Ticket = Rc<OnceCell<String>>;

/// Who comes.
#[derive(Debug)]
pub(crate) struct Newcomer {
    /// What it follows.
    pub(crate) follows: Follows,
    /// Its id and its secret, which nobody can guess.
    pub(crate) named: (String, String),
    /// The subscriber that it says it is, and the secret that it shows.
    pub(crate) back: Option<(String, String)>,
    /// Of its stream.
    pub(crate) ticket: Ticket,
}

/// How a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Its client has gone, or shall not come back as the same.
    Ended,
    /// Its client was given its ticket.
    Released,
}

/// What the log knows of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing yet.
    New,
    /// It is being told.
    Told,
    /// That it is here.
    Held,
}

/// A subscriber, from when it comes until the log knows that it has left.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) known: Known,
    /// It left while the log was told of it.
    pub(crate) left: bool,
    pub(crate) subscriber: String,
    newcomer: Newcomer,
}

impl Member {
    pub(crate) fn new(newcomer: Newcomer) -> Member {
        let subscriber = newcomer.named.0.clone();
        Member { known: Known::New, left: false, subscriber, newcomer }
    }

    /// How many subscriptions it has.
    pub(crate) fn count(&self) -> usize {
        self.newcomer.follows.count()
    }

    /// As the log is told of it. One that came back has no other subscriptions to begin than its own.
    pub(crate) fn arrival(&self) -> Arrival {
        let Newcomer { follows, named, back, .. } = &self.newcomer;
        Arrival {
            subscriber: self.subscriber.clone(),
            ticket: named.1.clone(),
            back: back.clone().filter(|_| self.known != Known::Held),
            what: follows.digest(),
            listings: follows.listings(&self.subscriber),
        }
    }

    /// It may not have been told. Returns whether it was to be, and is not another one, which came since.
    pub(crate) fn is_told_again(&mut self) -> bool {
        let was_told = self.known != Known::New;
        if self.known == Known::Told {
            self.known = Known::New;
        }
        was_told
    }

    /// The log knows it, and those came back who showed one of these tickets.
    pub(crate) fn confirm(&mut self, back: &[String]) {
        if self.known != Known::Told {
            return;
        }
        self.known = Known::Held;
        let Newcomer { named, back: claimed, ticket, .. } = &self.newcomer;
        if let Some((subscriber, _)) = claimed
            && back.contains(&named.1)
        {
            self.subscriber.clone_from(subscriber);
        }
        if !self.left {
            // It is empty: this is done once.
            let _ = ticket.set(ticket::text(&self.subscriber, &named.1));
        }
    }
}
