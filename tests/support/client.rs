//! An HTTP client that reads an event stream as it comes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use spin_sse::{Decoder, Frame};
use tokio::net::TcpStream;

use super::{DEADLINE, within, within_time};

/// Asks once, on a connection of its own.
pub async fn request(address: SocketAddr, request: Request<Full<Bytes>>) -> Option<hyper::Response<Incoming>> {
    request_within(DEADLINE, address, request).await
}

async fn request_within(
    time: Duration,
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Option<hyper::Response<Incoming>> {
    within_time(time, "the response head", async {
        let stream = TcpStream::connect(address).await.ok()?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        sender.send_request(request).await.ok()
    })
    .await
}

/// A request, to `host` where the headers say so, else to the address.
fn ask(address: SocketAddr, method: Method, path: &str, headers: &[(&str, &str)]) -> hyper::http::request::Builder {
    let (address, mut builder) = (address.to_string(), Request::builder().method(method).uri(path));
    let host = headers.iter().all(|(name, _)| *name != "host").then_some(("host", address.as_str()));
    for (name, value) in host.iter().chain(headers) {
        builder = builder.header(*name, *value);
    }
    builder
}

/// A response that ends.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub async fn fetch(address: SocketAddr, method: Method, path: &str) -> Reply {
    fetch_with(address, method, path, &[], "").await
}

pub async fn fetch_with(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<String>,
) -> Reply {
    fetch_within(DEADLINE, address, method, path, headers, body).await
}

/// As [`fetch_with`], of a server that takes longer than [`DEADLINE`] for its answer by design.
pub async fn fetch_within(
    time: Duration,
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<String>,
) -> Reply {
    let builder = ask(address, method, path, headers);
    let response = request_within(time, address, builder.body(Full::from(body.into())).unwrap()).await;
    let response = response.expect("the server should answer");
    let (parts, body) = response.into_parts();
    let body = within("the response body", body.collect()).await.unwrap().to_bytes();
    Reply { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

/// An event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub data: String,
    pub id: String,
}

/// What comes from a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Event(Event),
    Retry(std::time::Duration),
    /// The body ended as it should.
    End,
    /// The connection was cut.
    Cut,
}

/// An open event stream. Dropping it closes the connection.
pub struct EventStream {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    decoder: Decoder,
    chunk: Bytes,
    /// All that came, raw.
    pub raw: Vec<u8>,
}

impl EventStream {
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, &[]).await
    }

    pub async fn open_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::try_open(address, path, headers).await.expect("the server should answer")
    }

    /// `None` when there is no answer: a server may be killed in the middle.
    pub async fn try_open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Option<Self> {
        Self::ask(address, Method::GET, path, headers, "").await
    }

    /// Posts JSON, and reads what that is answered with.
    pub async fn post(address: SocketAddr, path: &str, body: &str) -> Self {
        let headers = [("content-type", "application/json")];
        Self::ask(address, Method::POST, path, &headers, body).await.expect("the server should answer")
    }

    /// `None` when there is no answer.
    pub async fn ask(
        address: SocketAddr,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Self> {
        let builder = ask(address, method, path, headers);
        let response = request(address, builder.body(Full::from(body.to_owned())).unwrap()).await?;
        let (parts, body) = response.into_parts();
        let decoder = Decoder::new();
        let (chunk, raw) = (Bytes::new(), Vec::new());
        Some(EventStream { status: parts.status, headers: parts.headers, body, decoder, chunk, raw })
    }

    /// The next thing to come, without a deadline.
    pub async fn wait(&mut self) -> Item {
        loop {
            let mut input = &self.chunk[..];
            let item = match self.decoder.next(&mut input).unwrap() {
                Some(Frame::Event(event)) => Some(Item::Event(Event {
                    name: event.name.to_owned(),
                    data: event.data.to_owned(),
                    id: event.last_event_id.to_owned(),
                })),
                Some(Frame::Retry(retry)) => Some(Item::Retry(retry)),
                None => None,
            };
            let used = self.chunk.len() - input.len();
            drop(self.chunk.split_to(used));
            if let Some(item) = item {
                return item;
            }
            match self.body.frame().await {
                None => return Item::End,
                Some(Err(_)) => return Item::Cut,
                Some(Ok(frame)) => {
                    self.chunk = frame.into_data().unwrap_or_default();
                    self.raw.extend_from_slice(&self.chunk);
                }
            }
        }
    }

    /// The next thing to come.
    #[track_caller]
    pub fn item(&mut self) -> impl Future<Output = Item> {
        within("the stream", self.wait())
    }

    /// The next event; everything else is passed over.
    pub async fn event(&mut self) -> Event {
        loop {
            match self.item().await {
                Item::Event(event) => return event,
                Item::Retry(_) => {}
                ended => panic!("the stream ended instead of sending an event: {ended:?}"),
            }
        }
    }

    /// The next event that is none of the places that the hub tells.
    pub async fn update(&mut self) -> Event {
        loop {
            let event = self.event().await;
            if event.name != "place" {
                return event;
            }
        }
    }

    /// All updates until the stream ends, and how it did: without the places that the hub tells.
    pub async fn rest_of_updates(&mut self) -> (Vec<Event>, Item) {
        let (mut events, end) = self.rest().await;
        events.retain(|event| event.name != "place");
        (events, end)
    }

    /// All events until the stream ends, and how it did.
    pub async fn rest(&mut self) -> (Vec<Event>, Item) {
        let mut events = Vec::new();
        loop {
            match self.item().await {
                Item::Event(event) => events.push(event),
                Item::Retry(_) => {}
                end => return (events, end),
            }
        }
    }

    /// The last event id in force, as a client would send it back.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.raw.clone()).unwrap()
    }
}
