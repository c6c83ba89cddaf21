//! What a hub keeps its log in.

use std::convert::Infallible;
use std::time::Duration;

use tempfile::TempDir;
use test_redis::Redis;

use super::hub::{SECRET, hub_with_key};
use super::server::{Setup, chat, hub_component};
use super::within;

/// A log of a test's own. Hubs that use it one after the other, or with Redis at once, have it in common.
pub enum Log {
    Sqlite(TempDir),
    Redis(Box<Redis>),
}

impl Log {
    pub fn sqlite() -> Log {
        Log::Sqlite(tempfile::tempdir().unwrap())
    }

    pub fn redis() -> Log {
        Log::Redis(Box::new(Redis::start()))
    }

    /// The edge function with a key and this log.
    pub fn hub(&self) -> Setup {
        self.under(hub_with_key())
    }

    /// The component of `tests/hub-component` with a key and this log.
    pub fn component(&self) -> Setup {
        self.under(hub_component().variable("jwt_secret", SECRET))
    }

    fn under(&self, setup: Setup) -> Setup {
        match self {
            Log::Sqlite(directory) => setup.state(directory.path()),
            Log::Redis(redis) => on(redis, setup),
        }
    }

    /// The chat of `examples/chat` with this log.
    pub fn chat(&self) -> Setup {
        match self {
            Log::Sqlite(directory) => chat().state(directory.path()),
            Log::Redis(redis) => chat().variable("log", redis.url()).variable("log_host", redis.host()),
        }
    }

    /// Makes it fail until it is mended.
    pub fn fail(&mut self) {
        match self {
            Log::Sqlite(directory) => alter(directory, "epoch TO away"),
            Log::Redis(redis) => redis.kill(),
        }
    }

    pub fn mend(&mut self) {
        match self {
            Log::Sqlite(directory) => alter(directory, "away TO epoch"),
            Log::Redis(redis) => redis.restart(),
        }
    }

