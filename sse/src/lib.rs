//! Server-Sent Events for [Spin](https://spinframework.dev) components.
//!
//! A server publishes events on a response that stays open. A browser's `EventSource` receives the events, reconnects
//! by itself, and then sends the id of the last event that it received. This crate makes a component such a server, and
//! such a client. It has an [`Event`] that cannot be malformed, an encoder, a [`Decoder`] that follows the standard,
//! and a reader of [`last_event_id`].
//!
//! ```
//! use spin_sse::{Decoder, Event, Frame};
//!
//! let mut bytes = Vec::new();
//! Event::new("12:00:01\nsharp").name("timestamp").id(43_201).encode(&mut bytes);
//! assert_eq!(bytes, b"id: 43201\nevent: timestamp\ndata: 12:00:01\ndata: sharp\n\n");
//!
//! let mut decoder = Decoder::new();
//! let mut input = &bytes[..];
//! let Some(Frame::Event(message)) = decoder.next(&mut input)? else { panic!("no event") };
//! assert_eq!(message.data, "12:00:01\nsharp");
//! assert_eq!(message.name, "timestamp");
//! assert_eq!(message.last_event_id, "43201");
//! # Ok::<(), spin_sse::TooLarge>(())
//! ```
//!
//! # Features
//!
//! | feature | by default | |
//! | --- | --- | --- |
//! | `stream` | yes | streams on WASI 0.3, by [`stream()`]. Without this and `source` the crate is pure |
//! | `source` | yes | a client for the event streams of others, in [`source`]. It takes `stream` with it |
//!
//! A component with `stream` is built for `wasm32-wasip2` by Rust 1.94 or later, and runs on Spin 4.1 or later.
//!
//! # Laws
//!
//! * An encoded event decodes to the same event, with each line break of its data as LF.
//! * A stream decodes to the same frames, however it is cut into slices.
//! * No input makes this crate panic.
//!
//! # Scope
//!
//! In scope: the event stream format of the [HTML Standard][html], to write and to read, and the last event id of a
//! client. Two features, both on by default, add what talks to WASI: `stream`, streams from a component to its clients,
//! and `source`, a client for the event streams of others.
//!
//! Out of scope: HTTP itself (the host has it; the decoder takes bytes from any client), a store of past events, access
//! control.
//!
//! # Modules, in the order data flows
//!
//! Each module imports only modules above it.
//!
//! * `resume`: the last event that a client received before it reconnected.
//! * `id` and `name`: the parts of an event that have rules. `digits` holds an id that is an integer.
//! * `event`: one block of a stream, valid by construction. `line` is the one definition of a line break.
//! * `encode`: events and comments to bytes.
//! * `decode`: bytes to events, on the client's side. `block` is one block, line by line; `bom` is the byte order mark;
//!   `frame` is what comes out.
//! * `budget`: how many bytes a stream may still send.
//! * `report`: a line to standard error that cannot fail.
//!
//! All of these are pure, except `report`: no I/O, no clock, nothing of Spin or WASI. The feature `stream` adds:
//!
//! * `end`: how a stream ends.
//! * `response`: the [`Head`] and the [`Writer`] of any event stream, for one task that writes to many streams.
//! * [`timer`]: moments, and deadlines that often move.
//! * `buffer`: what the author of a stream has sent and the client has not received.
//! * `pump`: drives the author's future and the writer, side by side.
//! * `stream`: [`stream()`] makes a response of a function that publishes.
//!
//! The feature `source` adds [`source`]: an `EventSource` for components. All of it but `source::exchange` and
//! [`source::Source`] itself is pure: `connection` decides what to do next, and is told what happened.
//!
//! [html]: https://html.spec.whatwg.org/multipage/server-sent-events.html

mod resume;

mod digits;
mod id;
mod name;

mod event;
mod line;

mod encode;

mod block;
mod bom;
mod frame;

mod decode;

mod budget;
mod report;

pub use budget::ByteBudget;
pub use decode::Decoder;
pub use encode::{encode_comment, encode_retry};
pub use event::{Event, Parts};
pub use frame::{Frame, Message, TooLarge};
pub use id::{Id, InvalidId};
pub use name::{InvalidName, Name};
pub use report::report;
pub use resume::{last_event_id, last_event_id_in};

#[cfg(feature = "stream")]
mod end;
#[cfg(feature = "stream")]
mod response;
#[cfg(feature = "stream")]
pub mod timer;

#[cfg(feature = "stream")]
mod buffer;
#[cfg(feature = "stream")]
mod pump;
#[cfg(feature = "stream")]
mod stream;

#[cfg(feature = "source")]
pub mod source;

#[cfg(feature = "stream")]
pub use end::{BoxError, Closed, End};
#[cfg(feature = "stream")]
pub use response::{Head, Writer};
#[cfg(feature = "stream")]
pub use stream::{EventStream, Stream, stream};
