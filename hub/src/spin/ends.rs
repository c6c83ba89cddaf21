//! Which topics have ended, for requests that must know it before they answer: one read for all who wait.
//!
//! The first request leads: it asks for its own topics. Those that come meanwhile ask together afterwards, for the
//! topics of all of them.

use std::cell::RefCell;
use std::mem::take;
use std::rc::Rc;

use crate::log::{Ended, Log, Unavailable};
use crate::spin::notifier::{Notifier, notifier};

/// How many topics one read is for at most, if they come from more than one request.
const TOPICS: usize = 1_000;

/// The reads of one hub in one instance.
#[derive(Debug, Default)]
pub(crate) struct Ends(RefCell<Queue>);

#[derive(Debug, Default)]
struct Queue {
    /// A request asks the log.
    led: bool,
    waiting: Vec<Rc<Waiting>>,
}

/// A request that waits.
#[derive(Debug)]
struct Waiting {
    topics: Vec<Rc<str>>,
    /// What the log answered. None when the request is notified: it leads then.
    outcome: RefCell<Option<Result<Rc<Ended>, Unavailable>>>,
    notifier: Notifier,
}

impl Ends {
    /// Which of these topics have ended, perhaps among others.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], as [`Log::ended`].
    pub(crate) async fn read(&self, log: &impl Log, mut topics: Vec<Rc<str>>) -> Result<Rc<Ended>, Unavailable> {
        let waiting = {
            let mut queue = self.0.borrow_mut();
            if queue.led {
                let (notifier, listener) = notifier();
                let waiting = Rc::new(Waiting { topics: take(&mut topics), outcome: RefCell::default(), notifier });
                queue.waiting.push(Rc::clone(&waiting));
                Some((waiting, listener))
            } else {
                queue.led = true;
                None
            }
        };
        let mut others = Vec::new();
        if let Some((waiting, mut listener)) = waiting {
            listener.notified().await;
            if let Some(outcome) = waiting.outcome.take() {
                return outcome;
            }
            topics.clone_from(&waiting.topics);
            others = self.gather(&mut topics);
        }
        let outcome = log.ended(&topics).await.map(Rc::new);
        for other in others {
            *other.outcome.borrow_mut() = Some(outcome.clone());
            other.notifier.notify().await;
        }
        let next = {
            let mut queue = self.0.borrow_mut();
            queue.led = !queue.waiting.is_empty();
            if queue.led { Some(queue.waiting.remove(0)) } else { None }
        };
        if let Some(next) = next {
            next.notifier.notify().await;
        }
        outcome
    }

    /// Adds the topics of those who wait, as many as are asked for at once.
    fn gather(&self, topics: &mut Vec<Rc<str>>) -> Vec<Rc<Waiting>> {
        let mut queue = self.0.borrow_mut();
        let (mut asked, mut others) = (Vec::new(), take(&mut queue.waiting));
        others.retain(|other| {
            let has_room = topics.len().saturating_add(other.topics.len()) <= TOPICS;
            if has_room {
                topics.extend(other.topics.iter().cloned());
                asked.push(Rc::clone(other));
            }
            !has_room
        });
        queue.waiting = others;
        asked
    }
}
