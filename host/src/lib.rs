//! Runs the component that a `spin.toml` describes, on machines without the Spin CLI and in tests.
//!
//! Wasmtime is the engine inside Spin, and its HTTP handler decides here as there which instance serves which request. This host
//! adds the few interfaces that the component imports, `spin:variables`, `spin:sqlite` and `spin:redis`, with the meaning they
//! have in Spin. Whatever else Spin does is out of scope: other triggers, several components, outgoing requests, TLS.
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

mod compile;
mod host;
mod instance;
pub mod key;
mod logs;
mod manifest;
mod options;
mod outbound;
mod redis;
mod serve;
mod sqlite;
mod values;
mod variables;

pub use host::Host;
pub use logs::Logs;
pub use options::{Options, Spread};
