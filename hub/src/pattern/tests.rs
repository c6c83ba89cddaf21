//! The whole room: cases, laws against other implementations, and the standards' own cases.
#![cfg(feature = "patterns")]

mod verbs;

mod laws;
mod limits;
mod matching;
mod regexps;
mod standard;
mod templates;
mod url;