    /// Makes it forget whom to wake, again and again. `forgotten` says how many it has forgotten.
    pub async fn forget_listeners(&self, mut forgotten: impl FnMut(usize)) -> Infallible {
        loop {
            forgotten(match self {
                Log::Sqlite(directory) => delete_listeners(directory),
                Log::Redis(redis) => redis.command(&["EVAL", DELETE_LISTENERS, "0"]).parse().unwrap(),
            });
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes the leases of all relays run out.
    pub fn expire_relays(&self) {
        match self {
            Log::Sqlite(directory) => {
                let database = rusqlite::Connection::open(directory.path().join("sqlite_db.db")).unwrap();
                database.execute("UPDATE relays SET lease = 1", []).unwrap();
            }
            Log::Redis(redis) => drop(redis.command(&["EVAL", EXPIRE_RELAYS, "0"])),
        }
    }

    /// Makes it forget all relays.
    pub fn forget_relays(&self) {
        match self {
            Log::Sqlite(directory) => database(directory).execute_batch("DELETE FROM relays").unwrap(),
            Log::Redis(redis) => drop(redis.command(&["DEL", "{sse:updates}:relays", "{sse:updates}:left"])),
        }
    }

    /// Makes the leases of all who hold subscribers run out.
    pub fn expire_subscriptions(&self) {
        match self {
            Log::Sqlite(directory) => database(directory).execute_batch("UPDATE holders SET lease = 1").unwrap(),
            Log::Redis(redis) => drop(redis.command(&["EVAL", EXPIRE_SUBSCRIPTIONS, "0"])),
        }
    }

    /// How many subscribers and holders of some it has.
    pub fn subscriptions(&self) -> usize {
        match self {
            Log::Sqlite(directory) => {
                let query = "SELECT (SELECT count(*) FROM subscriptions) + (SELECT count(*) FROM holders)";
                database(directory).query_row(query, [], |row| row.get(0)).unwrap()
            }
            Log::Redis(redis) => {
                let keys = ["subscribers", "subscriptions", "leases"].map(|key| format!("{{sse:updates}}:{key}"));
                let keys: Vec<_> = ["EXISTS"].into_iter().chain(keys.iter().map(String::as_str)).collect();
                redis.command(&keys).parse().unwrap()
            }
        }
    }

    /// Which instances have registered, and how many streams each has.
    pub fn listeners(&self) -> Vec<(u64, usize)> {
        let listeners = match self {
            Log::Sqlite(directory) => listeners(directory).unwrap_or_default(),
            Log::Redis(redis) => redis.command(&["EVAL", LISTENERS, "0"]),
        };
        let pair =
            |line: &str| line.split_once(' ').map(|(id, streams)| (id.parse().unwrap(), streams.parse().unwrap()));
        listeners.split_terminator('\n').filter_map(pair).collect()
    }

    /// Waits until they are so.
    pub async fn has_listeners(&self, what: &str, mut are: impl FnMut(&[(u64, usize)]) -> bool) {
        within(what, async {
            while !are(&self.listeners()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// Decides that all instances end their streams, without waking them.
    pub fn tell_all_to_gather(&self) {
        match self {
            Log::Sqlite(directory) => database(directory).execute_batch(GATHER).unwrap(),
            Log::Redis(redis) => drop(redis.command(&["EVAL", REDIS_GATHER, "0"])),
        }
    }

    /// Makes it forget everything, while no hub runs.
    pub fn forget(&mut self) {
        match self {
            Log::Sqlite(directory) => *directory = tempfile::tempdir().unwrap(),
            Log::Redis(redis) => redis.flush(),
        }
    }
}

const DELETE_LISTENERS: &str = "
    for _, key in ipairs(redis.call('KEYS', '{sse:updates}:w:*')) do redis.call('DEL', key) end
    local listeners = redis.call('HLEN', '{sse:updates}:listeners')
    redis.call('DEL', '{sse:updates}:listeners')
    return listeners";

const EXPIRE_RELAYS: &str = "
    for _, topic in ipairs(redis.call('HKEYS', '{sse:updates}:relays')) do
        redis.call('HSET', '{sse:updates}:relays', topic, '1 1')
    end
    return 0";
const EXPIRE_SUBSCRIPTIONS: &str = "
    for _, holder in ipairs(redis.call('ZRANGE', '{sse:updates}:leases', 0, -1)) do
        redis.call('ZADD', '{sse:updates}:leases', 1, holder)
    end
    return 0";
const LISTENERS: &str = "
    local lines, all = '', redis.call('HGETALL', '{sse:updates}:listeners')
    for at = 1, #all, 2 do lines = lines .. all[at] .. ' ' .. string.match(all[at + 1], '^%d+ (%d+)') .. '\\n' end
    return lines";

const GATHER: &str = "BEGIN;
    UPDATE hub SET drained_at = CAST(unixepoch('subsec') * 1000 AS INTEGER);
    UPDATE listeners SET drains = 1;
    COMMIT";

const REDIS_GATHER: &str = "
    local listeners, time = '{sse:updates}:listeners', redis.call('TIME')
    local all = redis.call('HGETALL', listeners)
    for at = 1, #all, 2 do
        redis.call('HSET', listeners, all[at], (string.gsub(all[at + 1], '^(%d+ %d+) 0', '%1 1')))
    end
    redis.call('HSET', '{sse:updates}:hub', 'drained', time[1] .. '000')
    return ''";

fn database(directory: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.path().join("sqlite_db.db")).unwrap()
}

/// One a line. There may be no table yet.
fn listeners(directory: &TempDir) -> rusqlite::Result<String> {
    let lines = "SELECT coalesce(group_concat(listener || ' ' || streams, char(10)), '') FROM listeners";
    database(directory).query_row(lines, [], |row| row.get(0))
}

/// How many there were. While a hub writes, there is nothing to wait for: the next attempt follows.
fn delete_listeners(directory: &TempDir) -> usize {
    let Ok(database) = rusqlite::Connection::open(directory.path().join("sqlite_db.db")) else { return 0 };
    database.busy_timeout(Duration::ZERO).unwrap();
    database.execute("DELETE FROM listeners", []).unwrap_or(0)
}

fn alter(directory: &TempDir, columns: &str) {
    let database = rusqlite::Connection::open(directory.path().join("sqlite_db.db")).unwrap();
    database.execute(&format!("ALTER TABLE hub RENAME COLUMN {columns}"), []).unwrap();
}

/// The edge function with a key and its log in `redis`.
pub fn hub_on(redis: &Redis) -> Setup {
    on(redis, hub_with_key())
}

fn on(redis: &Redis, setup: Setup) -> Setup {
    setup.variable("log", redis.url()).variable("log_host", redis.host())
}
