//! Appends that are under way together in one instance go to the log as one: ten publishers cost one round trip.
//!
//! The first request leads: it takes all records that wait to the log, and tells the requests that they came from.
//! The first request that came meanwhile leads next. When the log fails, it has failed for all of them: a request
//! that waits longer would only wait for the next failure.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::take;
use std::rc::Rc;

use crate::log::log::Appended;
use crate::log::{Log, Position, Record, Unavailable};
use crate::spin::notifier::{Notifier, notifier};

/// How many updates go to the log at once at most, if they come from more than one request.
const GROUP: usize = 4_000;
/// How many bytes of updates go to the log at once at most, likewise.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// The appends of one hub in one instance.
#[derive(Debug, Default)]
pub(crate) struct Appends(RefCell<Queue>);

#[derive(Debug, Default)]
struct Queue {
    /// A request takes records to the log.
    led: bool,
    waiting: VecDeque<Rc<Waiting>>,
}

/// A request whose records wait.
#[derive(Debug)]
struct Waiting {
    records: RefCell<Vec<Record>>,
    /// What became of the records. None when the request is notified: it leads then.
    outcome: RefCell<Option<Result<Position, Unavailable>>>,
    notifier: Notifier,
}

impl Appends {
    /// Appends `records` as one, and returns the position of the first. `announce` is told what went to the log at
    /// once.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], as [`Log::append`].
    pub(crate) async fn append(
        &self,
        log: &impl Log,
        mut records: Vec<Record>,
        announce: impl AsyncFnOnce(&[Record], &Appended),
    ) -> Result<Position, Unavailable> {
        let waiting = {
            let mut queue = self.0.borrow_mut();
            if queue.led {
                let (notifier, listener) = notifier();
                let (records, outcome) = (RefCell::new(take(&mut records)), RefCell::default());
                let waiting = Rc::new(Waiting { records, outcome, notifier });
                queue.waiting.push_back(Rc::clone(&waiting));
                Some((waiting, listener))
            } else {
                queue.led = true;
                None
            }
        };
        if let Some((waiting, mut listener)) = waiting {
            listener.notified().await;
            if let Some(outcome) = waiting.outcome.take() {
                return outcome;
            }
            records = waiting.records.take();
        }
        self.lead(log, records, announce).await
    }

    async fn lead(
        &self,
        log: &impl Log,
        mut records: Vec<Record>,
        announce: impl AsyncFnOnce(&[Record], &Appended),
    ) -> Result<Position, Unavailable> {
        let mut followers = self.gather(&mut records);
        let appended = log.append(&records).await;
        let outcome = appended.as_ref().map(|appended| appended.first.clone()).map_err(Clone::clone);
        if outcome.is_err() {
            let rest = take(&mut self.0.borrow_mut().waiting);
            followers.extend(rest.into_iter().map(|waiting| (0, waiting)));
        }
        for (at, follower) in followers {
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            let theirs = outcome.clone().map(|first| Position { sequence: first.sequence.saturating_add(at), ..first });
            *follower.outcome.borrow_mut() = Some(theirs);
            follower.notifier.notify().await;
        }
        let next = {
            let mut queue = self.0.borrow_mut();
            let next = queue.waiting.pop_front();
            queue.led = next.is_some();
            next
        };
        if let Some(next) = next {
            next.notifier.notify().await;
        }
        if let Ok(appended) = &appended {
            announce(&records, appended).await;
        }
        outcome
    }

    /// Moves the records that wait behind `records`, as many as go at once. Returns whose they are, and where they
    /// stand.
    fn gather(&self, records: &mut Vec<Record>) -> Vec<(usize, Rc<Waiting>)> {
        let mut queue = self.0.borrow_mut();
        let mut followers = Vec::new();
        let mut bytes = size(records);
        while let Some(next) = queue.waiting.front()
            && records.len().saturating_add(next.records.borrow().len()) <= GROUP
        {
            bytes = bytes.saturating_add(size(&next.records.borrow()));
            if bytes > GROUP_BYTES {
                break;
            }
            let at = records.len();
            records.append(&mut next.records.borrow_mut());
            followers.extend(queue.waiting.pop_front().map(|waiting| (at, waiting)));
        }
        followers
    }
}

fn size(records: &[Record]) -> usize {
    records.iter().fold(0, |size, record| size.saturating_add(record.size()))
}
