//! Runs the component that a `spin.toml` describes, on machines without the Spin CLI and in tests.
//!
//! Wasmtime is the engine inside Spin. Its HTTP handler decides which instance serves which request, here and in Spin.
//! This host adds the few interfaces that the component imports: `spin:variables`, `spin:sqlite`, `spin:redis`,
//! `wasi:http/client` and the UDP of `wasi:sockets`, with the meaning that they have in Spin. Whatever else Spin does
//! is out of scope: other triggers, several components, TCP.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use spin_sse_host::{Host, Options};
//!
//! let host = Host::start(Options { listen: ([127, 0, 0, 1], 0).into(), quiet: true, ..Options::default() }).await?;
//! // ... requests to host.url("/sse") ...
//! host.logs().wait_for("client left").await;
//! host.stop().await;
//! # Ok(())
//! # }
//! ```

mod options;
mod values;
mod outbound;
mod manifest;
pub mod key;
pub mod token;
mod compile;
mod logs;
mod variables;
mod sqlite;
mod redis;
mod sockets;
mod outgoing;
mod instance;
mod serve;
mod files;
mod host;

pub use host::Host;
pub use logs::Logs;
pub use options::{Options, Spread};
