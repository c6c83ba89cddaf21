//! A hub for Server-Sent Events, as a library for [Spin](https://spinframework.dev) components.
//!
//! A component publishes updates to topics, and lets its clients follow topics. A client that comes back with its last
//! event id gets exactly what it missed, from whichever instance or machine. The history is kept in Spin's SQLite, or
//! in Redis for any number of machines.
//!
//! A board of notes, which everyone sees from its first note on:
//!
//! ```no_run
//! # #[cfg(feature = "spin")]
//! # mod example {
//! use spin_sdk::http::{Error, IntoResponse, Method, Request, body::IncomingBodyExt};
//! use spin_sdk::http_service;
//! use spin_sse::Event;
//! use spin_sse_hub::{Hub, Subscription, Update};
//!
//! # /*
//! #[http_service]
//! # */
//! async fn board(request: Request) -> Result<impl IntoResponse, Error> {
//!     let hub = Hub::from_variables().await?;
//!     if request.method() == Method::POST {
//!         let note = request.into_body().bytes().await?;
//!         let event = Event::new(String::from_utf8_lossy(&note)).name("note");
//!         return Ok(hub.publish(Update::new("board", event)?).await?.into_response()?);
//!     }
//!     Ok(hub.subscribe(&request, Subscription::new(["board"])?.from_start()).await?)
//! }
//! # }
//! ```
//!
//! In the component's `spin.toml`:
//!
//! ```toml
//! [component.board]
//! sqlite_databases = ["default"]
//! # By these, instances of a host wake each other. With Redis, its host stands here too.
//! allowed_outbound_hosts = ["udp://127.0.0.1:*"]
//!
//! [component.board.variables]
//! settings = "stream_seconds=30"
//! ```
//!
//! # What a component does with a hub
//!
//! * [`Hub::from_variables`]: the instance's hub, as the component's variable `settings` has it. A setting that is left
//!   out has its default, see [`Config::from_settings`]. [`Hub::new`] takes a [`Config`] instead.
//! * [`Hub::publish`] and [`Hub::publish_all`]: an [`Update`] is an [`Event`](spin_sse::Event) and its topics, checked
//!   when it is made. What is published is durable, and has its id, when these return.
//! * [`Hub::subscribe`]: answers a request with a stream of the topics of a [`Subscription`]. The component has decided
//!   who may follow what, so private updates of these topics are in the stream.
//! * [`Hub::end`]: publishes the last update of a topic, at which its streams end and its relay stops.
//! * [`Hub::relay`]: reads an upstream to its end and appends each event to a topic, whether or not somebody follows.
//! * [`Hub::serve`]: the whole [protocol](https://mercure.rocks/spec) under any path, for clients that choose their
//!   topics themselves and publishers outside of the component. They need tokens, see below.
//!
//! The errors of all these become responses by `?`, as above: what the protocol would answer, with a sentence that says
//! what to do.
//!
//! # Tokens
//!
//! What a publisher may do who comes to [`Hub::serve`] is in a JSON Web Token, signed with one of the hub's [`Keys`]:
//! here with a [`Secret`]. Which tokens a hub accepts is in its [`Tokens`].
//!
//! ```
//! use spin_sse_hub::{Grant, Secret, Selector, sign, verify};
//!
//! let secret = Secret::new(b"a text of at least 32 random bytes").ok_or("an empty secret")?;
//! let grant = Grant::new(Selector::new(["demo".to_owned()])?, Selector::none());
//! let token = sign(&grant, &secret, 1_700_000_000);
//! assert_eq!(verify(&token, &secret, 1_700_000_001)?, grant);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | by default | |
//! | --- | --- | --- |
//! | `keys` | yes | tokens signed with ES256, EdDSA or RS256. Without it the hub knows HS256 only |
//! | `patterns` | yes | topic matchers that are URL Patterns or URI Templates. Without it they are refused |
//! | `subscriptions` | yes | updates and an API that say who follows what. Without it that setting is refused |
//! | `spin` | yes | the hub on Spin. Without it the crate is pure: requests, tokens, the dispatcher |
//!
//! A component with `spin` is built for `wasm32-wasip2` by Rust 1.94 or later, and runs on Spin 4.1 or later.
//!
//! # Scope
//!
//! In: publishing, subscribing, resuming, authorization, the history in SQLite or Redis, and the fan-out to the
//! streams of an instance.
//!
//! Out: a page, metrics.
//!
//! # Rooms, in the order data flows
//!
//! Each imports only those before it:
//!
//! * `pattern`: topic matchers that are more than a text to compare with.
//! * `topic`: what is published, and about what.
//! * `log`: the only truth about which updates there are, and in which order.
//! * `request`: the bytes of a request to a value, or a refusal.
//! * `access`: who may do what. `config` is what a hub is told, `settings` the text that says it.
//! * `fanout`: the dispatcher, which is pure: events and the time go in, actions come out.
//! * `relays`: upstreams that are appended to topics, which is pure too; and `presence`: who follows what.
//! * `spin`, behind the feature of that name: the adapters to Spin and WASI. Without it the crate is pure.

#![cfg_attr(
    not(all(feature = "spin", feature = "keys", feature = "subscriptions")),
    allow(dead_code, reason = "what only the adapters and public keys use")
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic"))]

mod instant;
mod lean;

mod pattern;

mod topic;

mod log;

mod request;

mod access;

mod config;
mod settings;

mod fanout;

mod relays;

#[cfg(feature = "subscriptions")]
mod presence;

#[cfg(feature = "spin")]
mod spin;

pub use access::grant::Grant;
pub use access::invalid_token::InvalidToken;
pub use access::key::Secret;
pub use access::keys::Keys;
pub use access::metadata::METADATA_PATH;
pub use access::origins::Origins;
pub use access::token::{sign, verify};
pub use access::tokens::Tokens;
pub use config::{Backend, Config, Redis};
pub use log::Retention;
pub use pattern::InvalidPattern;
pub use request::subscription::Subscription;
pub use topic::field::InvalidField;
pub use topic::invalid_selector::InvalidSelector;
pub use topic::reserved::PATH;
pub use topic::selector::Selector;
pub use topic::text::InvalidText;
pub use topic::topic::InvalidTopic;
pub use topic::update::{InvalidUpdate, Update};

#[cfg(feature = "spin")]
pub use spin::hub::Hub;
#[cfg(feature = "spin")]
pub use spin::latest::ReadError;
#[cfg(feature = "spin")]
pub use spin::publication::PublishError;
#[cfg(feature = "spin")]
pub use spin::relay::{Relay, RelayError};
#[cfg(feature = "spin")]
pub use spin::reply;
#[cfg(feature = "spin")]
pub use spin::upstreams::RelayEnd;

#[doc(hidden)]
pub mod internals {
    //! What benchmarks count and fuzz targets call. No part of the crate's promise.

    pub use crate::access::tokens::verify_publisher;
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
    pub use crate::pattern::base::Base;
    pub use crate::pattern::invalid::InvalidPattern;
    pub use crate::pattern::pattern::{Kind, Parsed, Pattern};
    pub use crate::topic::key::key as topic_key;
}
