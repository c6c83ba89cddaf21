//! Components, in the dev host or, with `SPIN_BIN`, in Spin.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::http::Client;
use crate::process::{Process, free_address};
use crate::report::directory;
use crate::server::{Dialect, Server};

const SECRET: &str = "the secret of all the benchmarks";

/// How a component is served.
#[derive(Clone)]
pub struct Setup {
    name: String,
    manifest: PathBuf,
    flags: Vec<String>,
    state: Option<PathBuf>,
    quiet: bool,
    dialect: Dialect,
}

/// The edge function.
pub fn hub() -> Result<Setup> {
    let mut token = Command::new(dev_host()?);
    token.args(["--variable", &format!("jwt_secret={SECRET}"), "token", "--publish", "*", "--subscribe", "*"]);
    let token = String::from_utf8(token.output()?.stdout)?;
    let setup = component("spin-sse", "spin.toml", Dialect::Hub(token.trim().to_owned()));
    Ok(setup.variable("jwt_secret", SECRET))
}

/// A component of this repository.
pub fn component(name: &str, manifest: &str, dialect: Dialect) -> Setup {
    let manifest = directory().join("..").join(manifest);
    Setup { name: name.to_owned(), manifest, flags: Vec::new(), state: None, quiet: true, dialect }
}

impl Setup {
    /// As it is called in the tables.
    pub fn name(self, name: &str) -> Setup {
        Setup { name: name.to_owned(), ..self }
    }

    /// A flag of `spin up` and of the dev host.
    pub fn flag(mut self, name: &str, value: impl ToString) -> Setup {
        self.flags.extend([name.to_owned(), value.to_string()]);
        self
    }

    /// A variable of the manifest.
    pub fn variable(self, name: &str, value: &str) -> Setup {
        self.flag("--variable", format!("{name}={value}"))
    }

    /// All requests in one instance.
    pub fn one_instance(self) -> Setup {
        self.flag("--max-instance-reuse-count", 1_000_000).flag("--max-instance-concurrent-reuse-count", 100_000)
    }

    /// With the databases of another.
    pub fn beside(mut self, other: &Server) -> Setup {
        self.state = Some(other.state.path().to_owned());
        self
    }

    /// With what its instances print in its output.
    pub fn heard(self) -> Setup {
        Setup { quiet: false, ..self }
    }

    /// Builds and starts it.
    pub fn start(&self) -> Result<Server> {
        self.start_in(tempfile::tempdir()?)
    }

    /// Kills one that was started so, and starts another with its databases.
    pub fn restart(&self, server: Server) -> Result<Server> {
        let Server { process, state, .. } = server;
        drop(process);
        self.start_in(state)
    }

    fn start_in(&self, state: TempDir) -> Result<Server> {
        let address = free_address()?;
        let mut command = match std::env::var_os("SPIN_BIN") {
            Some(spin) => {
                let built = Command::new(&spin).arg("build").arg("--from").arg(&self.manifest).output()?;
                ensure!(built.status.success(), "spin build failed: {}", String::from_utf8_lossy(&built.stderr));
                let mut command = Command::new(spin);
                command.arg("up");
                command
            }
            None => Command::new(dev_host()?),
        };
        let databases = self.state.as_deref().unwrap_or(state.path());
        command.arg("--from").arg(&self.manifest).arg("--state-dir").arg(databases);
        command.args(self.quiet.then_some("--quiet")).args(["--listen", &address.to_string()]).args(&self.flags);
        let process = Process::start(command, address, state.path())?;
        let (name, dialect) = (self.name.clone(), self.dialect.clone());
        // It listens before the component is built and compiled.
        let health = b"GET /.well-known/spin/health HTTP/1.1\r\nhost: bench\r\n\r\n";
        Client::connect(address)?.patient(Duration::from_secs(900))?.ask(health, 1)?;
        Ok(Server { name, address, process, dialect, state })
    }
}

/// Which host it is, with the version of Spin.
pub fn host_name() -> String {
    let Some(spin) = std::env::var_os("SPIN_BIN") else { return "the dev host".to_owned() };
    let version = Command::new(spin).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    version.split(" (").next().map_or("Spin".to_owned(), |version| format!("`{}`", version.trim()))
}

/// The dev host's program, built beside this one. (As a library of this one it would make each change here link
/// Wasmtime.)
fn dev_host() -> Result<&'static Path> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if BUILT.get().is_none() {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let mut build = Command::new(cargo);
        // It is as optimised as this program, beside which it is put.
        build.arg("build").args((!cfg!(debug_assertions)).then_some("--release"));
        build.args(["--package", "spin-sse-host"]).current_dir(directory().join(".."));
        ensure!(build.status()?.success(), "the dev host cannot be built");
        let here = std::env::current_exe()?;
        let _ = BUILT.set(here.with_file_name("spin-sse-host"));
    }
    BUILT.get().map(PathBuf::as_path).context("the dev host has not been built")
}
