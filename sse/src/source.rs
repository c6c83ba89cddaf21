//! A client for event streams: an `EventSource` for components.
//!
//! A [`Source`] sends a request, and yields the events of the answer. As a browser's `EventSource` does, it comes back
//! when the connection has ended or failed, with the last event id, so that an upstream that can resume loses nothing.
//! Unlike it, it can send any method, headers and body.
//!
//! ```no_run
//! use spin_sdk::http::{IntoResponse, Request};
//! use spin_sse::source::Source;
//! use spin_sse::Event;
//!
//! # /*
//! #[http_service]
//! # */
//! async fn forward(_: Request) -> impl IntoResponse {
//!     spin_sse::stream(async |mut stream| {
//!         let mut source = Source::get("https://example.com/prices").header("authorization", "Bearer secret");
//!         while let Some(message) = source.next().await? {
//!             stream.publish(&Event::from(message)).await?;
//!         }
//!         Ok(())
//!     })
//! }
//! ```
//!
//! The answer of a model, which is asked for once:
//!
//! ```no_run
//! # use spin_sse::source::{Error, Source};
//! # async fn ask() -> Result<(), Error> {
//! let question = r#"{"model": "small", "stream": true, "messages": [{"role": "user", "content": "Hello?"}]}"#;
//! let mut source = Source::post("https://example.com/v1/chat/completions", question)
//!     .header("content-type", "application/json");
//! while let Some(message) = source.next().await? {
//!     println!("{}", message.data);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The host connects only where `allowed_outbound_hosts` in `spin.toml` lets the component connect, here
//! `https://example.com`.
//!
//! # When it comes back
//!
//! | what happens | a repeated request | one that is not repeated |
//! | --- | --- | --- |
//! | the stream ends | asks again | is over |
//! | the connection fails, is cut, or is [silent](Source::silence) | asks again | fails |
//! | status 408, 425, 429, 500, 502, 503 or 504 | asks again | fails |
//! | status 204 | is over | is over |
//! | another status, another content type | fails | fails |
//! | a redirect | follows | follows |
//! | the host refuses, the request is invalid, an event is too large | fails | fails |
//!
//! `GET` and `HEAD` are repeated, other methods are not; [`Source::repeat`] says otherwise. Before it asks again, the
//! source waits for the [reconnection time](Source::retry), which the upstream may set, and longer after each attempt
//! that failed, up to [`Source::max_retry`], plus up to half of that at random. After
//! [as many failures](Source::attempts) in a row it gives up.
//!
//! This is what the [HTML Standard][html] says, but for two things. A page that meets status 500 stops, because a
//! person sees it and loads the page again; a component has nobody who would do that. And a browser never gives up.
//!
//! # What it costs
//!
//! There is no queue: nothing is read before [`Source::next`] is called, so a slow reader slows the upstream. A source
//! holds one event, at most of [`Source::limit`] bytes, and a chunk of 16 KiB.
//!
//! [html]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model

mod error;
mod message;

mod backoff;
mod location;
mod media_type;
mod request;

mod connection;
mod text;

mod exchange;

mod driver;
mod upstream;

pub use error::Error;
pub use message::Message;
pub use upstream::Source;
