//! The hub: what the requests of an instance share.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use spin_sdk::variables;
use spin_sse::report;

#[cfg(feature = "keys")]
use crate::access::{keys::Keys, tokens::Tokens};
use crate::config::Config;
use crate::spin::append::Appends;
use crate::spin::door::Door;
use crate::spin::ends::Ends;
use crate::spin::extents::Extents;
use crate::spin::health::Health;
#[cfg(feature = "keys")]
use crate::spin::key_source::KeySource;
#[cfg(feature = "subscriptions")]
use crate::spin::presences::Presences;
use crate::spin::registry::Registry;
use crate::spin::store::Store;
use crate::spin::upstreams::Upstreams;
use crate::spin::wakeups::Wakeups;

/// The one variable of the component that the hub reads. It holds all settings, because each read of a variable crosses
/// from the component to the host.
const SETTINGS: &str = "settings";

thread_local! {
    /// The hub of this instance, once its variable was read.
    static HUB: RefCell<Option<Hub>> = const { RefCell::new(None) };
}

/// A hub, as one instance of a component has it. Clones are the same hub.
///
/// All requests of an instance must share one: its sessions share one dispatcher, and its publishers one connection.
/// [`Hub::from_variables`] sees to that; a hub that is made by [`Hub::new`] is kept in a `thread_local`.
#[derive(Clone)]
pub struct Hub(Rc<Shared>);

/// What all clones of a hub share.
#[doc(hidden)]
pub struct Shared {
    pub(crate) config: Config,
    /// For appends, and nothing else: what an append has done is asked on its connection.
    pub(crate) writing: Rc<Store>,
    /// For everything else.
    pub(crate) reading: Rc<Store>,
    pub(crate) write_health: Health,
    pub(crate) read_health: Health,
    pub(crate) appends: Appends,
    pub(crate) registry: Registry,
    pub(crate) extents: Extents,
    pub(crate) ends: Ends,
    pub(crate) upstreams: Upstreams,
    #[cfg(feature = "subscriptions")]
    pub(crate) presences: Rc<Presences>,
    pub(crate) wakeups: Rc<Wakeups>,
    pub(crate) door: Door,
    /// Where the keys of publishers and of subscribers are, if not in the configuration.
    #[cfg(feature = "keys")]
    pub(crate) key_sources: [Option<Rc<KeySource>>; 2],
}

#[doc(hidden)]
impl Deref for Hub {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Hub {
    /// The instance's hub, as the component's variable `settings` has it: see [`Config::from_settings`]. The first
    /// request of an instance reads the variable. All calls in an instance return the same hub.
    ///
    /// # Errors
    ///
    /// One sentence that names the setting and says what it takes, which is also written to standard error. The
    /// variable is read again at the next call.
    pub async fn from_variables() -> Result<Hub, String> {
        if let Some(hub) = HUB.with_borrow(Clone::clone) {
            return Ok(hub);
        }
        let settings = variables::get(SETTINGS).await.map_err(|error| {
            format!(
                "the component's variable settings cannot be read: give it to the component, if only as \"\": {error}"
            )
        });
        let config = settings.and_then(|settings| Config::from_settings(&settings));
        let config = config.inspect_err(|error| report(format_args!("{error}")))?;
        // Another request may have been as early: all must share one.
        Ok(HUB.with_borrow_mut(|hub| hub.get_or_insert_with(|| Hub::new(config)).clone()))
    }

    /// A hub with this configuration. It connects to its log when it first needs the log. One line says that the
    /// instance has begun; it is written when the request in which this is called has been answered.
    pub fn new(config: Config) -> Hub {
        wasi::spawn(async { report(format_args!("hub: instance started")) });
        let (writing, reading) = Store::open(&config);
        #[cfg(feature = "subscriptions")]
        let presences = Presences::new(
            Store::attending(&config, &reading),
            wasi::random::insecure::get_insecure_random_u64(),
            config.retry,
        );
        Hub(Rc::new(Shared {
            #[cfg(feature = "keys")]
            key_sources: key_sources(&config.tokens),
            config,
            writing,
            reading,
            write_health: Health::of_writing(),
            read_health: Health::of_reading(),
            appends: Appends::default(),
            registry: Registry::default(),
            extents: Extents::default(),
            ends: Ends::default(),
            upstreams: Upstreams::new(wasi::random::insecure::get_insecure_random_u64()),
            #[cfg(feature = "subscriptions")]
            presences: Rc::new(presences),
            wakeups: Rc::default(),
            door: Door::default(),
        }))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// One set for both, if it is at one URL.
#[cfg(feature = "keys")]
fn key_sources(tokens: &Tokens) -> [Option<Rc<KeySource>>; 2] {
    let source = |keys: &Keys| keys.url.clone().map(KeySource::new).map(Rc::new);
    let publishers = source(&tokens.publishers);
    let is_one = tokens.publishers.url == tokens.subscribers.url;
    [publishers.clone(), if is_one { publishers } else { source(&tokens.subscribers) }]
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("config", &self.config).finish_non_exhaustive()
    }
}
