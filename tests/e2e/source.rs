//! The library's client, against a server that misbehaves in each way.

mod ends;
mod redirects;
mod resume;
mod text;

use crate::support::client::{Event, EventStream};
use crate::support::server::Server;
use crate::support::upstream::Upstream;

/// Opens `/source`, which passes on what comes from the upstream.
async fn open(server: &Server, url: &str, query: &str) -> EventStream {
    EventStream::open_with(server.address(), &format!("/source?{query}"), &[("x-upstream", url)]).await
}

/// The data of all messages of an upstream until its source ends, and how it ends.
async fn all(server: &Server, upstream: &Upstream, query: &str) -> (Vec<String>, String) {
    let mut stream = open(server, &upstream.url("/"), query).await;
    let mut data = Vec::new();
    loop {
        let Event { name, data: text, .. } = stream.event().await;
        match name.as_str() {
            "end" => return (data, text),
            _ => data.push(text),
        }
    }
}

/// What [`all`] returns.
fn said(data: &[&str], end: &str) -> (Vec<String>, String) {
    (data.iter().map(|data| (*data).to_owned()).collect(), end.to_owned())
}
