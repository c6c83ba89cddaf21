//! The whole room: against other implementations, and against the standards' own cases.

mod standard;
mod url;
