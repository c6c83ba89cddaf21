//! The newest update on a topic: what a component has noted there.

use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;

use spin_sse::source::Message;
use spin_sse::{Decoder, Frame};

use crate::log::{Entry, Unavailable};
use crate::spin::detached::detached;
use crate::spin::hub::Hub;
use crate::spin::work::read_topic;

impl Hub {
    /// The newest update that the log has on a topic, with its id. It is for topics with few updates, in which a
    /// component notes what its other requests shall find: all that the log has on the topic is read.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn latest(&self, topic: impl Into<String>) -> Result<Option<Message>, ReadError> {
        let (hub, topic) = (self.clone(), topic.into());
        let latest = detached(async move {
            let latest = find(&hub, &topic).await;
            hub.read_health.note(&latest);
            latest
        });
        Ok(latest.await.map_err(|_| ReadError)?.and_then(|entry| message(&entry)))
    }
}

/// The log does not answer now. Read again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadError;

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log cannot be read now: read again later")
    }
}

impl Error for ReadError {}

async fn find(hub: &Hub, topic: &str) -> Result<Option<Entry>, Unavailable> {
    let mut latest = None;
    let read = read_topic(&*hub.reading, topic, 0, |mut entries| {
        latest = entries.pop().or(latest.take());
        ControlFlow::Continue(())
    });
    read.await?;
    Ok(latest)
}

fn message(entry: &Entry) -> Option<Message> {
    let mut decoder = Decoder::new();
    let mut wire = &entry.wire[..];
    while let Some(frame) = decoder.next(&mut wire).ok()? {
        if let Frame::Event(message) = frame {
            return Some(Message::from(message));
        }
    }
    None
}
