//! Where the log begins and ends, for requests that must know it before they answer: one read for all who wait.

use std::cell::RefCell;
use std::mem::take;
use std::rc::Rc;

use crate::log::{Extent, Log, Unavailable};
use crate::spin::notifier::{Notifier, notifier};

/// The reads of one hub in one instance.
#[derive(Debug, Default)]
pub(crate) struct Extents(RefCell<Option<Vec<Rc<Waiting>>>>);

/// A request that waits for the read of another one.
#[derive(Debug)]
struct Waiting {
    outcome: RefCell<Option<Result<Extent, Unavailable>>>,
    notifier: Notifier,
}

impl Extents {
    /// Reads where the log begins and ends, or waits for a read that has begun.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], as [`Log::extent`].
    pub(crate) async fn read(&self, log: &impl Log) -> Result<Extent, Unavailable> {
        let waiting = self.0.borrow_mut().as_mut().map(|others| {
            let (notifier, listener) = notifier();
            let waiting = Rc::new(Waiting { outcome: RefCell::default(), notifier });
            others.push(Rc::clone(&waiting));
            (waiting, listener)
        });
        if let Some((waiting, mut listener)) = waiting {
            listener.notified().await;
            if let Some(outcome) = waiting.outcome.take() {
                return outcome;
            }
            return log.extent().await;
        }
        *self.0.borrow_mut() = Some(Vec::new());
        let outcome = log.extent().await;
        let others = take(&mut *self.0.borrow_mut()).unwrap_or_default();
        for other in others {
            *other.outcome.borrow_mut() = Some(outcome.clone());
            other.notifier.notify().await;
        }
        outcome
    }
}
