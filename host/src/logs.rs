//! What the components print, line by line.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use tokio::sync::watch;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// Lines kept for those who ask later.
const KEPT: usize = 10_000;

/// A longer line is cut in pieces, so that output without line breaks cannot fill the memory.
const LONGEST_LINE: usize = 64 * 1024;

/// The lines that a component's instances wrote to stdout and stderr, and what the host says about the instances: a
/// trap, a timeout.
/// A clone is another handle to the same lines.
#[derive(Clone)]
pub struct Logs(Arc<Shared>);

struct Shared {
    lines: Mutex<VecDeque<String>>,
    news: watch::Sender<()>,
    echo: bool,
}

impl Logs {
    /// `echo` prints every line to stderr too.
    pub(crate) fn new(echo: bool) -> Self {
        Self(Arc::new(Shared { lines: Mutex::default(), news: watch::Sender::new(()), echo }))
    }

    /// The last lines, at most 10,000, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.locked().iter().cloned().collect()
    }

    /// Waits until a line contains `text`, which may have happened already, and returns the first such line.
    pub async fn wait_for(&self, text: &str) -> String {
        self.wait_for_count(text, 1).await.pop().unwrap_or_default()
    }

    /// Waits until at least `count` lines contain `text`, and returns the first `count` of them. Past lines count.
    pub async fn wait_for_count(&self, text: &str, count: usize) -> Vec<String> {
        let mut news = self.0.news.subscribe();
        loop {
            let found = self.matching(text, count);
            if found.len() == count {
                return found;
            }
            // Cannot fail: `self` holds the sender.
            let _ = news.changed().await;
        }
    }

    fn matching(&self, text: &str, count: usize) -> Vec<String> {
        self.locked().iter().filter(|line| line.contains(text)).take(count).cloned().collect()
    }

    pub(crate) fn push(&self, line: String) {
        if self.0.echo {
            // stderr may be closed; the component shall not notice.
            let _ = io::Write::write_all(&mut io::stderr().lock(), format!("{line}\n").as_bytes());
        }
        let mut lines = self.locked();
        if lines.len() >= KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
        drop(lines);
        self.0.news.send_replace(());
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One instance's stdout or stderr. Streams that the guest opens on it share its half-written line.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<Partial>>);

struct Partial {
    line: Vec<u8>,
    logs: Logs,
}

impl Output {
    pub(crate) fn new(logs: Logs) -> Self {
        Self(Arc::new(Mutex::new(Partial { line: Vec::new(), logs })))
    }
}

impl Partial {
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, complete) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            self.line.extend_from_slice(text);
            if complete || self.line.len() >= LONGEST_LINE {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.logs.push(String::from_utf8_lossy(&line).into_owned());
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn written(pieces: &[&str]) -> Vec<String> {
        let logs = Logs::new(false);
        let output = Output::new(logs.clone());
        for piece in pieces {
            output.0.lock().unwrap().write(piece.as_bytes());
        }
        drop(output);
        logs.lines()
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        assert_eq!(written(&["a\nb\n"]), ["a", "b"]);
        assert_eq!(written(&["a", "b", "\n\n", "c"]), ["ab", "", "c"]);
        assert_eq!(written(&["x".repeat(LONGEST_LINE + 1).as_str()]), ["x".repeat(LONGEST_LINE + 1)]);
        assert!(written(&[]).is_empty());
    }

    #[tokio::test]
    async fn lines_of_the_past_and_of_the_future_are_waited_for() {
        let logs = Logs::new(false);
        logs.push("client 1 left".into());
        assert_eq!(logs.wait_for("left").await, "client 1 left");
        let waiting = tokio::spawn({
            let logs = logs.clone();
            async move { logs.wait_for_count("left", 2).await }
        });
        tokio::task::yield_now().await;
        logs.push("client 2 left".into());
        let found = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("the second line");
        assert_eq!(found.unwrap(), ["client 1 left", "client 2 left"]);
    }
}
