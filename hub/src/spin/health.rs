//! Whether the log works, as those see it who run the hub: a line when it stops to, and a line when it does again.

use std::borrow::Borrow;
use std::cell::Cell;

use spin_sse::report;

use crate::log::{AppendError, Unavailable};

/// One side of the log in one instance.
#[derive(Debug)]
pub(crate) struct Health {
    done: &'static str,
    consequence: &'static str,
    failing: Cell<bool>,
}

impl Health {
    /// Of reading.
    pub(crate) const fn of_reading() -> Self {
        let consequence = "streams stay open and go on when it is back";
        Health { done: "read", consequence, failing: Cell::new(false) }
    }

    /// Of writing.
    pub(crate) const fn of_writing() -> Self {
        Health { done: "written", consequence: "publishers are told to wait", failing: Cell::new(false) }
    }

    /// Notes how an append went, and says so when that is new.
    pub(crate) fn note_append<T>(&self, result: &Result<T, AppendError>) {
        self.note(&match result {
            Err(AppendError::Unavailable(error)) => Err(error),
            // A log that refuses works.
            Ok(_) | Err(AppendError::Ended(_)) => Ok(()),
        });
    }

    /// Notes how an operation went, and says so when that is new.
    pub(crate) fn note<T>(&self, result: &Result<T, impl Borrow<Unavailable>>) {
        self.note_error(result.as_ref().err().map(Borrow::borrow));
    }

    /// Apart from [`Health::note`], which the compiler makes anew for each type of result.
    fn note_error(&self, error: Option<&Unavailable>) {
        let (done, consequence) = (self.done, self.consequence);
        match error {
            None if self.failing.replace(false) => report(format_args!("hub: the log can be {done} again")),
            Some(error) if !self.failing.replace(true) => {
                report(format_args!("hub: the log cannot be {done}: {error}; {consequence}"));
            }
            _ => {}
        }
    }
}
