//! Publishing: to the log, and to who hears it. For a component, and for a `POST`.

use std::collections::BinaryHeap;
use std::error::Error;
use std::fmt;
use std::pin::Pin;

use spin_sse::Event;

use crate::log::log::Appended;
use crate::log::{AppendError, Position, Record};
use crate::request::publish::MAX_BATCH;
use crate::spin::detached::detached;
use crate::spin::hub::Hub;
use crate::topic::key::key;
use crate::topic::reserved::PATH;
use crate::topic::update::{InvalidUpdate, MAX_BYTES, Update};

/// How many bytes of updates are published at once at most.
const MAX_BATCH_BYTES: usize = 4 * MAX_BYTES;

impl Hub {
    /// Publishes an update, and returns its id: that of its event, or else one that the log gave it. The update is
    /// durable then. It needs no token: whether to publish is for the component to decide.
    ///
    /// A publication whose future is dropped goes on.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    pub async fn publish(&self, update: Update) -> Result<String, PublishError> {
        let ids = self.publish_all([update]).await?;
        Ok(ids.into_iter().next().unwrap_or_default())
    }

    /// Publishes up to 1,000 updates, up to 4 MiB of them, all or none, and returns their ids. They follow each other
    /// in the history.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    pub async fn publish_all(&self, updates: impl IntoIterator<Item = Update>) -> Result<Vec<String>, PublishError> {
        let (mut all, mut bytes) = (Vec::new(), 0_usize);
        let path = self.config.path(PATH);
        for update in updates {
            update.check_hub(path).map_err(InvalidUpdate::from)?;
            bytes = bytes.saturating_add(update.size());
            if all.len() == MAX_BATCH || bytes > MAX_BATCH_BYTES {
                return Err(PublishError::TooMuch);
            }
            all.push(update);
        }
        if all.is_empty() {
            return Ok(Vec::new());
        }
        detached(store(self.clone(), all)).await
    }

    /// Ends a topic: publishes its last update, a private one.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    pub async fn end<'e>(&self, topic: impl Into<String>, event: impl Into<Event<'e>>) -> Result<String, PublishError> {
        self.publish(Update::new(topic, event)?.private().last()).await
    }
}

/// Why updates were not published. None of them was, unless it is said that this is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// What was to be published is no update.
    Invalid(InvalidUpdate),
    /// More than 1,000 updates, or more than 4 MiB, were to be published at once.
    TooMuch,
    /// This topic has ended.
    Ended(String),
    /// The log does not answer now. Publish again later.
    Unavailable {
        /// It is not known whether the updates were published: published again, they may be there twice. Otherwise
        /// they were not.
        uncertain: bool,
    },
}

impl From<InvalidUpdate> for PublishError {
    fn from(reason: InvalidUpdate) -> Self {
        PublishError::Invalid(reason)
    }
}

impl From<AppendError> for PublishError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Ended(topic) => PublishError::Ended(topic),
            AppendError::Unavailable(error) => PublishError::Unavailable { uncertain: error.uncertain },
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Invalid(reason) => reason.fmt(f),
            PublishError::TooMuch => write!(
                f,
                "more than {MAX_BATCH} updates at once, or more than {MAX_BATCH_BYTES} bytes: publish fewer at a time"
            ),
            PublishError::Ended(topic) => {
                write!(f, "topic {topic:?} has ended: nothing was published, publish to another topic")
            }
            PublishError::Unavailable { uncertain: true } => f.write_str(
                "the log does not answer now: it is not known whether this was published, publish again later",
            ),
            PublishError::Unavailable { uncertain: false } => {
                f.write_str("the log cannot be written now: nothing was published, publish again later")
            }
        }
    }
}

impl Error for PublishError {}

/// The future of [`store`]. The compiler makes the parts of a future anew in each crate that has it in a future of its
/// own; a box keeps them in this crate.
type Stored = Pin<Box<dyn Future<Output = Result<Vec<String>, PublishError>>>>;

/// Appends updates to the log as one, tells who hears them, and returns their ids.
pub(crate) fn store(hub: Hub, updates: Vec<Update>) -> Stored {
    Box::pin(async move {
        let records: Vec<Record> = updates.into_iter().map(Record::from).collect();
        let given: Vec<Option<String>> = records.iter().map(|record| record.id.clone()).collect();
        Ok(ids(given, &append(&hub, records).await?))
    })
}

/// Appends to the log as one, tells who hears it, and returns the position of the first.
pub(crate) async fn append(hub: &Hub, records: Vec<Record>) -> Result<Position, AppendError> {
    let announce = async |records: &[Record], appended: &Appended| announce(hub, records, appended).await;
    let first = hub.appends.append(&*hub.writing, records, announce).await;
    hub.write_health.note_append(&first);
    first
}

/// Tells those who hear them of updates that were appended together: the sessions of this instance, and others.
pub(crate) async fn announce(hub: &Hub, records: &[Record], appended: &Appended) {
    // A heap sorts in a tenth of the code that `sort` is.
    let topics: BinaryHeap<u64> = records.iter().flat_map(Record::topics).map(key).collect();
    let mut topics = topics.into_sorted_vec();
    topics.dedup();
    let count = u64::try_from(records.len().saturating_sub(1)).unwrap_or(u64::MAX);
    let last = Position { sequence: appended.first.sequence.saturating_add(count), ..appended.first.clone() };
    hub.registry.published(&topics, &last).await;
    if !appended.listeners.is_empty() {
        hub.wakeups.wake(&appended.listeners, &last, &topics).await;
    }
}

/// The ids of updates that were appended from `first` on.
fn ids(given: Vec<Option<String>>, first: &Position) -> Vec<String> {
    let sequences = first.sequence..;
    let minted = sequences.map(|sequence| Position { sequence, ..first.clone() }.to_string());
    given.into_iter().zip(minted).map(|(given, minted)| given.unwrap_or(minted)).collect()
}
