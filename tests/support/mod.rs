//! A server that runs a component, the log it may need, and a client that reads its streams. Every wait has a deadline.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "shared by several test binaries, each of which uses a part"
)]

pub mod client;
pub mod follower;
pub mod hub;
pub mod keys;
pub mod log;
pub mod model;
pub mod proxy;
pub mod server;
pub mod traffic;
pub mod upstream;

use std::time::Duration;

/// No test waits longer than this for anything: a hang is a failure with a name.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for `future`, but not for ever.
#[track_caller]
pub fn within<T>(what: impl Into<String>, future: impl Future<Output = T>) -> impl Future<Output = T> {
    within_time(DEADLINE, what, future)
}

/// Waits for something that takes longer than [`DEADLINE`] by design.
#[track_caller]
pub fn within_time<T>(
    time: Duration,
    what: impl Into<String>,
    future: impl Future<Output = T>,
) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    let what = what.into();
    async move {
        match tokio::time::timeout(time, future).await {
            Ok(value) => value,
            Err(_) => panic!("{place}: waited {time:?} for {what}"),
        }
    }
}

pub fn unix_time() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
