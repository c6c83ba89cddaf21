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
    let (mut asked, mut answered) = (Vec::new(), vec![0; 1 << 20]);
    let (mut meddled, mut left) = (None, None);
    loop {
        tokio::select! {
            Ok(1..) = from_client.read_buf(&mut asked) => {
                let mut passed = Vec::new();
                while let Some(length) = first_command(&asked) {
                    let command: Vec<u8> = asked.drain(..length).collect();
                    let is_marked = command.windows(mark.len()).any(|window| window == mark.as_bytes());
                    let meddling = if is_marked { meddling.lock().unwrap().take() } else { None };
                    if meddling.is_some() {
                        // Its answer says where that of the command is, among those of others.
                        passed.extend(b"PING\r\n");
                    }
                    if !matches!(meddling, Some(Meddling::Answer(_))) {
                        passed.extend(command);
                    }
                    meddled = meddling.or(meddled);
                }
                if to_server.write_all(&passed).await.is_err() { return }
            }
            Ok(length @ 1..) = from_server.read(&mut answered) => {
                let mut answers = answered[..length].to_vec();
                let pong = answers.windows(7).position(|window| window == b"+PONG\r\n");
                if let (Some(at), Some(meddling)) = (pong, meddled.take_if(|_| pong.is_some())) {
                    let after = answers.split_off(at).split_off(7);
                    match meddling {
                        Meddling::Answer(instead) => answers.extend([instead.as_bytes(), &after].concat()),
                        Meddling::Cut(bytes) => {
                            if to_client.write_all(&answers).await.is_err() { return }
                            (left, answers) = (Some(bytes), after);
                        }
                    }
                }
                let is_cut = left.is_some() && !answers.is_empty();
                answers.truncate(left.unwrap_or(answers.len()));
                if to_client.write_all(&answers).await.is_err() || is_cut { return }
            }
            else => return,
        }
    }
}

/// The length of the first command, when all of it has come. It is an array of strings.
fn first_command(bytes: &[u8]) -> Option<usize> {
    let (words, mut at) = length(bytes, 0)?;
    for _ in 0..words {
        let (length, start) = length(bytes, at)?;
        at = start + length + 2;
    }
    (at <= bytes.len()).then_some(at)
}

/// The number of a line as `*3`, and where the line ends.
fn length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let line = bytes.get(at..)?;
    let end = line.windows(2).position(|window| window == b"\r\n")?;
    Some((std::str::from_utf8(&line[1..end]).unwrap().parse().unwrap(), at + end + 2))
}
