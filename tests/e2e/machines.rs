//! Several machines with one log: hubs that share a Redis.

mod lost;
mod refused;
mod replies;
mod spread;
mod store;

use test_redis::Redis;

use crate::support::log::hub_on;
use crate::support::server::Server;

/// Two machines.
async fn two_hubs(redis: &Redis) -> [Server; 2] {
    [hub_on(redis).start().await, hub_on(redis).start().await]
}
