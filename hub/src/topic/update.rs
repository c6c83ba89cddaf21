//! An update: what is published.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use spin_sse::{Event, Id, Name, Parts};

use crate::topic::field::{InvalidField, MAX_RETRY, check_id, check_name};
use crate::topic::reserved::PATH;
use crate::topic::topic::{InvalidTopic, Topic};

/// How many bytes an update's event has at most, without the line of its id. Each line of its data costs six bytes more
/// than the line itself.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;
/// How many topics an update has at most.
pub(crate) const MAX_TOPICS: usize = 100;

/// What is published: an event, and the topics that it is about.
///
/// An update is valid by construction. [`Update::new`] and [`also`](Update::also) check what the protocol checks of an
/// update that is `POST`ed.
///
/// ```
/// use spin_sse::Event;
/// use spin_sse_hub::Update;
///
/// let update = Update::new("chat/7", Event::new("hello").name("message"))?.also("rooms")?.private();
/// # Ok::<(), spin_sse_hub::InvalidUpdate>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The first is the canonical one.
    topics: Vec<Topic>,
    id: Option<String>,
    /// The event as it is sent, but for the line of its id: the log may not know the id yet.
    body: String,
    private: bool,
    last: bool,
}

impl Update {
    /// An event to publish on `topic`.
    ///
    /// The event has data, and has at most 1 MiB on the wire. Its name and its id are as a publisher's may be: see
    /// [`InvalidField`]. Without an id, or with an empty one, the log gives it an id. Its retry time is at most
    /// `i32::MAX` milliseconds.
    ///
    /// # Errors
    ///
    /// [`InvalidUpdate`], the first reason that applies.
    pub fn new<'e>(topic: impl Into<String>, event: impl Into<Event<'e>>) -> Result<Update, InvalidUpdate> {
        let mut topics = Vec::new();
        add(&mut topics, topic.into())?;
        let event = event.into();
        let Parts { data, name, id, retry, .. } = event.as_parts();
        let data = data.ok_or(InvalidUpdate::NoData)?;
        Update::of(topics, id.map(Id::as_str), name.map(Name::as_str), retry, data)
    }

    /// An update on these topics, of texts that nobody has checked. An empty id or name is none.
    pub(crate) fn of(
        topics: Vec<Topic>,
        id: Option<&str>,
        name: Option<&str>,
        retry: Option<Duration>,
        data: &str,
    ) -> Result<Update, InvalidUpdate> {
        let id = id.filter(|id| !id.is_empty()).map(check_id).transpose()?;
        let mut event = Event::new(data);
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            event = event.name(check_name(name)?);
        }
        if let Some(delay) = retry {
            let millis = delay.as_millis();
            event = event.retry(Some(delay).filter(|_| millis <= MAX_RETRY.into()).ok_or(InvalidField::Retry)?);
        }
        let mut body = Vec::with_capacity(data.len().saturating_add(64));
        event.encode(&mut body);
        if body.len() > MAX_BYTES {
            return Err(InvalidUpdate::TooLarge);
        }
        // The encoder writes what it was given as `str`: this never replaces anything.
        let body = String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into());
        Ok(Update { topics, id: id.map(str::to_owned), body, private: false, last: false })
    }

    /// Publishes it on one more topic: it is one update, which a subscriber of several of its topics gets once.
    ///
    /// # Errors
    ///
    /// [`InvalidUpdate`]: the topic is none, or the 101st.
    pub fn also(mut self, topic: impl Into<String>) -> Result<Update, InvalidUpdate> {
        add(&mut self.topics, topic.into())?;
        Ok(self)
    }

    /// Only subscribers who may read the private updates of one of its topics get it: those whose token covers the
    /// topic, and those whom a component subscribes to it.
    pub fn private(self) -> Update {
        Update { private: true, ..self }
    }

    /// It is the last update of its topics.
    pub fn last(self) -> Update {
        Update { last: true, ..self }
    }

    /// Its topics, the canonical one first.
    pub(crate) fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Checks that none of its topics addresses a hub at this path. For the usual path it is known.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic::Reserved`], of the first one that does.
    pub(crate) fn check_hub(&self, path: &str) -> Result<(), InvalidTopic> {
        if path == PATH { Ok(()) } else { self.topics.iter().try_for_each(|topic| topic.check_hub(path)) }
    }

    /// Whether it is private.
    pub(crate) fn is_private(&self) -> bool {
        self.private
    }

    /// Whether it is the last one of its topics.
    pub(crate) fn is_last(&self) -> bool {
        self.last
    }

    /// The bytes of its event, without the line of its id.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }

    /// Its id, where its publisher gave one, and its event without the id. The line `id: <id>` in front of the event
    /// makes it the event with that id.
    pub(crate) fn into_event(self) -> (Option<String>, String) {
        (self.id, self.body)
    }
}

/// Adds a topic to those of an update.
pub(crate) fn add(topics: &mut Vec<Topic>, topic: String) -> Result<(), InvalidUpdate> {
    if topics.len() == MAX_TOPICS {
        return Err(InvalidUpdate::TooManyTopics);
    }
    topics.push(Topic::new(topic)?);
    Ok(())
}

/// Why an event and its topics are no [`Update`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUpdate {
    /// One of the topics is none.
    Topic(InvalidTopic),
    /// It has more than 100 topics.
    TooManyTopics,
    /// The id, the name or the retry time cannot be that of an update.
    Field(InvalidField),
    /// The event has no data, so that no client would get it.
    NoData,
    /// The event has more than 1 MiB on the wire.
    TooLarge,
}

impl From<InvalidTopic> for InvalidUpdate {
    fn from(reason: InvalidTopic) -> Self {
        InvalidUpdate::Topic(reason)
    }
}

impl From<InvalidField> for InvalidUpdate {
    fn from(reason: InvalidField) -> Self {
        InvalidUpdate::Field(reason)
    }
}

impl fmt::Display for InvalidUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidUpdate::Topic(reason) => reason.fmt(f),
            InvalidUpdate::TooManyTopics => {
                write!(f, "more than {MAX_TOPICS} topics: publish to fewer at a time")
            }
            InvalidUpdate::Field(reason) => reason.fmt(f),
            InvalidUpdate::NoData => f.write_str("the event has no data: give it some, which may be empty"),
            InvalidUpdate::TooLarge => {
                write!(f, "the update's event would be larger than {MAX_BYTES} bytes: send less data, or fewer lines")
            }
        }
    }
}

impl Error for InvalidUpdate {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused(result: Result<Update, InvalidUpdate>, sentence: &str) {
        let reason = result.unwrap_err().to_string();
        assert!(reason.contains(sentence), "{reason}");
    }

    #[track_caller]
    fn is(event: Event<'_>, id: Option<&str>, body: &str) {
        let update = Update::new("a", event).unwrap();
        assert_eq!(update.into_event(), (id.map(str::to_owned), body.to_owned()));
    }

    #[test]
    fn an_update_has_the_fields_that_were_given() {
        is(Event::new("x"), None, "data: x\n\n");
        is(Event::new("x").id(7), Some("7"), "data: x\n\n");
        is(Event::new("").name("n").retry(Duration::from_secs(1)), None, "retry: 1000\nevent: n\ndata: \n\n");
        is(Event::new("x").id(Id::from_static("")), None, "data: x\n\n");
    }

    #[test]
    fn an_update_is_public_and_not_the_last_unless_it_is_said_to_be() {
        let update = Update::new("a", Event::new("x")).unwrap();
        assert!(!update.is_private() && !update.is_last());
        assert!(update.clone().private().is_private() && update.last().is_last());
    }

    #[test]
    fn an_update_has_1_to_100_topics_the_first_of_which_is_the_canonical_one() {
        let mut update = Update::new("0", Event::new("x")).unwrap();
        for topic in 1..MAX_TOPICS {
            update = update.also(topic.to_string()).unwrap();
        }
        assert_eq!(update.topics().iter().map(Topic::as_str).take(2).collect::<Vec<_>>(), ["0", "1"]);
        refused(update.also("x"), "more than 100 topics");
        refused(Update::new("*", Event::new("x")), "topic is *");
        refused(Update::new("", Event::new("x")), "topic is empty");
        refused(Update::new("/.well-known/mercure", Event::new("x")), "is for the hub itself");
        refused(Update::new("a", Event::new("x")).unwrap().also("a\nb"), "topic contains U+000A");
    }

    #[test]
    fn an_event_that_the_protocol_would_refuse_is_refused() {
        refused(Update::new("a", Event::new("x").id(Id::from_static("#1-2"))), "id begins with #");
        refused(Update::new("a", Event::new("x").id(Id::from_static("earliest"))), "id is earliest");
        refused(Update::new("a", Event::new("x").name("mercure")), "type mercure is for the hub's own events");
        refused(Update::new("a", Event::new("x").retry(Duration::from_millis(MAX_RETRY + 1))), "retry is no time");
        refused(Update::new("a", Event::without_data().id(7)), "the event has no data");
    }

    #[test]
    fn an_event_has_at_most_1_mib_on_the_wire() {
        let frame = "data: \n\n".len();
        assert!(Update::new("a", Event::new("x".repeat(MAX_BYTES - frame))).is_ok());
        refused(Update::new("a", Event::new("x".repeat(MAX_BYTES - frame + 1))), "larger than 1048576 bytes");
        refused(Update::new("a", Event::new("\n".repeat(200_000))), "send less data, or fewer lines");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_line_with_an_id_makes_it_the_event_with_that_id(
            data in ".*", name in prop::option::of("[a-z ]+"), retry in prop::option::of(0..MAX_RETRY), id in "[^#\\pC].*",
        ) {
            let event = |id: Option<Id<'static>>| {
                let mut event = Event::new(data.clone());
                if let Some(name) = &name { event = event.name(Name::new(name.clone()).unwrap()); }
                if let Some(retry) = retry { event = event.retry(Duration::from_millis(retry)); }
                if let Some(id) = id { event = event.id(id); }
                event
            };
            let Ok(id) = Id::new(id) else { return Ok(()) };
            let Ok(update) = Update::new("a", event(Some(id.clone()))) else { return Ok(()) };
            let (given, body) = update.into_event();
            prop_assert_eq!(given.as_deref(), Some(id.as_str()));
            let bytes = format!("id: {id}\n{body}").into_bytes();

            let (mut decoder, mut input, mut seen_retry) = (spin_sse::Decoder::new(), &bytes[..], None);
            let message = loop {
                match decoder.next(&mut input).unwrap() {
                    Some(spin_sse::Frame::Retry(delay)) => seen_retry = Some(delay),
                    Some(spin_sse::Frame::Event(message)) => break message,
                    None => panic!("no event in {:?}", String::from_utf8_lossy(&bytes)),
                }
            };
            prop_assert_eq!(message.data, data.replace("\r\n", "\n").replace('\r', "\n"));
            prop_assert_eq!(message.last_event_id, id.as_str());
            prop_assert_eq!(message.name, name.as_deref().unwrap_or("message"));
            prop_assert_eq!(seen_retry, retry.map(Duration::from_millis));
            prop_assert!(input.is_empty());
        }
    }
}
