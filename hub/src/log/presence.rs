//! Who follows what, as the log keeps it: each subscription begins once and ends once, whatever becomes of instances.
//!
//! A subscriber is a connection, or several that follow each other: who comes back with the ticket that it was given
//! goes on as the same one. Its subscriptions begin and end together. Whatever begins or ends one appends the update
//! that says so in the same step: the updates are the changes, each once, in their order.
//!
//! An instance holds its subscribers under one lease. Whoever finds that a lease is over ends what was held under it.
//! A subscriber whose stream was ended for it to come back is held by nobody for a while, its grace, and ends after it.

use std::time::Duration;

use crate::log::log::Appended;
use crate::log::position::Position;
use crate::log::record::Record;
use crate::log::relay::HolderId;
use crate::log::unavailable::Unavailable;

/// For how long an instance holds its subscribers. It renews its lease three times as often.
pub(crate) const PRESENCE_LEASE: Duration = Duration::from_secs(15);
/// How many subscriptions of others one step ends at most.
pub(crate) const SWEEP: usize = 1_000;
/// How many subscriptions one read lists at most.
pub(crate) const LIST: usize = 200;

/// A part of [`Log`](crate::log::Log), with its laws.
pub(crate) trait Presence {
    /// Makes `changes` as one, after it has ended what is over, and renews the lease of the holder.
    ///
    /// Changes that are made again change nothing.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; it may not be known whether they were made.
    fn attend(&self, changes: &Changes) -> impl Future<Output = Result<Attended, Unavailable>>;

    /// The subscriptions whose topics are from `first` on and before `end`, at most [`LIST`], in the order of bytes.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    fn listed(&self, first: &str, end: &str) -> impl Future<Output = Result<Listed, Unavailable>>;
}

/// A subscription as it is kept and listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The topic of its updates.
    pub(crate) topic: String,
    /// The JSON document that describes it, up to the value of its last member, `active`. It has no line break.
    pub(crate) document: String,
}

/// A subscriber that a holder has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Its id, if it is a new one.
    pub(crate) subscriber: String,
    /// What it may show to come back: a random text, new for each arrival.
    pub(crate) ticket: String,
    /// The subscriber that it says it is, and the ticket that it shows.
    pub(crate) back: Option<(String, String)>,
    /// What its subscriptions are, as a text: who comes back with others is a new subscriber.
    pub(crate) what: String,
    /// What it follows, if it is a new one.
    pub(crate) listings: Vec<Listing>,
}

/// What a holder says of its subscribers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The holder.
    pub(crate) holder: HolderId,
    /// All that it has, if that is said, those who came, who they say that they are and those who are let go included:
    /// others that the log takes for its own end.
    pub(crate) named: Option<Vec<String>>,
    /// Who came, in this order.
    pub(crate) arrivals: Vec<Arrival>,
    /// Who left.
    pub(crate) ended: Vec<String>,
    /// Whose streams were ended for them to come back.
    pub(crate) released: Vec<String>,
    /// For how long those may stay away.
    pub(crate) grace: Duration,
}

/// What comes of [`Changes`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attended {
    /// The tickets of those arrivals that have come back: as the subscribers that they say they are.
    pub(crate) back: Vec<String>,
    /// How many subscribers the holder has now.
    pub(crate) held: usize,
    /// There is more to end.
    pub(crate) more: bool,
    /// The updates that were appended: their topics in order, and where; `None` for none.
    pub(crate) appended: Option<(Vec<String>, Appended)>,
}

/// Subscriptions that are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Where the log ended.
    pub(crate) head: Position,
    /// Something is over, and has not ended yet: [`Presence::attend`] ends it.
    pub(crate) over: bool,
    /// The subscriptions.
    pub(crate) listings: Vec<Listing>,
}

impl Listing {
    /// The document of a subscription that is `active` or has ended.
    pub(crate) fn document(&self, active: bool) -> String {
        format!("{}{active}}}", self.document)
    }

    /// The update that says that it began or ended.
    #[cfg(test)]
    pub(crate) fn update(&self, active: bool) -> Record {
        let body = format!("event: mercure\ndata: {}\n\n", self.document(active));
        Record { id: None, last: false, meta: format!("p{}\n", self.topic), body }
    }
}

/// Updates of these topics, for who is to be woken.
pub(crate) fn records(topics: &[String]) -> Vec<Record> {
    let record = |topic: &String| Record { id: None, last: false, meta: format!("p{topic}\n"), body: String::new() };
    topics.iter().map(record).collect()
}
