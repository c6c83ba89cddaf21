//! A proxy in front of a Redis, which meddles with the answer to one command.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What happens to the next command that has the proxy's mark.
#[derive(Clone, Debug)]
pub enum Meddling {
    /// It does not reach the Redis, and is answered with this, in its turn.
    Answer(&'static str),
    /// Of its answer only so many bytes come, and then the connection is closed.
    Cut(usize),
}

/// A running proxy. Dropped, it stops.
pub struct Proxy {
    address: SocketAddr,
    meddling: Arc<Mutex<Option<Meddling>>>,
    task: AbortHandle,
}

impl Proxy {
    /// A proxy of the Redis on this port. `mark` is in the commands that it may meddle with.
    pub async fn start(port: u16, mark: &'static str) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, meddling) = (listener.local_addr().unwrap(), Arc::default());
        let task = tokio::spawn({
            let meddling = Arc::clone(&meddling);
            async move {
                loop {
                    let (client, _) = listener.accept().await.unwrap();
                    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                    tokio::spawn(relay(client, server, mark, Arc::clone(&meddling)));
                }
            }
        });
        Proxy { address, meddling, task: task.abort_handle() }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Meddles with the next command that has the mark.
    pub fn meddle(&self, meddling: Meddling) {
        *self.meddling.lock().unwrap() = Some(meddling);
    }

    /// Whether it has done so.
    pub fn has_meddled(&self) -> bool {
        self.meddling.lock().unwrap().is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(client: TcpStream, server: TcpStream, mark: &str, meddling: Arc<Mutex<Option<Meddling>>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let (mut left, mut answer) = (None, None);
    loop {
        tokio::select! {
            Ok(length @ 1..) = from_client.read(&mut asked) => {
                let command = &asked[..length];
                let is_marked = command.windows(mark.len()).any(|window| window == mark.as_bytes());
                match if is_marked { meddling.lock().unwrap().take() } else { None } {
                    Some(Meddling::Answer(instead)) => {
                        answer = Some(instead);
                        if to_server.write_all(b"PING\r\n").await.is_err() { return }
                        continue;
                    }
                    Some(Meddling::Cut(bytes)) => left = Some(bytes),
                    None => {}
                }
                if to_server.write_all(command).await.is_err() { return }
            }
            Ok(length @ 1..) = from_server.read(&mut answered) => {
                let pong = answered[..length].windows(7).position(|window| window == b"+PONG\r\n");
                if let (Some(at), Some(instead)) = (pong, answer.take_if(|_| pong.is_some())) {
                    let answers = [&answered[..at], instead.as_bytes(), &answered[at + 7..length]].concat();
                    if to_client.write_all(&answers).await.is_err() { return }
                    continue;
                }
                let length = left.map_or(length, |left| length.min(left));
                if to_client.write_all(&answered[..length]).await.is_err() || left.is_some() { return }
            }
            else => return,
        }
    }
}
