//! Whether this instance takes requests.

use std::cell::Cell;

use wasi::wit_bindgen::rt::async_support::{backpressure_dec, backpressure_inc};

/// The door through which the host gives this instance requests.
#[derive(Debug, Default)]
pub(crate) struct Door {
    closed: Cell<bool>,
}

impl Door {
    /// No more requests come.
    pub(crate) fn close(&self) {
        if !self.closed.replace(true) {
            backpressure_inc();
        }
    }

    /// Requests come again.
    pub(crate) fn open(&self) {
        if self.closed.replace(false) {
            backpressure_dec();
        }
    }
}
