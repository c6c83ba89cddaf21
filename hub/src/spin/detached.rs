//! Work that is finished although who waits for it may stop waiting.

use std::cell::RefCell;
use std::rc::Rc;

use crate::spin::notifier::notifier;

/// Does `work` as a future of its own, and returns what comes of it.
///
/// Other requests may wait for what `work` does for all of them. A component may drop a future of the hub at any
/// moment, as a timeout does: those others would then wait for ever.
pub(crate) async fn detached<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    let outcome = Rc::new(RefCell::new(None));
    let (notifier, mut listener) = notifier();
    wasi::spawn({
        let outcome = Rc::clone(&outcome);
        async move {
            let done = work.await;
            *outcome.borrow_mut() = Some(done);
            notifier.notify().await;
        }
    });
    loop {
        if let Some(done) = outcome.take() {
            return done;
        }
        listener.notified().await;
    }
}
