//! The hub: what the requests of an instance share.

use std::rc::Rc;

use spin_sse::report;

use crate::config::Config;
use crate::spin::append::Appends;
use crate::spin::extents::Extents;
use crate::spin::health::Health;
use crate::spin::registry::Registry;
use crate::spin::store::Store;
use crate::spin::wakeups::Wakeups;

/// A hub, as one instance of a component has it. Clones are the same hub.
///
/// All requests of an instance must share one: its sessions share one dispatcher, and its publishers one connection.
#[derive(Clone)]
pub struct Hub {
    pub(crate) config: Rc<Config>,
    /// For appends.
    pub(crate) writing: Rc<Store>,
    /// For everything else.
    pub(crate) reading: Rc<Store>,
    pub(crate) write_health: Rc<Health>,
    pub(crate) read_health: Rc<Health>,
    pub(crate) appends: Rc<Appends>,
    pub(crate) registry: Rc<Registry>,
    pub(crate) extents: Rc<Extents>,
    pub(crate) wakeups: Rc<Wakeups>,
}

impl Hub {
    /// A hub with this configuration. It connects to its log when it first needs the log. One line says that the
    /// instance has begun; it is written when the request in which this is called has been answered.
    pub fn new(config: Config) -> Hub {
        wasi::spawn(async { report(format_args!("hub: instance started")) });
        let (writing, reading) = Store::open(&config);
        Hub {
            config: Rc::new(config),
            writing,
            reading,
            write_health: Rc::new(Health::of_writing()),
            read_health: Rc::new(Health::of_reading()),
            appends: Rc::default(),
            registry: Rc::default(),
            extents: Rc::default(),
            wakeups: Rc::default(),
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("config", &self.config).finish_non_exhaustive()
    }
}
