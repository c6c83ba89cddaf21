//! An upstream that answers as a model does: a token every so often.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval};

use crate::update::update;

/// What each answer is.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// How many tokens it has.
    pub tokens: u64,
    /// From a token to the next.
    pub period: Duration,
}

/// The text of a token: its number and its time.
const TOKEN: usize = 28;

/// Starts it, in a thread of this process that goes on until the process ends.
pub fn start(answer: Answer) -> Result<SocketAddr> {
    let (sender, receiver) = channel();
    thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            sender.send(listener.local_addr()?)?;
            loop {
                let (connection, _) = listener.accept().await?;
                // One whose client has gone ends with an error.
                tokio::spawn(serve(connection, answer));
            }
        })
    });
    receiver.recv().context("the upstream has not started")
}

/// Answers one request, whatever it is.
async fn serve(mut connection: TcpStream, answer: Answer) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut asked = Vec::new();
    while memchr::memmem::find(&asked, b"\r\n\r\n").is_none() {
        if connection.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
                connection: close\r\n\r\n";
    connection.write_all(head.as_bytes()).await?;
    let mut ticks = interval(answer.period);
    // At the rate that is said, whatever the machine does meanwhile.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..answer.tokens {
        ticks.tick().await;
        let token = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", update(number, TOKEN));
        connection.write_all(chunk(&token).as_bytes()).await?;
    }
    connection.write_all((chunk("data: [DONE]\n\n") + "0\r\n\r\n").as_bytes()).await?;
    connection.shutdown().await?;
    // What of the question was not read would reset the connection.
    while connection.read_buf(&mut asked).await? > 0 {}
    Ok(())
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}
