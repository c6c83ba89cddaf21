//! How the requests of an instance reach its tail.

use std::cell::RefCell;
use std::mem::take;
use std::rc::Rc;
use std::time::Duration;

use spin_sse::Writer;
use spin_sse::timer::Instant;

use crate::hub::doorbell::{Bell, doorbell};
use crate::hub::health::Health;
use crate::hub::log::Log;
use crate::hub::subscriber::Subscriber;
use crate::hub::tail::Tail;

/// An open stream, and the subscriber behind it.
pub struct Session {
    /// Who is written to.
    pub subscriber: Subscriber,
    /// What goes out before anything else.
    pub preamble: Vec<u8>,
    /// The stream's body.
    pub writer: Writer,
    /// When the stream must end: its time budget, or its token's last moment.
    pub deadline: Instant,
}

thread_local! {
    static DOOR: RefCell<Option<Door>> = const { RefCell::new(None) };
}

/// The door of a tail that runs.
struct Door {
    bell: Bell,
    joining: Vec<Session>,
    news: bool,
}

/// Hands a session to this instance's tail; starts one, in this request's task, where there is none.
pub async fn join<L: Log + 'static>(session: Session, log: Rc<L>, poll: Duration, health: Rc<Health>) {
    let running = DOOR.with_borrow_mut(|door| {
        let running = door.is_some();
        let door = door.get_or_insert_with(|| {
            let (bell, listener) = doorbell();
            wasi::spawn(Tail::new(log, poll, health, listener, session.subscriber.position()).run());
            Door { bell, joining: Vec::new(), news: false }
        });
        door.joining.push(session);
        running.then(|| door.bell.clone())
    });
    if let Some(bell) = running {
        bell.ring().await;
    }
}

/// Tells this instance's tail, if there is one, that something was published.
pub async fn nudge() {
    let bell = DOOR.with_borrow_mut(|door| {
        let door = door.as_mut()?;
        door.news = true;
        Some(door.bell.clone())
    });
    if let Some(bell) = bell {
        bell.ring().await;
    }
}

/// What has come in since the tail last looked: those who join, and whether there is news.
pub fn look() -> (Vec<Session>, bool) {
    DOOR.with_borrow_mut(|door| {
        door.as_mut().map_or((Vec::new(), false), |door| (take(&mut door.joining), take(&mut door.news)))
    })
}

/// The tail ends, and looked just now: no other task has run since, so nobody has joined.
pub fn close() {
    DOOR.with_borrow_mut(|door| *door = None);
}
