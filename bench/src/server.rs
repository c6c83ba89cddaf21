//! A running server, and how it is spoken to.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::process::Process;

/// A server in a process of its own.
pub struct Server {
    /// As it is called in the tables.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What runs it.
    pub process: Process,
    /// How it is spoken to.
    pub dialect: Dialect,
    /// What it keeps.
    pub state: TempDir,
}

/// How one subscribes and publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    /// The hub, with a token.
    Hub(String),
    /// nchan.
    Nchan,
    /// The native server of `peers::axum`.
    Native,
    /// A component with these streams only.
    Other,
}

/// The topic of all scenarios.
const TOPIC: &str = "bench";
const HUB: &str = "/.well-known/mercure";

impl Dialect {
    /// A request to follow the topic, from after `last` on.
    pub fn subscription(&self, last: Option<&str>) -> String {
        let last = last.map_or(String::new(), |last| format!("last-event-id: {last}\r\n"));
        match self {
            Dialect::Hub(_) => get(&format!("{HUB}?match={TOPIC}"), &last),
            Dialect::Nchan => get(if last.is_empty() { "/subscribe" } else { "/resume" }, ""),
            Dialect::Native | Dialect::Other => get("/subscribe", &last),
        }
    }

    /// Requests that publish these updates, and how many there are.
    pub fn publication(&self, updates: &[String]) -> (Vec<u8>, usize) {
        match self {
            Dialect::Hub(token) => {
                let more = format!("authorization: Bearer {token}\r\nprefer: return=minimal\r\n");
                let (kind, body) = match updates {
                    [update] => ("x-www-form-urlencoded", format!("topic={TOPIC}&data={}", update.replace(' ', "+"))),
                    updates => {
                        let line = |update: &String| format!("{{\"topic\":\"{TOPIC}\",\"data\":\"{update}\"}}\n");
                        ("x-ndjson", updates.iter().map(line).collect())
                    }
                };
                (post(HUB, &format!("content-type: application/{kind}\r\n{more}"), &body), 1)
            }
            // It takes one message at a time, so they are sent without waiting between them.
            Dialect::Nchan => {
                let requests = updates.iter().flat_map(|update| post("/publish", "", update)).collect();
                (requests, updates.len())
            }
            Dialect::Native | Dialect::Other => (post("/publish", "", &updates.join("\n")), 1),
        }
    }
}

/// A request for an event stream.
pub fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\n{headers}\r\n")
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}
