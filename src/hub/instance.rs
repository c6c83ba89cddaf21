//! What the requests of one instance share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::hub::log::Unavailable;
use crate::hub::log::sqlite::{SpinDefault, SqliteLog};
use crate::settings::Settings;

thread_local! {
    static SHARED: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// The settings, and the log.
#[derive(Clone)]
pub struct Shared {
    /// Whether the log failed when a request last used it: that is said once, not each time.
    pub failing: Rc<Cell<bool>>,
    /// Read by the instance's first request.
    pub settings: Rc<Settings>,
    /// For appends, on a connection of its own: reads do not wait for them.
    pub writing: Rc<SqliteLog<SpinDefault>>,
    /// For everything else.
    pub reading: Rc<SqliteLog<SpinDefault>>,
}

impl Shared {
    /// Notes how a request fared with the log, and says so when that is new.
    pub fn note<T>(&self, result: &Result<T, Unavailable>) {
        match result {
            Ok(_) => self.failing.set(false),
            Err(error) if !self.failing.replace(true) => eprintln!("hub: {error}; publishers are told to wait"),
            Err(_) => {}
        }
    }
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
    let log = || Rc::new(SqliteLog::new(SpinDefault, settings.retention));
    let shared = Shared { writing: log(), reading: log(), failing: Rc::default(), settings };
    SHARED.set(Some(shared.clone()));
    Ok(shared)
}
