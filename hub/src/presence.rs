//! Who follows what in an instance, which is pure: who comes and leaves and the time go in, changes to the log come
//! out.
//!
//! `follows` is what a subscriber follows, `ticket` what it shows when it comes back, `member` one of them, and
//! `members` all of them, because the log is told of them together. `resource` is what can be asked of who is there.

pub(crate) mod follows;
pub(crate) mod ticket;

pub(crate) mod member;

pub(crate) mod members;

pub(crate) mod resource;

#[cfg(test)]
mod tests;
