//! Headless Chromium, driven through its driver by the WebDriver protocol.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::client::fetch_within;
use crate::support::{DEADLINE, within, within_time};

/// How long Chromium may take to start.
const START: Duration = Duration::from_secs(90);

pub struct Browser {
    driver: SocketAddr,
    session: String,
    _child: Child,
    _profile: TempDir,
}

/// Chromium outlives its driver, unless it is told to end.
impl Drop for Browser {
    fn drop(&mut self) {
        let request = format!("DELETE /session/{} HTTP/1.1\r\nhost: localhost\r\n\r\n", self.session);
        let told = std::net::TcpStream::connect(self.driver).and_then(|mut driver| {
            driver.set_read_timeout(Some(Duration::from_secs(10)))?;
            driver.write_all(request.as_bytes())?;
            driver.read_exact(&mut [0])
        });
        if let Err(error) = told {
            let _ = writeln!(std::io::stderr(), "the browser may still be running: {error}");
        }
    }
}

impl Browser {
    pub async fn open(url: &str) -> Browser {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("chromedriver should be installed: apt-get install chromium-driver");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = within("chromedriver to start", async {
            loop {
                let line = lines.next_line().await.unwrap().expect("chromedriver should say its port");
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').parse::<u16>().unwrap();
                }
            }
        })
        .await;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let driver = SocketAddr::from(([127, 0, 0, 1], port));
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,1300",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"}
        }}});
        // Chromium starts meanwhile.
        let answer = call_within(START, driver, Method::POST, "/session", Some(capabilities)).await;
        let session = answer["sessionId"].as_str().unwrap().to_owned();
        let browser = Browser { driver, session, _child: child, _profile: profile };
        browser.command("url", json!({ "url": url })).await;
        browser
    }

    async fn command(&self, name: &str, arguments: Value) -> Value {
        call(self.driver, Method::POST, &format!("/session/{}/{name}", self.session), Some(arguments)).await
    }

    pub async fn reload(&self) {
        self.command("refresh", json!({})).await;
    }

    /// The tab that is shown.
    pub async fn tab(&self) -> Value {
        call(self.driver, Method::GET, &format!("/session/{}/window", self.session), None).await
    }

    /// Opens another tab, shows it, and returns it.
    pub async fn open_tab(&self, url: &str) -> Value {
        let tab = self.command("window/new", json!({ "type": "tab" })).await["handle"].clone();
        self.show_tab(&tab).await;
        self.command("url", json!({ "url": url })).await;
        tab
    }

    pub async fn show_tab(&self, tab: &Value) {
        self.command("window", json!({ "handle": tab })).await;
    }

    /// Runs a script in the page; what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.command("execute/sync", json!({ "script": script, "args": [] })).await
    }

    pub async fn text(&self, id: &str) -> String {
        let value = self.run(&format!("return document.getElementById('{id}').textContent")).await;
        value.as_str().unwrap().trim().to_owned()
    }

    pub async fn number(&self, id: &str) -> u64 {
        self.text(id).await.parse().unwrap()
    }

    pub async fn click(&self, id: &str) {
        self.run(&format!("document.getElementById('{id}').click()")).await;
    }

    /// Clicks, and waits until a script has returned this value after a change of the page, for however short a time.
    pub async fn click_until_once(&self, id: &str, script: &str, value: &str) {
        self.run(&format!(
            "window.values = [];
             new MutationObserver(() => values.push({script}))
               .observe(document, {{ attributes: true, characterData: true, childList: true, subtree: true }});
             document.getElementById('{id}').click()"
        ))
        .await;
        self.until(&format!("values.includes('{value}')")).await;
    }

    pub async fn fill(&self, id: &str, value: &str) {
        self.run(&format!("document.getElementById('{id}').value = {}", json!(value))).await;
    }

    /// Waits until a script returns true.
    pub async fn until(&self, condition: &str) {
        self.until_within(DEADLINE, condition).await;
    }

    /// As [`Self::until`], of what takes longer than [`DEADLINE`] by design.
    pub async fn until_within(&self, time: Duration, condition: &str) {
        within_time(time, condition, async {
            while self.run(&format!("return Boolean({condition})")).await != Value::Bool(true) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }

    /// What went wrong in the page, by its console; refusals that a test provokes are not among it.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().unwrap().iter().filter(|entry| entry["level"] != "DEBUG");
        let messages = entries.map(|entry| entry["message"].as_str().unwrap().to_owned());
        messages.filter(|message| !message.contains("Failed to load resource")).collect()
    }
}

async fn call(driver: SocketAddr, method: Method, path: &str, body: Option<Value>) -> Value {
    call_within(DEADLINE, driver, method, path, body).await
}

async fn call_within(time: Duration, driver: SocketAddr, method: Method, path: &str, body: Option<Value>) -> Value {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let reply = fetch_within(time, driver, method, path, &[("content-type", "application/json")], body).await;
    let answer: Value = serde_json::from_str(&reply.body).unwrap();
    assert!(reply.status.is_success(), "{path}: {answer}");
    answer["value"].clone()
}
