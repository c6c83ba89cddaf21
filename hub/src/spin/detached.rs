//! Work that is finished although who waits for it may stop waiting.

use std::cell::Cell;
use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;

use crate::spin::notifier::notifier;

/// Does `work` as a future of its own, and returns what comes of it.
///
/// Other requests may wait for what `work` does for all of them. A component may drop a future of the hub at any
/// moment, as a timeout does: those others would then wait for ever.
pub(crate) async fn detached<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    let outcome = Rc::new(Cell::new(None));
    let outcome_of_work = Rc::clone(&outcome);
    run(Box::pin(async move { outcome_of_work.set(Some(work.await)) })).await;
    match outcome.take() {
        Some(done) => done,
        None => pending().await,
    }
}

/// Not generic, so that the component has it once.
async fn run(work: Pin<Box<dyn Future<Output = ()>>>) {
    let is_done = Rc::new(Cell::new(false));
    let (notifier, mut listener) = notifier();
    wasi::spawn({
        let is_done = Rc::clone(&is_done);
        async move {
            work.await;
            is_done.set(true);
            notifier.notify().await;
        }
    });
    while !is_done.get() {
        listener.notified().await;
    }
}
