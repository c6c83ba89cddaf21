//! The hub with a key: tokens, publishing, and opening a stream.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use spin_sse_hub::{Grant, Secret, Selector, sign};
use tokio::net::TcpStream;

use super::client::{EventStream, Reply};
use super::server::{Setup, hub};
use super::{unix_time, within};

pub const SECRET: &str = "a secret of the end-to-end tests";
pub const HUB: &str = "/.well-known/mercure";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// The edge function with a key.
pub fn hub_with_key() -> Setup {
    hub().variable("jwt_secret", SECRET)
}

fn selector(topics: &[&str]) -> Selector {
    if topics.is_empty() { Selector::none() } else { Selector::new(topics.iter().map(|t| (*t).to_owned())).unwrap() }
}

/// A token for these topics that ends at the unix second `expires`.
pub fn token_until(publish: &[&str], subscribe: &[&str], expires: Option<u64>) -> String {
    let grant = Grant::new(selector(publish), selector(subscribe)).until(expires);
    sign(&grant, &Secret::new(SECRET.as_bytes()).unwrap(), unix_time())
}

pub fn token(publish: &[&str], subscribe: &[&str]) -> String {
    token_until(publish, subscribe, None)
}

/// A token with these claims, a JSON text.
pub fn token_with(claims: &str) -> String {
    let signed = format!("{}.{}", BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#), BASE64.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&signed);
    format!("{signed}.{}", BASE64.encode(mac.finalize().into_bytes()))
}

/// A publisher with a connection of its own that it keeps.
pub struct Publisher {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    token: String,
}

impl Publisher {
    pub async fn new(address: SocketAddr) -> Self {
        Self::connect(address).await.unwrap()
    }

    /// `None` when nobody listens: a server may be killed in the middle.
    pub async fn connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        Some(Publisher { address, sender, token: token(&["*"], &[]) })
    }

    /// Sends a body; `None` when the connection broke, so that nobody knows what became of it.
    pub async fn send(&mut self, content_type: &str, body: impl Into<String>) -> Option<Reply> {
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
            let (head, body) = self.sender.send_request(request).await.ok()?.into_parts();
            let body = String::from_utf8(body.collect().await.ok()?.to_bytes().to_vec()).unwrap();
            Some(Reply { status: head.status, headers: head.headers, body })
        })
        .await
    }

    /// Publishes one update, which may be refused.
    pub async fn try_publish(&mut self, topic: &str, data: &str) -> Option<Reply> {
        self.send(FORM, format!("topic={topic}&data={data}")).await
    }

    /// Publishes one update, and is told to wait. Returns the sentence.
    pub async fn is_told_to_wait(&mut self) -> String {
        let reply = self.try_publish("demo", "refused").await.unwrap();
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (StatusCode::SERVICE_UNAVAILABLE, "1"),
            "{}",
            reply.body
        );
        reply.body
    }

    /// Publishes one update, again and again while it is told to wait, and returns its id.
    pub async fn publish_as_told(&mut self, topic: &str, data: &str) -> String {
        within(format!("{data} to be published"), async {
            loop {
                let reply = self.try_publish(topic, data).await.unwrap();
                if reply.status != StatusCode::SERVICE_UNAVAILABLE {
                    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
                    return reply.body;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
    }

    /// Publishes one update and returns its id.
    pub async fn publish(&mut self, topic: &str, data: &str) -> String {
        self.publish_with(topic, data, "").await
    }

    /// With more fields, as `&name=value`.
    pub async fn publish_with(&mut self, topic: &str, data: &str, more: &str) -> String {
        let reply = self.send(FORM, format!("topic={topic}&data={data}{more}")).await.unwrap();
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body
    }

    /// Publishes one update on several topics.
    pub async fn publish_on(&mut self, topics: &[String], data: &str) -> String {
        self.publish(&topics.join("&topic="), data).await
    }

    /// Publishes `data` to one topic as one batch.
    pub async fn publish_all(&mut self, topic: &str, data: impl IntoIterator<Item = String>) -> Vec<String> {
        let lines = data.into_iter().map(|data| serde_json::json!({ "topic": topic, "data": data }).to_string() + "\n");
        let reply = self.send("application/x-ndjson", lines.collect::<String>()).await.unwrap();
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body.lines().map(str::to_owned).collect()
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
