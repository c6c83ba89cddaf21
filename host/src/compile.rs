//! From the manifest to machine code: the build command, the wasm target it needs, and Cranelift.

use crate::manifest::{Build, Manifest};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::process::Command;
use tokio::sync::OnceCell;
use wasmtime::component::Component;
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

const TARGET: &str = "wasm32-wasip2";

/// Instances that may be alive at once, as in Spin.
const INSTANCES: u32 = 1000;

type Ready = Arc<OnceCell<Component>>;

/// The component that `manifest` describes, built and compiled once per process, however many hosts ask.
pub(crate) async fn component(manifest: &Manifest, build: bool) -> Result<Component> {
    static READY: Mutex<BTreeMap<(PathBuf, bool), Ready>> = Mutex::new(BTreeMap::new());
    let key = (manifest.path.clone(), build);
    let ready = Ready::clone(READY.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
    ready.get_or_try_init(|| prepare(manifest, build)).await.cloned()
}

async fn prepare(manifest: &Manifest, build: bool) -> Result<Component> {
    if let (true, Some(build)) = (build, &manifest.build) {
        run(build).await?;
    }
    ensure!(
        manifest.wasm.is_file(),
        "there is no {}: run the manifest's build command, or correct its `source`",
        manifest.wasm.display()
    );
    let wasm = manifest.wasm.clone();
    let cache = manifest.directory.join("target/dev-host-cache");
    tokio::task::spawn_blocking(move || compile(&wasm, &cache)).await?
}

async fn run(build: &Build) -> Result<()> {
    if build.commands.iter().any(|command| command.contains(TARGET)) {
        add_target(&build.directory).await?;
    }
    for command in &build.commands {
        let (shell, flag) = if cfg!(windows) { ("cmd.exe", "/c") } else { ("sh", "-c") };
        let status = status(shell, &[flag, command], &build.directory).await;
        let status = status.with_context(|| format!("cannot run the build command `{command}`"))?;
        ensure!(
            status.success(),
            "the build command `{command}` failed: correct what it says above, or serve what is there with --no-build"
        );
    }
    Ok(())
}

/// Asks rustc rather than rustup, because a distribution's Rust may have the target without it.
async fn add_target(directory: &Path) -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]).current_dir(directory).kill_on_drop(true);
    let Ok(output) = rustc.output().await else {
        bail!("cannot run rustc: install Rust with rustup, as https://rustup.rs says");
    };
    let library = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    match status("rustup", &["target", "add", TARGET], directory).await {
        Ok(status) => ensure!(
            status.success(),
            "rustup cannot add the target {TARGET}: run `rustup target add {TARGET}` to see why"
        ),
        Err(_) => bail!(
            "Rust's target {TARGET} is not installed, nor is rustup, which would add it: \
             install it as https://rustup.rs says"
        ),
    }
    Ok(())
}

/// Runs a program whose output goes to stderr, where a reader of stdout does not meet it.
async fn status(program: &str, arguments: &[&str], directory: &Path) -> io::Result<ExitStatus> {
    Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .kill_on_drop(true)
        .status()
        .await
}

fn compile(wasm: &Path, cache: &Path) -> Result<Component> {
    let engine = engine(cache)?;
    let component = Component::from_file(&engine, wasm).map_err(anyhow::Error::from);
    component.with_context(|| format!("{} is not a WebAssembly component that Wasmtime accepts", wasm.display()))
}

fn engine(cache: &Path) -> Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true).wasm_component_model_async(true);
    let mut settings = CacheConfig::new();
    settings.with_directory(cache);
    config.cache(Some(Cache::new(settings)?));
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    Engine::new(&config)
        .or_else(|_| {
            // The pool reserves terabytes of address space, which some machines refuse. Without it, instances are
            // slower to start.
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&config)
        })
        .map_err(anyhow::Error::from)
}

/// A component is several core instances, each with a table; Wasmtime's own limits would hold about 200 components.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_memories(INSTANCES)
        .total_stacks(INSTANCES)
        .total_tables(INSTANCES.saturating_mul(2))
        .total_core_instances(INSTANCES.saturating_mul(4))
        .table_elements(100_000)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(10 << 20);
    pool
}
