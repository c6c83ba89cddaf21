//! Server-Sent Events for [Spin](https://spinframework.dev) components.
//!
//! A server publishes events on a response that stays open; a browser's `EventSource` receives them, reconnects by itself,
//! and then says which event it got last. This crate is what a component adds to be such a server: an [`Event`] that cannot
//! be malformed, its encoder, a [`Decoder`] that follows the standard, and the reader of [`last_event_id`].
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
//! # Laws
//!
//! * Decoding what was encoded gives the same event, with each line break of its data as LF.
//! * A stream decodes to the same frames however it is cut into slices.
//! * No input makes this crate panic.
//!
//! # Scope
//!
//! In: the event stream format of the [HTML Standard][html], both ways, and where a client left off. With the feature
//! `stream`, on by default, also streams from a component to its clients.
//!
//! Out: an HTTP client (the decoder takes bytes from any), a store of past events, deciding who may see what.
//!
//! # Modules, in the order data flows
//!
//! * `resume`: where a client that comes back left off.
//! * `event`, of an `id` and a `name`: one block of the stream, valid by construction.
//! * `encode`: events and comments to bytes; `line` is the one definition of a line break, `digits` prints integers.
//! * `decode`: bytes to events, at the other end, of which `block` is one.
//!
//! All of that is pure: no I/O, no clock, nothing of Spin or WASI. The feature `stream` adds:
//!
//! * `stream`: [`stream()`], a function that publishes turned into a response, and its options;
//! * `pump`: what runs it, the author's future and the writer side by side;
//! * `response`: the [`Head`] and the [`Writer`] of any event stream, for those who write to many of them from one task;
//! * [`timer`]: moments, and deadlines that mostly move away before they come.
//!
//! [html]: https://html.spec.whatwg.org/multipage/server-sent-events.html

mod resume;

mod event;
mod id;
mod name;

mod digits;
mod encode;
mod line;

mod block;
mod decode;

mod budget;
mod report;

pub use budget::ByteBudget;
pub use decode::{Decoder, Frame, Message, TooLarge};
pub use encode::encode_comment;
pub use event::Event;
pub use id::{Id, InvalidId};
pub use name::{InvalidName, Name};
pub use report::report;
pub use resume::last_event_id;

#[cfg(feature = "stream")]
mod pump;
#[cfg(feature = "stream")]
mod response;
#[cfg(feature = "stream")]
mod stream;
#[cfg(feature = "stream")]
pub mod timer;

#[cfg(feature = "stream")]
pub use response::{Head, Writer};
#[cfg(feature = "stream")]
pub use stream::{BoxError, Closed, End, EventStream, Stream, stream};
