//! A component being served, by the dev host or by Spin.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use spin_sse_host::{Host, Options};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::within;

/// How to serve.
#[derive(Clone)]
pub struct Setup {
    manifest: PathBuf,
    variables: Vec<(String, String)>,
    reuse: usize,
    request_timeout: Option<Duration>,
    memory: Option<usize>,
    state: Option<PathBuf>,
    process: bool,
    listen: Option<SocketAddr>,
}

/// The edge function.
pub fn hub() -> Setup {
    setup("spin.toml")
}

/// The component of `tests/component`.
pub fn streams() -> Setup {
    setup("tests/component/spin.toml")
}

/// The example of the README.
pub fn readme() -> Setup {
    setup("tests/readme/spin.toml")
}

/// The chat of `examples/chat`.
pub fn chat() -> Setup {
    setup("examples/chat/spin.toml")
}

/// The component of `tests/hub-component`, which has a hub of its own.
pub fn hub_component() -> Setup {
    setup("tests/hub-component/spin.toml")
}

/// The second example of the README.
pub fn relay_example() -> Setup {
    setup("tests/relay-example/spin.toml")
}

/// The example of the front page of `spin-sse-hub`.
pub fn hub_example() -> Setup {
    setup("tests/hub-example/spin.toml")
}

/// The application of a manifest elsewhere.
pub fn application(manifest: &Path) -> Setup {
    setup(manifest.to_str().unwrap())
}

fn setup(manifest: &str) -> Setup {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    Setup {
        manifest,
        variables: Vec::new(),
        reuse: 128,
        request_timeout: None,
        memory: None,
        state: None,
        process: false,
        listen: None,
    }
}

/// The manifest of the edge function, but for UDP. Its paths are relative to where it is: Spin takes no others.
fn manifest_without_udp() -> PathBuf {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    let write = || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut manifest = std::fs::read_to_string(root.join("spin.toml")).unwrap();
        for (old, new) in [
            (", \"udp://127.0.0.1:*\"", ""),
            ("source = \"", "source = \"../../../"),
            ("[component.hub.build]\n", "[component.hub.build]\nworkdir = \"../../..\"\n"),
        ] {
            assert_eq!(manifest.matches(old).count(), 1, "{old}");
            manifest = manifest.replace(old, new);
        }
        let path = root.join("target/manifests/without-udp/spin.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, manifest).unwrap();
        path
    };
    WRITTEN.get_or_init(write).clone()
}

