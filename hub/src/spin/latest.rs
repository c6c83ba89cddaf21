//! The newest update on a topic: what a component has noted there.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

use spin_sse::source::Message;
use spin_sse::{Decoder, Frame};

use crate::log::{Entry, Interest, Log, Unavailable};
use crate::spin::detached::detached;
use crate::spin::hub::Hub;

impl Hub {
    /// The newest update that the log has on a topic, with its id. It is for topics with few updates, in which a
    /// component notes what its other requests shall find: all that the log has on the topic is read.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn latest(&self, topic: impl Into<String>) -> Result<Option<Message>, ReadError> {
        let (hub, topic) = (self.clone(), Rc::from(topic.into()));
        let latest = detached(async move {
            let latest = find(&hub, topic).await;
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

async fn find(hub: &Hub, topic: Rc<str>) -> Result<Option<Entry>, Unavailable> {
    let (mut after, mut latest) = (0, None);
    loop {
        let page = hub.reading.after(&Interest::Topics(vec![(Rc::clone(&topic), after)])).await?;
        let is_last = page.through >= page.extent.head || page.through <= after;
        latest = page.entries.into_iter().next_back().or(latest);
        if is_last {
            return Ok(latest);
        }
        after = page.through;
    }
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
