//! What a host says when it cannot start.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use spin_sse_host::{Host, Options};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MANIFEST: &str = r#"
    spin_manifest_version = 2
    [variables]
    known = { default = "" }
    [[trigger.http]]
    route = "/..."
    component = "hub"
    [component.hub]
    source = "hub.wasm"
    [component.hub.build]
    command = "exit 3"
"#;

/// A new directory with a manifest and, as component, a file that is none.
fn application(name: &str, manifest: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("spin.toml"), manifest).unwrap();
    std::fs::write(directory.join("hub.wasm"), "not wasm").unwrap();
    directory
}

fn options(directory: &Path) -> Options {
    Options {
        manifest: Some(directory.into()),
        listen: ([127, 0, 0, 1], 0).into(),
        no_build: true,
        ..Options::default()
    }
}

/// Starts a host, which must fail, and returns the sentence.
#[track_caller]
fn refusal(options: Options) -> impl Future<Output = String> {
    let starting = tokio::time::timeout(Duration::from_secs(30), Host::start(options));
    async { format!("{:#}", starting.await.expect("the start ends").err().expect("the start fails")) }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let directory = application("taken", MANIFEST);
    let error = refusal(Options { listen: address, ..options(&directory) }).await;
    assert_eq!(error, format!("{address} is already in use: stop what listens there, or choose another with --listen"));
}

#[tokio::test]
async fn a_bad_manifest_is_named() {
    let directory = application("bad", "spin_manifest_version = 1");
    let error = refusal(options(&directory)).await;
    assert!(error.contains("bad/spin.toml is not a manifest that this host can run: "), "{error}");
    assert!(error.ends_with("spin_manifest_version must be 2"), "{error}");
}

#[tokio::test]
async fn a_variable_that_the_manifest_lacks_is_named() {
    let directory = application("variable", MANIFEST);
    let error = refusal(Options { variables: vec![("other".into(), "1".into())], ..options(&directory) }).await;
    assert_eq!(error, "the manifest has no variable `other`; it has known");
}

#[tokio::test]
async fn a_failing_build_command_is_named() {
    let directory = application("build", MANIFEST);
    let error = refusal(Options { no_build: false, ..options(&directory) }).await;
    assert!(error.starts_with("the build command `exit 3` failed"), "{error}");
}

#[tokio::test]
async fn a_missing_component_is_named() {
    let directory = application("missing", &MANIFEST.replace("hub.wasm", "none.wasm"));
    let error = refusal(options(&directory)).await;
    assert!(error.contains("missing/none.wasm: run the manifest's build command"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_component_is_named() {
    let directory = application("no-component", MANIFEST);
    let error = refusal(options(&directory)).await;
    assert!(error.contains("no-component/hub.wasm is not a WebAssembly component"), "{error}");
}