impl Setup {
    pub fn variable(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// How many requests an instance gets: few mean many instances.
    pub fn reuse(mut self, requests: usize) -> Self {
        self.reuse = requests;
        self
    }

    /// Where the manifest does not let instances wake each other.
    pub fn without_udp(mut self) -> Self {
        self.manifest = manifest_without_udp();
        self
    }

    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout);
        self
    }

    /// How many bytes an instance may take.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Keeps state in `directory`, so that another server finds it.
    pub fn state(mut self, directory: &Path) -> Self {
        self.state = Some(directory.to_owned());
        self
    }

    /// In a process of its own, so that it can be killed and measured.
    pub fn process(mut self) -> Self {
        self.process = true;
        self
    }

    /// At an address where another server was, whose clients come back there.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    pub async fn start(self) -> Server {
        let own = self.state.is_none().then(|| tempfile::tempdir().unwrap());
        let state = self.state.clone().unwrap_or_else(|| own.as_ref().unwrap().path().to_owned());
        match std::env::var_os("SPIN_BIN") {
            Some(spin) => self.spin(&PathBuf::from(spin), &state, own).await,
            None if self.process => self.dev_host_process(&state, own).await,
            None => {
                let host = self.dev_host(&state).await;
                Server { address: host.address(), running: Running::Dev(host), _state: own }
            }
        }
    }

    async fn dev_host(self, state: &Path) -> Host {
        let options = Options {
            manifest: Some(self.manifest),
            listen: self.listen.unwrap_or(([127, 0, 0, 1], 0).into()),
            state_dir: Some(state.to_owned()),
            variables: self.variables,
            max_instance_reuse_count: self.reuse.into(),
            request_timeout: self.request_timeout.map(Into::into),
            max_instance_memory: self.memory,
            quiet: true,
            ..Options::default()
        };
        // Not under a deadline: the first start builds the component.
        Host::start(options).await.unwrap()
    }

    /// This test program again, as [`dev_host_child`].
    async fn dev_host_process(self, state: &Path, own: Option<TempDir>) -> Server {
        let mut command = Command::new("sh");
        // With the limit of open files that is usual in a shell.
        command.args(["-c", "ulimit -S -n 1024; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "support::server::dev_host_child", "--ignored", "--nocapture"]);
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        command.env("DEV_HOST_STATE", state).env("DEV_HOST_MANIFEST", &self.manifest);
        command.env("DEV_HOST_LISTEN", self.listen.map_or_else(String::new, |address| address.to_string()));
        command.env("DEV_HOST_VARIABLES", variables.join("\n")).env("DEV_HOST_REUSE", self.reuse.to_string());
        let (mut child, logs) = spawn(command);
        let enough = |logs: &Vec<String>| logs.iter().any(|line| line.contains("listening on "));
        let mut lines = logs.subscribe();
        // Not under a deadline: the first start builds the component.
        let said = loop {
            tokio::select! {
                said = lines.wait_for(enough) => break said.unwrap().clone(),
                // Not `wait`, which would close the child's standard input.
                () = tokio::time::sleep(Duration::from_millis(100)) => {
                    assert!(child.try_wait().unwrap().is_none(), "the host ended: {:?}", logs.borrow());
                }
            }
        };
        let address = said.iter().find_map(|line| line.split("listening on ").nth(1)).unwrap().parse().unwrap();
        Server { address, running: Running::Process(child, logs), _state: own }
    }

    async fn spin(self, spin: &Path, state: &Path, own: Option<TempDir>) -> Server {
        build_once(&self.manifest, spin);
        // It is bound a second later. Until then the system may give one that it chose itself to another.
        let free = || SocketAddr::from(([127, 0, 0, 1], test_redis::free_port()));
        let address = self.listen.unwrap_or_else(free);
        let mut command = Command::new(spin);
        command.arg("up").arg("--from").arg(&self.manifest).arg("--state-dir").arg(state);
        command.args(["--listen", &address.to_string(), "--max-instance-reuse-count", &self.reuse.to_string()]);
        if let Some(timeout) = self.request_timeout {
            command.args(["--request-timeout", &format!("{}ms", timeout.as_millis())]);
        }
        if let Some(bytes) = self.memory {
            command.args(["--max-instance-memory", &bytes.to_string()]);
        }
        for (name, value) in &self.variables {
            command.arg("--variable").arg(format!("{name}={value}"));
        }
        let (mut child, logs) = spawn(command);
        within("spin up", async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                assert!(child.try_wait().unwrap().is_none(), "spin up ended: {:?}", logs.borrow());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        Server { address, running: Running::Process(child, logs), _state: own }
    }
}

/// The dev host of [`Setup::process`]. As a test of its own, it does nothing.
#[tokio::test]
#[ignore = "what other tests start in a process of its own"]
async fn dev_host_child() {
    let variable = |name: &str| std::env::var(name).ok();
    let Some(state) = variable("DEV_HOST_STATE") else { return };
    let mut setup = setup(&variable("DEV_HOST_MANIFEST").unwrap());
    setup.reuse = variable("DEV_HOST_REUSE").unwrap().parse().unwrap();
    setup.listen = variable("DEV_HOST_LISTEN").unwrap().parse().ok();
    for line in variable("DEV_HOST_VARIABLES").unwrap().lines() {
        let (name, value) = line.split_once('=').unwrap();
        setup = setup.variable(name, value);
    }
    let host = setup.dev_host(Path::new(&state)).await;
    writeln!(std::io::stdout(), "listening on {}", host.address()).unwrap();
    // Until it is killed, or its parent has gone.
    let mut parent = tokio::io::stdin();
    let _ = tokio::io::AsyncReadExt::read(&mut parent, &mut [0]).await;
}

fn spawn(mut command: Command) -> (Child, watch::Sender<Vec<String>>) {
    // A group of its own: `spin up` starts another process, which must end with it.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap();
    let logs = watch::Sender::new(Vec::new());
    follow(child.stdout.take().unwrap(), logs.clone());
    follow(child.stderr.take().unwrap(), logs.clone());
    (child, logs)
}

fn build_once(manifest: &Path, spin: &Path) {
    static BUILT: OnceLock<std::sync::Mutex<Vec<PathBuf>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Default::default).lock().unwrap();
    if !built.contains(&manifest.to_owned()) {
        let status = std::process::Command::new(spin).arg("build").arg("--from").arg(manifest).status().unwrap();
        assert!(status.success(), "spin build failed");
        built.push(manifest.to_owned());
    }
}

fn follow(output: impl AsyncRead + Unpin + Send + 'static, logs: watch::Sender<Vec<String>>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            logs.send_modify(|logs| logs.push(line));
        }
    });
}

