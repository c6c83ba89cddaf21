//! A broadcast server as one writes it with axum: a channel, a stream of it, an event each.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt};

use crate::process::{Process, free_address};
use crate::server::{Dialect, Server};

/// How far a subscriber may fall behind before it loses updates.
const CAPACITY: usize = 16 * 1024;

type Updates = broadcast::Sender<Arc<(u64, String)>>;

/// Starts it, as another process of this program.
pub fn start() -> Result<Server> {
    let (address, state) = (free_address()?, tempfile::tempdir()?);
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve-native", &address.to_string()]);
    let process = Process::start(command, address, state.path())?;
    Ok(Server { name: "axum".to_owned(), address, process, dialect: Dialect::Native, state })
}

/// Serves until it is killed.
#[tokio::main]
pub async fn serve(address: SocketAddr) -> Result<()> {
    let (updates, _) = broadcast::channel(CAPACITY);
    let router = Router::new().route("/publish", post(publish)).route("/subscribe", get(subscribe)).with_state(updates);
    let listener = tokio::net::TcpListener::bind(address).await?;
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await?;
    Ok(())
}

/// One update a line.
async fn publish(State(updates): State<Updates>, body: String) -> StatusCode {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    for line in body.lines() {
        // An error is that nobody listens.
        let _ = updates.send(Arc::new((NEXT.fetch_add(1, Ordering::Relaxed), line.to_owned())));
    }
    StatusCode::NO_CONTENT
}

async fn subscribe(State(updates): State<Updates>) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let stream = BroadcastStream::new(updates.subscribe()).filter_map(|update| {
        // An error is that some were lost.
        let update = update.ok()?;
        let (id, data) = &*update;
        Some(Ok(Event::default().id(id.to_string()).data(data)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
