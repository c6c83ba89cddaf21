//! Publishing to the hub, and following it.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use sse_hub::hub::claims::Grant;
use sse_hub::hub::token::{Secret, sign};
use sse_hub::hub::topic::Selector;
use tokio::net::TcpStream;

use super::client::{Event, EventStream, Item};
use super::server::{Setup, hub};
use super::{unix_time, within};

pub const SECRET: &str = "a secret of the end-to-end tests";
pub const HUB: &str = "/.well-known/mercure";

/// The edge function with a key.
pub fn hub_with_key() -> Setup {
    hub().variable("jwt_secret", SECRET)
}

fn selector(topics: &[&str]) -> Selector {
    if topics.is_empty() { Selector::none() } else { Selector::new(topics.iter().map(|t| (*t).to_owned())).unwrap() }
}

/// A token for these topics that ends at the unix second `expires`.
pub fn token_until(publish: &[&str], subscribe: &[&str], expires: Option<u64>) -> String {
    let grant = Grant { publish: selector(publish), subscribe: selector(subscribe), expires };
    sign(&grant, &Secret::new(SECRET.as_bytes()).unwrap(), unix_time())
}

pub fn token(publish: &[&str], subscribe: &[&str]) -> String {
    token_until(publish, subscribe, None)
}

/// A publisher with a connection of its own that it keeps.
pub struct Publisher {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    token: String,
}

impl Publisher {
    pub async fn new(address: SocketAddr) -> Self {
        let sender = Self::connect(address).await.unwrap();
        Publisher { address, sender, token: token(&["*"], &[]) }
    }

    async fn connect(address: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        Some(sender)
    }

    /// Sends a body; `None` when the connection broke, so that nobody knows what became of it.
    pub async fn send(&mut self, content_type: &str, body: impl Into<String>) -> Option<(StatusCode, String)> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(HUB)
            .header("host", self.address.to_string())
            .header("content-type", content_type)
            .header("authorization", format!("Bearer {}", self.token))
            .body(Full::from(body.into()))
            .unwrap();
        within("an answer to a publication", async {
            self.sender.ready().await.ok()?;
            let response = self.sender.send_request(request).await.ok()?;
            let status = response.status();
            let body = response.into_body().collect().await.ok()?.to_bytes();
            Some((status, String::from_utf8(body.to_vec()).unwrap()))
        })
        .await
    }

    /// Publishes one update and returns its id.
    pub async fn publish(&mut self, topic: &str, data: &str) -> String {
        self.publish_with(topic, data, "").await
    }

    /// With more fields, as `&name=value`.
    pub async fn publish_with(&mut self, topic: &str, data: &str, more: &str) -> String {
        let body = format!("topic={topic}&data={data}{more}");
        let (status, body) = self.send("application/x-www-form-urlencoded", body).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// Publishes `data` to one topic as one batch.
    pub async fn publish_all(&mut self, topic: &str, data: impl IntoIterator<Item = String>) -> Vec<String> {
        let lines = data.into_iter().map(|data| serde_json::json!({ "topic": topic, "data": data }).to_string() + "\n");
        let (status, body) = self.send("application/x-ndjson", lines.collect::<String>()).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        body.lines().map(str::to_owned).collect()
    }
}

/// Opens a stream of `topic`, from after `last` on.
pub async fn follow(address: SocketAddr, topic: &str, last: &str) -> EventStream {
    let headers = [("last-event-id", last)];
    let headers = if last.is_empty() { &headers[..0] } else { &headers[..] };
    let mut stream = EventStream::open_with(address, &format!("{HUB}?match={topic}"), headers).await;
    assert_eq!(stream.status, StatusCode::OK);
    let ready = stream.event().await;
    assert_eq!(ready.name, "ready");
    stream
}

/// A subscriber that comes back after every cut, as a browser does.
pub struct Follower {
    address: SocketAddr,
    topic: String,
    last: String,
    stream: Option<EventStream>,
    /// What it received.
    pub updates: Vec<Event>,
    /// How many gaps were announced to it.
    pub gaps: usize,
    /// How often it connected.
    pub connections: usize,
}

impl Follower {
    pub fn new(address: SocketAddr, topic: &str, last: &str) -> Self {
        let (topic, last) = (topic.to_owned(), last.to_owned());
        Follower { address, topic, last, stream: None, updates: Vec::new(), gaps: 0, connections: 0 }
    }

    /// Where it connects next time.
    pub fn moves_to(&mut self, address: SocketAddr) {
        self.address = address;
        self.stream = None;
    }

    /// Drops its connection.
    pub fn cut(&mut self) {
        self.stream = None;
    }

    /// Receives one update, over as many connections as that takes.
    pub async fn next(&mut self) -> Event {
        within(format!("update {} of {}", self.updates.len(), self.topic), async {
            loop {
                match self.step().await {
                    Some(event) if event.name == "gap" => self.gaps += 1,
                    Some(event) if event.name == "ready" => {}
                    Some(event) => {
                        self.updates.push(event.clone());
                        return event;
                    }
                    None => self.stream = None,
                }
            }
        })
        .await
    }

    async fn step(&mut self) -> Option<Event> {
        if self.stream.is_none() {
            self.connections += 1;
            if TcpStream::connect(self.address).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                return None;
            }
            let mut headers = Vec::new();
            if !self.last.is_empty() {
                headers.push(("last-event-id", self.last.as_str()));
            }
            let path = format!("{HUB}?match={}", self.topic);
            self.stream = EventStream::try_open(self.address, &path, &headers).await;
        }
        let stream = self.stream.as_mut()?;
        let item = stream.wait().await;
        self.last = Some(stream.last_event_id()).filter(|id| !id.is_empty()).unwrap_or(&self.last).to_owned();
        match item {
            Item::Event(event) => Some(event),
            Item::Retry(_) => Some(Event { name: "ready".to_owned(), data: String::new(), id: String::new() }),
            Item::End | Item::Cut => None,
        }
    }

    /// Receives until it has `count` updates.
    pub async fn until(&mut self, count: usize) {
        while self.updates.len() < count {
            self.next().await;
        }
    }

    pub fn data(&self) -> Vec<&str> {
        self.updates.iter().map(|event| event.data.as_str()).collect()
    }
}