/// A server; dropped, it is killed.
pub struct Server {
    address: SocketAddr,
    running: Running,
    _state: Option<TempDir>,
}

enum Running {
    Dev(Host),
    Process(Child, watch::Sender<Vec<String>>),
    Stopped,
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the component has printed `count` lines that contain `text`. Those of the past count.
    #[track_caller]
    pub fn logged(&self, text: &str, count: usize) -> impl Future<Output = ()> {
        let what = format!("{count} log lines with {text:?}");
        within(what, async move {
            match &self.running {
                Running::Dev(host) => drop(host.logs().wait_for_count(text, count).await),
                Running::Process(_, logs) => {
                    let enough = |logs: &Vec<String>| logs.iter().filter(|line| line.contains(text)).count() >= count;
                    drop(logs.subscribe().wait_for(enough).await.unwrap());
                }
                Running::Stopped => panic!("a server that is stopped prints nothing"),
            }
        })
    }

    /// What the component has printed.
    pub fn lines(&self) -> Vec<String> {
        match &self.running {
            Running::Dev(host) => host.logs().lines(),
            Running::Process(_, logs) => logs.borrow().clone(),
            Running::Stopped => panic!("the lines of a server that is stopped are gone"),
        }
    }

    /// The limits of the server's first process, as Linux writes them.
    pub fn limits(&self) -> String {
        let Running::Process(child, _) = &self.running else { panic!("only a process has limits of its own") };
        std::fs::read_to_string(format!("/proc/{}/limits", child.id().unwrap())).unwrap()
    }

    /// The bytes of memory that the server's processes have resident.
    pub fn resident(&self) -> u64 {
        let Running::Process(child, _) = &self.running else { panic!("only a process can be measured") };
        let group = child.id().unwrap().to_string();
        let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        let of_group = processes.filter(|process| {
            // After the name in brackets: state, parent, group.
            let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2)) == Some(&group)
        });
        let resident = of_group.filter_map(|process| {
            let status = std::fs::read_to_string(process.join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().trim_end_matches(" kB");
            line.parse::<u64>().ok()
        });
        let resident = resident.sum::<u64>() * 1024;
        assert_ne!(resident, 0, "the server's processes are not found in /proc");
        resident
    }

    /// Tells it to end, by `-TERM` or `-INT`, and waits until it has.
    pub async fn end(mut self, signal: &str) {
        let Running::Process(child, _) = &mut self.running else { panic!("only a process can be told to end") };
        signal_group(child, signal);
        within("the process to end", child.wait()).await.unwrap();
    }

    /// Stops it at once, whatever it is doing.
    pub async fn stop(mut self) {
        if let Running::Process(child, _) = &mut self.running {
            kill_group(child);
            within("the process to end", child.wait()).await.unwrap();
        }
        if let Running::Dev(host) = std::mem::replace(&mut self.running, Running::Stopped) {
            within("the host to stop", host.stop()).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Running::Process(child, _) = &self.running {
            kill_group(child);
        }
    }
}

/// SIGKILL to all that a process has started.
fn kill_group(child: &Child) {
    signal_group(child, "-9");
}

fn signal_group(child: &Child, signal: &str) {
    if let Some(leader) = child.id() {
        let killed = std::process::Command::new("kill").args([signal, "--", &format!("-{leader}")]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the server's processes cannot be killed");
    }
}
