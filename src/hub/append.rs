//! Appends that are under way together in one instance go to the log as one: ten publishers cost one round trip.
//!
//! Whoever comes first leads: it takes what has gathered to the log and tells the others. Who leads next is the first of
//! those that came meanwhile. When the log fails, it has failed for all of them: who waits longer would only wait for the
//! next failure.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::take;
use std::rc::Rc;

use crate::hub::doorbell::{Bell, doorbell};
use crate::hub::log::{Log, Position, Record, Unavailable};

/// How many updates go to the log at once at most, if they come from more than one request.
const GROUP: usize = 4_000;
/// And how many bytes of them.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

thread_local! {
    static QUEUE: RefCell<Queue> = const { RefCell::new(Queue { led: false, waiting: VecDeque::new() }) };
}

struct Queue {
    led: bool,
    waiting: VecDeque<Rc<Waiting>>,
}

/// A request whose updates wait.
struct Waiting {
    records: RefCell<Vec<Record>>,
    /// What became of them; none yet when it is rung to lead.
    outcome: RefCell<Option<Result<Position, Unavailable>>>,
    bell: Bell,
}

/// Appends `records` as one, and returns the position of the first.
///
/// # Errors
///
/// [`Unavailable`], as [`Log::append`].
pub async fn append(log: &impl Log, mut records: Vec<Record>) -> Result<Position, Unavailable> {
    let waiting = QUEUE.with_borrow_mut(|queue| {
        if !queue.led {
            queue.led = true;
            return None;
        }
        let (bell, listener) = doorbell();
        let (records, outcome) = (RefCell::new(take(&mut records)), RefCell::default());
        let waiting = Rc::new(Waiting { records, outcome, bell });
        queue.waiting.push_back(Rc::clone(&waiting));
        Some((waiting, listener))
    });
    if let Some((waiting, mut listener)) = waiting {
        listener.rung().await;
        if let Some(outcome) = waiting.outcome.take() {
            return outcome;
        }
        records = waiting.records.take();
    }
    lead(log, records).await
}

async fn lead(log: &impl Log, mut records: Vec<Record>) -> Result<Position, Unavailable> {
    let mut followers = Vec::new();
    QUEUE.with_borrow_mut(|queue| {
        let mut bytes = size(&records);
        while let Some(next) = queue.waiting.front()
            && records.len().saturating_add(next.records.borrow().len()) <= GROUP
        {
            bytes = bytes.saturating_add(size(&next.records.borrow()));
            if bytes > GROUP_BYTES {
                break;
            }
            let at = records.len();
            records.append(&mut next.records.borrow_mut());
            followers.push((at, queue.waiting.pop_front()));
        }
    });
    let outcome = log.append(&records).await;
    if outcome.is_err() {
        let rest = QUEUE.with_borrow_mut(|queue| std::mem::take(&mut queue.waiting));
        followers.extend(rest.into_iter().map(|waiting| (0, Some(waiting))));
    }
    for (at, follower) in followers {
        let Some(follower) = follower else { continue };
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        let theirs = outcome.clone().map(|first| Position { sequence: first.sequence.saturating_add(at), ..first });
        *follower.outcome.borrow_mut() = Some(theirs);
        follower.bell.ring().await;
    }
    let next = QUEUE.with_borrow_mut(|queue| {
        let next = queue.waiting.pop_front();
        queue.led = next.is_some();
        next
    });
    if let Some(next) = next {
        next.bell.ring().await;
    }
    outcome
}

fn size(records: &[Record]) -> usize {
    records.iter().fold(0, |size, record| size.saturating_add(record.size()))
}
