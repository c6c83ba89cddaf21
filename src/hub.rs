//! The hub: publishers send updates to topics, subscribers get each of them once and in order.
//!
//! It speaks the core of the [Mercure protocol](https://mercure.rocks/spec). What it does goes one way:
//!
//! ```text
//! subscribe:  endpoint -> subscribe -> authorize -> place in the log -> the tail
//! publish:    endpoint -> authorize -> publish -> append (and a nudge to the tail; nothing else)
//! tail:       log.after(cursor) -> every subscriber that hears it
//! ```
//!
//! Live delivery, replay after a reconnect, updates that another instance published and a missed nudge are one path:
//! read the log after a cursor.
//!
//! Pure, without I/O or a clock: [`text`], [`reserved`], [`topic`], [`update`], [`form`], [`json`], [`publish`],
//! [`prefer`], [`subscribe`], [`refusal`], [`claims`], [`token`], [`authorize`], [`cors`], [`ring`], [`window`],
//! [`subscriber`] and the records of the [`log`]. The rest is WASI: [`append`], the [`tail`] with its [`door`],
//! [`doorbell`], [`limits`], [`polling`], [`health`], [`idle`] and [`ready`], the [`store`] and what else an [`instance`] shares, and
//! the [`endpoint`].

pub mod refusal;

pub mod form;
pub mod json;
pub mod reserved;
pub mod text;
pub mod topic;
pub mod update;

pub mod prefer;
pub mod publish;
pub mod subscribe;

pub mod authorize;
pub mod claims;
pub mod cors;
pub mod token;

pub mod log;
pub mod store;

pub mod append;
pub mod door;
pub mod doorbell;
pub mod health;
pub mod idle;
pub mod limits;
pub mod polling;
pub mod ready;
pub mod ring;
pub mod subscriber;
pub mod tail;
pub mod window;

pub mod endpoint;
pub mod instance;

/// The path of the hub.
pub const PATH: &str = "/.well-known/mercure";
