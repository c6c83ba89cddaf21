//! A hub for Server-Sent Events, as a library for [Spin](https://spinframework.dev) components.
//!
//! Publishers `POST` updates to topics, subscribers hold a stream. A client that comes back with its last event id gets
//! exactly what it missed. The hub speaks the core of the [Mercure protocol](https://mercure.rocks/spec), and keeps its
//! history in Spin's SQLite, or in Redis for any number of machines.
//!
//! A component mounts a hub under any path:
//!
//! ```no_run
//! # #[cfg(feature = "spin")]
//! # mod example {
//! use spin_sdk::http::{IntoResponse, Request};
//! use spin_sse_hub::{Config, Hub, Secret};
//!
//! thread_local! {
//!     static HUB: Hub = {
//!         let secret = Secret::new(b"a text of at least 32 random bytes");
//!         Hub::new(Config { secret, ..Config::default() })
//!     };
//! }
//!
//! # /*
//! #[http_service]
//! # */
//! async fn serve(request: Request) -> impl IntoResponse {
//!     HUB.with(Clone::clone).serve(request).await
//! }
//! # }
//! ```
//!
//! In the component's `spin.toml`: `sqlite_databases = ["default"]`, and for Redis its host in
//! `allowed_outbound_hosts`.
//!
//! # Tokens
//!
//! What a publisher may do is in a JSON Web Token, signed with the hub's [`Secret`]:
//!
//! ```
//! use spin_sse_hub::{Grant, Secret, Selector, sign, verify};
//!
//! let secret = Secret::new(b"a text of at least 32 random bytes").ok_or("an empty secret")?;
//! let grant = Grant { publish: Selector::new(["demo".to_owned()])?, subscribe: Selector::none(), expires: None };
//! let token = sign(&grant, &secret, 1_700_000_000);
//! assert_eq!(verify(&token, &secret, 1_700_000_001)?, grant);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Scope
//!
//! In: publishing, subscribing, resuming, authorization, the history in SQLite or Redis, and the fan-out to the
//! streams of an instance.
//!
//! Out: a page, metrics, the protocol's subscription events and API, topic matchers other than exact ones.
//!
//! # Rooms, in the order data flows
//!
//! Each imports only those before it:
//!
//! * `topic`: what is published, and about what.
//! * `log`: the only truth about which updates there are, and in which order.
//! * `request`: the bytes of a request to a value, or a refusal.
//! * `access`: who may do what. `config` is what a hub is told, `settings` the text that says it.
//! * `fanout`: the dispatcher, which is pure: events and the time go in, actions come out.
//! * `spin`, behind the feature of that name: the adapters to Spin and WASI. Without it the crate is pure.

#![cfg_attr(not(feature = "spin"), allow(dead_code, reason = "what only the adapters use"))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic"))]

mod instant;

mod topic;

mod log;

mod request;

mod access;

mod config;
mod settings;

mod fanout;

#[cfg(feature = "spin")]
mod spin;

pub use access::grant::Grant;
pub use access::origins::Origins;
pub use access::token::{InvalidToken, Secret, sign, verify};
pub use config::{Backend, Config, Redis};
pub use log::Retention;
pub use topic::field::InvalidField;
pub use topic::reserved::PATH;
pub use topic::selector::{InvalidSelector, Selector};
pub use topic::text::InvalidText;
pub use topic::topic::InvalidTopic;
pub use topic::update::{InvalidUpdate, Update};

#[cfg(feature = "spin")]
pub use spin::hub::Hub;
#[cfg(feature = "spin")]
pub use spin::reply;

#[doc(hidden)]
pub mod internals {
    //! What benchmarks count. No part of the crate's promise.

    pub use crate::fanout::action::Action;
    pub use crate::fanout::cache::Read;
    pub use crate::fanout::dispatcher::Dispatcher;
    pub use crate::fanout::reader::Answer;
    pub use crate::fanout::resume::Resume;
    pub use crate::fanout::session::NewSession;
    pub use crate::fanout::settings::{Settings, Wakeups};
    pub use crate::log::listener::{Census, Hint, Peer, Registration, Woken};
    pub use crate::log::log::AsOf;
    pub use crate::log::record::{parse as parse_records, write as write_record};
    pub use crate::log::{Extent, Interest, Page, Position, Record};
    pub use crate::topic::key::key as topic_key;
}
