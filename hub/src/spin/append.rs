//! Appends that are under way together in one instance go to the log as one: ten publishers cost one round trip.
//!
//! The first request leads: it takes all records that wait to the log, and tells the requests that they came from.
//! The first request that came meanwhile leads next. When the log fails, it has failed for all of them: a request
//! that waits longer would only wait for the next failure.
//!
//! When the log refuses updates because a topic has ended, it refuses all that went to it at once. Those requests that
//! have an update on that topic are told so, and the others go to the log again. A request that ends a topic goes last:
//! what another one has for that topic is refused by the log, not mixed up with it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::take;
use std::rc::Rc;

use crate::log::log::Appended;
use crate::log::{AppendError, Log, Position, Record, ended};
use crate::spin::notifier::{Notifier, notifier};

/// How many updates go to the log at once at most, if they come from more than one request.
const GROUP: usize = 4_000;
/// How many bytes of updates and their topics go to the log at once at most, likewise. There are several copies of them
/// on the way.
const GROUP_BYTES: usize = 1024 * 1024;

/// The position of the first record of a request, or why there is none.
type Outcome = Result<Position, AppendError>;

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
    outcome: RefCell<Option<Outcome>>,
    notifier: Notifier,
}

impl Appends {
    /// Appends `records` as one, and returns the position of the first. `announce` is told what went to the log at
    /// once.
    ///
    /// # Errors
    ///
    /// [`AppendError`], as [`Log::append`].
    pub(crate) async fn append(
        &self,
        log: &impl Log,
        mut records: Vec<Record>,
        announce: impl AsyncFnOnce(&[Record], &Appended),
    ) -> Outcome {
        // This is the fault of the request alone.
        ended::check(&records)?;
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
    ) -> Outcome {
        let mut parts = self.gather(&mut records);
        let mut own = None;
        let appended = loop {
            let result = log.append(&records).await;
            let Err(AppendError::Ended(topic)) = &result else { break result };
            let refused = take_refused(&mut records, &mut parts, topic);
            let nobody_is = refused.is_empty();
            for part in refused {
                part.tell(Err(AppendError::Ended(topic.clone())), &mut own).await;
            }
            if nobody_is || parts.is_empty() {
                break result;
            }
        };
        let outcome = appended.as_ref().map(|appended| appended.first.clone()).map_err(Clone::clone);
        if let Err(AppendError::Unavailable(_)) = outcome {
            let rest = take(&mut self.0.borrow_mut().waiting);
            parts.extend(rest.into_iter().map(|waiting| Part { count: 0, whose: Some(waiting) }));
        }
        let mut at = 0_u64;
        for part in parts {
            let theirs = outcome.clone().map(|first| Position { sequence: first.sequence.saturating_add(at), ..first });
            at = at.saturating_add(u64::try_from(part.count).unwrap_or(u64::MAX));
            part.tell(theirs, &mut own).await;
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
        own.unwrap_or(outcome)
    }

    /// Moves the records that wait behind `records`, as many as go at once. Returns whose all of them are, in order.
    fn gather(&self, records: &mut Vec<Record>) -> Vec<Part> {
        let mut queue = self.0.borrow_mut();
        let mut parts = vec![Part { count: records.len(), whose: None }];
        let mut bytes = size(records);
        let mut ends_topics = has_last(records);
        while let Some(next) = queue.waiting.front()
            && !ends_topics
            && records.len().saturating_add(next.records.borrow().len()) <= GROUP
        {
            bytes = bytes.saturating_add(size(&next.records.borrow()));
            if bytes > GROUP_BYTES {
                break;
            }
            let mut theirs = next.records.take();
            ends_topics = has_last(&theirs);
            parts.push(Part { count: theirs.len(), whose: queue.waiting.pop_front() });
            records.append(&mut theirs);
        }
        parts
    }
}

/// The records of a request among those that go to the log at once.
#[derive(Debug)]
struct Part {
    count: usize,
    /// `None` for the request that leads.
    whose: Option<Rc<Waiting>>,
}

impl Part {
    /// Tells the request what became of its records, which is `own` for the one that leads.
    async fn tell(self, outcome: Outcome, own: &mut Option<Outcome>) {
        match self.whose {
            Some(waiting) => {
                *waiting.outcome.borrow_mut() = Some(outcome);
                waiting.notifier.notify().await;
            }
            None => *own = Some(outcome),
        }
    }
}

/// Takes those parts of `records` that have an update on `topic`.
fn take_refused(records: &mut Vec<Record>, parts: &mut Vec<Part>, topic: &str) -> Vec<Part> {
    let mut refused = Vec::new();
    let mut all = take(records).into_iter();
    for part in take(parts) {
        let theirs: Vec<Record> = all.by_ref().take(part.count).collect();
        if theirs.iter().flat_map(Record::topics).any(|about| about == topic) {
            refused.push(part);
        } else {
            records.extend(theirs);
            parts.push(part);
        }
    }
    refused
}

fn has_last(records: &[Record]) -> bool {
    records.iter().any(|record| record.last)
}

fn size(records: &[Record]) -> usize {
    let size = |record: &Record| record.size().saturating_add(record.meta.len());
    records.iter().map(size).fold(0, usize::saturating_add)
}
