//! A server that misbehaves as it is told: it answers each request with the next of its answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::within;

/// What is done on a connection, one after the other. After the last it is closed.
#[derive(Clone, Debug)]
pub enum Step {
    Head(u16, Vec<(&'static str, String)>),
    /// A chunk of the body.
    Chunk(Vec<u8>),
    /// Chunks of one byte, each sent apart.
    Slowly(Vec<u8>),
    /// The same chunk until the client closes the connection.
    Endlessly(Vec<u8>),
    /// Nothing for a while.
    Pause(Duration),
    /// Nothing until the test sends `true`.
    Gate(watch::Receiver<bool>),
    /// The end of the body. Without it the body is cut.
    End,
    /// Nothing until the client closes the connection.
    Hold,
}

pub type Answer = Vec<Step>;

/// An answer with these steps after the head of an event stream.
pub fn stream(steps: impl IntoIterator<Item = Step>) -> Answer {
    let head = Step::Head(200, vec![("content-type", "text/event-stream; charset=utf-8".to_owned())]);
    [head].into_iter().chain(steps).collect()
}

/// A chunk of an event stream.
pub fn chunk(bytes: impl AsRef<[u8]>) -> Step {
    Step::Chunk(bytes.as_ref().to_vec())
}

/// An answer without a body.
pub fn status(status: u16) -> Answer {
    vec![Step::Head(status, Vec::new()), Step::End]
}

pub fn redirect(status: u16, location: impl ToString) -> Answer {
    vec![Step::Head(status, vec![("location", location.to_string())]), Step::End]
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: String,
}

impl Asked {
    /// A header as text, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_slice());
        std::str::from_utf8(value.unwrap_or_default()).unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(header, _)| header == name)
    }
}

/// A running server. Dropped, it stops.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    asked: watch::Sender<Vec<Asked>>,
    /// How many connections were closed by the client while the server was not done.
    left: watch::Sender<usize>,
    /// How many bytes of bodies the clients' side has taken.
    taken: watch::Sender<usize>,
}

impl Upstream {
    /// Gives these answers, and then 204.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> Upstream {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: watch::Sender::default(),
            left: watch::Sender::default(),
            taken: watch::Sender::default(),
        });
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                connection.set_nodelay(true).unwrap();
                tokio::spawn(serving.clone().serve(connection));
            }
        });
        Upstream { address, shared, task: task.abort_handle() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests that have come.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.borrow().clone()
    }

    /// Waits for so many requests.
    #[track_caller]
    pub fn asked_times(&self, count: usize) -> impl Future<Output = Vec<Asked>> {
        let mut asked = self.shared.asked.subscribe();
        within(format!("{count} requests to the upstream"), async move {
            asked.wait_for(|asked| asked.len() >= count).await.unwrap().clone()
        })
    }

    /// Waits until so many clients have left before the end.
    #[track_caller]
    pub fn left(&self, count: usize) -> impl Future<Output = ()> {
        let mut left = self.shared.left.subscribe();
        within(format!("{count} clients to leave the upstream"), async move {
            left.wait_for(|left| *left >= count).await.unwrap();
        })
    }

    /// Waits until the clients' side has taken so many bytes of bodies.
    #[track_caller]
    pub fn taken_at_least(&self, bytes: usize) -> impl Future<Output = ()> {
        let mut taken = self.shared.taken.subscribe();
        within(format!("{bytes} bytes of the upstream to be taken"), async move {
            taken.wait_for(|taken| *taken >= bytes).await.unwrap();
        })
    }

    /// Waits until the clients' side has taken nothing for a second.
    pub async fn rests(&self) {
        let mut taken = None;
        within("the upstream to rest", async {
            while taken.replace(self.taken()) != Some(self.taken()) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
        .await;
    }

    /// How many bytes of bodies the clients' side has taken.
    pub fn taken(&self) -> usize {
        *self.shared.taken.borrow()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, mut connection: TcpStream) {
        let Some(asked) = read(&mut connection).await else { return };
        self.asked.send_modify(|all| all.push(asked));
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| status(204));
        for step in answer {
            if self.take(&mut connection, step).await.is_none() {
                self.left.send_modify(|left| *left += 1);
                return;
            }
        }
        let _ = connection.shutdown().await;
    }

    /// Takes one step; `None` when the client has gone.
    async fn take(&self, connection: &mut TcpStream, step: Step) -> Option<()> {
        match step {
            Step::Head(status, headers) => {
                let mut head = format!("HTTP/1.1 {status} Whatever\r\nconnection: close\r\n");
                if status != 204 {
                    head += "transfer-encoding: chunked\r\n";
                }
                for (name, value) in headers {
                    head += &format!("{name}: {value}\r\n");
                }
                connection.write_all((head + "\r\n").as_bytes()).await.ok()
            }
            Step::Chunk(bytes) => self.chunk(connection, &bytes).await,
            Step::Slowly(bytes) => {
                for byte in bytes.chunks(1) {
                    self.chunk(connection, byte).await?;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Some(())
            }
            Step::Endlessly(bytes) => loop {
                self.chunk(connection, &bytes).await?;
            },
            Step::Pause(pause) => {
                let left = tokio::time::timeout(pause, connection.read(&mut [0])).await;
                left.is_err().then_some(())
            }
            Step::Gate(mut gate) => {
                let mut buffer = [0];
                tokio::select! {
                    is_open = async { gate.wait_for(|is_open| *is_open).await.is_ok() } => is_open.then_some(()),
                    _ = connection.read(&mut buffer) => None,
                }
            }
            Step::End => connection.write_all(b"0\r\n\r\n").await.ok(),
            Step::Hold => {
                let _ = connection.read(&mut [0]).await;
                None
            }
        }
    }

    async fn chunk(&self, connection: &mut TcpStream, bytes: &[u8]) -> Option<()> {
        let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
        framed.extend_from_slice(bytes);
        framed.extend_from_slice(b"\r\n");
        connection.write_all(&framed).await.ok()?;
        self.taken.send_modify(|taken| *taken += bytes.len());
        Some(())
    }
}

/// A request with its body, which has a length or is chunked.
async fn read(connection: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break bytes.drain(..end + 4).collect::<Vec<u8>>();
        }
        (connection.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
        // The greeting of TLS, which this server does not know.
        (bytes.first() != Some(&0x16)).then_some(())?;
    };
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = String::from_utf8(lines.next()?.to_vec()).unwrap();
    let mut words = first.split(' ');
    let mut asked = Asked { method: words.next()?.to_owned(), path: words.next()?.to_owned(), ..Asked::default() };
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap();
        let name = String::from_utf8(line[..colon].to_ascii_lowercase()).unwrap();
        asked.headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    assert!(!asked.has("transfer-encoding"), "a body should have a length: {asked:?}");
    let length = asked.header("content-length").parse().unwrap_or(0);
    while bytes.len() < length {
        (connection.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    }
    asked.body = String::from_utf8(bytes).unwrap();
    Some(asked)
}
