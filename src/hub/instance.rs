//! What the requests of one instance share.

use std::cell::RefCell;
use std::rc::Rc;

use crate::hub::health::Health;
use crate::hub::store::Store;
use crate::settings::Settings;

thread_local! {
    static SHARED: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// The settings, and the log.
#[derive(Clone)]
pub struct Shared {
    /// Read by the instance's first request.
    pub settings: Rc<Settings>,
    /// For appends.
    pub writing: Rc<Store>,
    /// For everything else.
    pub reading: Rc<Store>,
    /// Whether appends succeed.
    pub writes: Rc<Health>,
    /// Whether reads succeed.
    pub reads: Rc<Health>,
}

/// What this instance shares.
///
/// # Errors
///
/// One sentence about a variable that cannot be understood; it is looked at again by the next request.
pub async fn shared() -> anyhow::Result<Shared> {
    if let Some(shared) = SHARED.with_borrow(Clone::clone) {
        return Ok(shared);
    }
    let settings = Rc::new(Settings::read().await?);
    // Another request may have been as early: all must share one.
    Ok(SHARED.with_borrow_mut(|shared| {
        let shared = shared.get_or_insert_with(|| {
            let (writing, reading) = Store::open(&settings);
            let (writes, reads) = (Rc::new(Health::of_writing()), Rc::new(Health::of_reading()));
            Shared { settings, writing, reading, writes, reads }
        });
        shared.clone()
    }))
}
