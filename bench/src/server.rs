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
    /// `bench/relay-component`: answers of the upstream at this URL.
    Answers {
        /// `/relay` or `/pass`.
        path: &'static str,
        /// The upstream's URL.
        upstream: String,
    },
    /// A component with these streams only.
    Other,
}

/// The last event id of a client that wants all that is kept.
pub const EARLIEST: &str = "earliest";

const HUB: &str = "/.well-known/mercure";

/// The name of a topic. Where nothing else is said, all is about topic 0.
fn topic(number: usize) -> String {
    format!("t{number}")
}

impl Dialect {
    /// A request to follow a topic, from after `last` on. The native server has one topic. An answer is asked for, and
    /// followed with a last event id.
    pub fn subscription(&self, number: usize, last: Option<&str>) -> String {
        let topic = topic(number);
        let header = last.map_or(String::new(), |last| format!("last-event-id: {last}\r\n"));
        match self {
            Dialect::Hub(_) => get(&format!("{HUB}?match={topic}"), &header),
            Dialect::Nchan if last == Some(EARLIEST) => get(&format!("/earliest?id={topic}"), ""),
            Dialect::Nchan => get(&format!("/sub?id={topic}"), &header),
            Dialect::Answers { path, upstream } if last.is_none() => {
                let question = post(&format!("{path}/{number}?{upstream}"), "", "");
                String::from_utf8_lossy(&question).into_owned()
            }
            Dialect::Answers { path, upstream } => get(&format!("{path}/{number}?{upstream}"), &header),
            Dialect::Native | Dialect::Other => get("/subscribe", &header),
        }
    }

    /// A request to list who follows what, which only the hub answers.
    pub fn subscriptions(&self) -> Vec<u8> {
        let token = if let Dialect::Hub(token) = self { token } else { "" };
        get(&format!("{HUB}/subscriptions"), &format!("authorization: Bearer {token}\r\n")).into_bytes()
    }

    /// Requests that publish these updates, each of a topic, and how many there are.
    pub fn publication(&self, updates: &[(usize, String)]) -> (Vec<u8>, usize) {
        match self {
            Dialect::Hub(token) => {
                let more = format!("authorization: Bearer {token}\r\nprefer: return=minimal\r\n");
                let (kind, body) = match updates {
                    [(number, data)] => {
                        let data = data.replace(' ', "+");
                        ("x-www-form-urlencoded", format!("topic={}&data={data}", topic(*number)))
                    }
                    updates => {
                        let line = |(number, data): &(usize, String)| {
                            format!("{{\"topic\":\"{}\",\"data\":\"{data}\"}}\n", topic(*number))
                        };
                        ("x-ndjson", updates.iter().map(line).collect())
                    }
                };
                (post(HUB, &format!("content-type: application/{kind}\r\n{more}"), &body), 1)
            }
            // It takes one message at a time, so they are sent without waiting between them.
            Dialect::Nchan => {
                let request = |(number, data): &(usize, String)| post(&format!("/pub?id={}", topic(*number)), "", data);
                (updates.iter().flat_map(request).collect(), updates.len())
            }
            Dialect::Native | Dialect::Other | Dialect::Answers { .. } => {
                let lines: Vec<&str> = updates.iter().map(|(_, data)| data.as_str()).collect();
                (post("/publish", "", &lines.join("\n")), 1)
            }
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
