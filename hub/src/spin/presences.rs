//! Who is present in this instance: where streams say that they begin and end, for the task that tells the log.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use spin_sse::timer::now;

use crate::log::relay::HolderId;
use crate::presence::member::{Left, Newcomer};
use crate::presence::members::{MemberId, Members};
use crate::spin::notifier::{Listener, Notifier, notifier};
use crate::spin::store::Store;

/// How long a client takes to come back, apart from the time that it was asked to wait.
const RECONNECT: Duration = Duration::from_secs(5);

/// The subscribers of this instance.
pub(crate) struct Presences {
    /// The log as it is told of them.
    pub(crate) log: Rc<Store>,
    /// Names this instance to the log.
    holder: HolderId,
    /// How long a client is waited for.
    grace: Duration,
    /// Empty while no task tells the log.
    running: RefCell<Option<(Notifier, Members)>>,
}

/// That a client is there: when it is dropped, the client has left.
pub(crate) struct Present {
    among: Rc<Presences>,
    id: MemberId,
    /// Its client may come back as the same subscriber.
    returns: bool,
    left: Left,
}

impl Presences {
    /// Nobody is there. `holder` is a random number, and `retry` how long clients are asked to wait, half of that more
    /// at most.
    pub(crate) fn new(log: Rc<Store>, holder: HolderId, retry: Duration) -> Presences {
        let grace = retry.saturating_mul(3).checked_div(2).unwrap_or(retry).saturating_add(RECONNECT);
        Presences { log, holder, grace, running: RefCell::default() }
    }

    /// Names this instance to the log.
    pub(crate) fn holder(&self) -> HolderId {
        self.holder
    }

    /// A subscriber is there, which may come back if it `returns`. A task is to be started that tells the log, if there
    /// is none: the listener wakes it.
    pub(crate) fn join(self: &Rc<Self>, newcomer: Newcomer, returns: bool) -> (Present, Option<Listener>) {
        let mut slot = self.running.borrow_mut();
        let (id, listener) = match &mut *slot {
            Some((notifier, members)) => {
                let id = members.join(newcomer, now());
                notifier.wake();
                (id, None)
            }
            None => {
                let (notifier, listener) = notifier();
                let mut members = Members::new(self.holder, self.grace);
                let id = members.join(newcomer, now());
                *slot = Some((notifier, members));
                (id, Some(listener))
            }
        };
        (Present { among: Rc::clone(self), id, returns, left: Left::Ended }, listener)
    }

    /// The members, if a task tells the log of them. Nobody may wait while this is borrowed.
    pub(crate) fn members(&self) -> Option<RefMut<'_, Members>> {
        RefMut::filter_map(self.running.borrow_mut(), |running| running.as_mut().map(|(_, members)| members)).ok()
    }

    /// The task that tells the log ends.
    pub(crate) fn close(&self) {
        *self.running.borrow_mut() = None;
    }
}

impl Present {
    /// Its client was told how it comes back.
    pub(crate) fn released(mut self) {
        if self.returns {
            self.left = Left::Released;
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some((notifier, members)) = &mut *self.among.running.borrow_mut() {
            members.leave(self.id, self.left, now());
            notifier.wake();
        }
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Present").field("id", &self.id).finish_non_exhaustive()
    }
}
