//! A host from its start to its end.

use crate::compile;
use crate::files;
use crate::instance::Instances;
use crate::logs::Logs;
use crate::manifest::Manifest;
use crate::options::Options;
use crate::outbound::Outbound;
use crate::serve::Server;
use crate::values::Values;
use crate::variables::Variables;
use anyhow::Result;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime_wasi_http::handler::ProxyHandler;

/// A running host. Dropping it, or [`Host::stop`], closes its port, its connections and its instances.
///
/// It has threads of its own, so that a test on a single-threaded runtime can drive it.
///
/// ```no_run
/// # async fn example() -> anyhow::Result<()> {
/// use spin_sse_host::{Host, Options};
///
/// let options = Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() };
/// let host = Host::start(options).await?;
/// println!("{}", host.url("/sse"));
/// host.stop().await;
/// # Ok(())
/// # }
/// ```
pub struct Host {
    address: SocketAddr,
    logs: Logs,
    stopping: Arc<AtomicBool>,
    /// `None` once it is being stopped.
    runtime: Option<Runtime>,
}

impl Host {
    /// Builds and compiles the component, once per process, binds the address and serves.
    ///
    /// Raises the process's limit of open files to the hard limit: a burst of streams needs more than the usual 1,024.
    ///
    /// # Errors
    ///
    /// One sentence that says what is wrong and what to do: about the manifest, a variable, an outbound host, the
    /// address, the build or the component.
    pub async fn start(options: Options) -> Result<Self> {
        let manifest = Manifest::load(options.manifest.as_deref())?;
        let values = Values::choose(&manifest.variables, &options.variables, |name| std::env::var(name).ok())?;
        let variables = Variables::resolve(&manifest.templates, &values)?;
        let outbound = Outbound::resolve(&manifest.outbound, &values)?;
        // Before the build, which may take minutes.
        let listener = bind(options.listen)?;
        let component = compile::component(&manifest, !options.no_build).await?;

        let database = manifest.sqlite.then(|| manifest.state_directory(&options)).transpose()?;
        let database = database.map(|directory| directory.join("sqlite_db.db"));
        let logs = Logs::new(!options.quiet);
        // Not before the build: some programs close every file that they could have inherited.
        if let Some(warning) = files::raise_limit() {
            logs.push(warning);
        }
        let stopping = Arc::new(AtomicBool::new(false));
        // The port may have been chosen only now.
        let options = Options { listen: listener.local_addr()?, ..options };
        let instances =
            Instances::new(&component, &options, variables, database, outbound, logs.clone(), stopping.clone())?;
        let server = Server { handler: ProxyHandler::new(instances), route: manifest.route, logs: logs.clone() };

        let runtime = Builder::new_multi_thread().enable_all().thread_name("spin-sse-host").build()?;
        let host = Self { address: options.listen, logs, stopping, runtime: Some(runtime) };
        if let Some(runtime) = &host.runtime {
            let _inside = runtime.enter();
            runtime.spawn(server.run(tokio::net::TcpListener::from_std(listener)?));
        }
        Ok(host)
    }

    /// The address it really listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path that starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What the component printed.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Stops it, and returns when nothing of it runs any more: the port is free and no instance has the database open.
    pub async fn stop(mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(runtime) = self.runtime.take() {
            // A failure would be a panic in there, which was printed.
            let _ = tokio::task::spawn_blocking(|| runtime.shutdown_timeout(Duration::from_secs(10))).await;
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow::anyhow!("{address} is already in use: stop what listens there, or choose another with --listen")
        }
        _ => anyhow::anyhow!("cannot listen on {address}: {error}; choose another with --listen"),
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
