//! The adapters to Spin and WASI: requests and responses, SQLite, Redis, wake-ups, timers.

pub mod reply;

pub(crate) mod redis;
pub(crate) mod sqlite;

pub(crate) mod health;
pub(crate) mod store;

pub(crate) mod notifier;

pub(crate) mod detached;

#[cfg(feature = "keys")]
pub(crate) mod key_source;

#[cfg(feature = "subscriptions")]
pub(crate) mod presences;
#[cfg(not(feature = "subscriptions"))]
pub(crate) mod presences {
    //! Nobody is said to be present.

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Present {}

    impl Present {
        pub(crate) fn released(self) {
            match self {}
        }
    }
}

pub(crate) mod append;
pub(crate) mod door;
pub(crate) mod ends;
pub(crate) mod extents;
pub(crate) mod registry;
pub(crate) mod upstreams;
pub(crate) mod wakeups;
pub(crate) mod writes;

pub(crate) mod hub;

pub(crate) mod publication;

pub(crate) mod work;

pub(crate) mod driver;

pub(crate) mod endpoint;

pub(crate) mod relaying;

pub(crate) mod instead;

#[cfg(feature = "subscriptions")]
pub(crate) mod attending;

pub(crate) mod answer;
pub(crate) mod metadata;

pub(crate) mod relay;

pub(crate) mod refused;

pub(crate) mod latest;

pub(crate) mod publish;
pub(crate) mod subscribe;
#[cfg(feature = "subscriptions")]
pub(crate) mod subscriptions;

pub(crate) mod serve;
