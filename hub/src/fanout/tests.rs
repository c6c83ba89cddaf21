//! The dispatcher against a log in memory: scenarios that stop at any step, and laws for random sequences of events.

mod costs;
mod ending;
mod gathering;
mod laws;
mod patterns;
mod scenarios;
mod stage;
