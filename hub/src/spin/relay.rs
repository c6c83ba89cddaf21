//! Relays: an upstream stream that is appended to a topic, to its end, whether or not somebody follows.

use std::error::Error;
use std::fmt;
use std::future::{IntoFuture, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use spin_sdk::http::IntoResponse;
use spin_sdk::time::sleep;
use spin_sse::source::Source;
use spin_sse::{Event, Name, report};
use wasi::http::types::{ErrorCode, Response};

use crate::log::Log;
use crate::log::relay::Begun;
use crate::request::subscribe::Start;
use crate::request::subscription::Subscription;
use crate::spin::answer::{BURST, Subscriber, answer_first};
use crate::spin::detached::detached;
use crate::spin::endpoint::refuse;
use crate::spin::hub::Hub;
use crate::spin::relaying::begin;
use crate::spin::upstreams::{Arriving, OnEnd, RelayEnd, Relayed};
use crate::topic::topic::{InvalidTopic, Topic};

/// How often a relay whose request was answered tries to begin, a second apart.
const BEGIN_TRIES: u32 = 60;
/// The name of the event that ends a relayed topic by default.
const END: Name = Name::from_static("end");

impl Hub {
    /// Relays an upstream to a topic: appends each of its events, with name and data as they are, until it ends. The
    /// end of the upstream is the end of the topic. The relay goes on when the request in which it began has been
    /// answered, and when its client has left.
    ///
    /// ```no_run
    /// # use spin_sdk::http::{Error, Request, Response};
    /// # use spin_sse::source::Source;
    /// # use spin_sse_hub::{Hub, Subscription};
    /// # async fn answer(hub: Hub, request: Request) -> Result<(), Box<dyn std::error::Error>> {
    /// hub.relay("answer/7", Source::post("https://example.com/v1/chat/completions", "…")).await?;
    /// let answer = hub.subscribe(&request, Subscription::new(["answer/7"])?.from_start().quiet()).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// * What arrives while an append is under way, or within 10 ms, is one append. At most 100 events or 64 KiB of a
    ///   relay wait for the log; then the upstream is not read on.
    /// * When the topic is ended by [`Hub::end`], the relay drops its upstream within a second, and says in the
    ///   component's log how far it came.
    /// * The ids of the upstream's events are its own affair: the log gives the updates their ids.
    /// * When the host dies in the middle, an instance that has a stream, or gets one, notices within 30 s, and appends
    ///   the last update, once.
    ///
    /// The returned [`Relay`] has options. It begins when it is awaited, or [answers](Relay::answer) the request.
    pub fn relay(&self, topic: impl Into<String>, source: Source) -> Relay {
        self.relay_from(topic, Box::pin(ready(source)))
    }

    /// As [`Hub::relay`], with an upstream that is made just before the relay begins. When the relay
    /// [answers](Relay::answer) the request, the response head does not wait for what the upstream takes, such as the
    /// body of the request or a variable. If the upstream cannot be made, the topic ends as when an upstream fails.
    ///
    /// ```no_run
    /// # use spin_sdk::http::{Error, Request, Response, body::IncomingBodyExt};
    /// # use spin_sse::source::Source;
    /// # use spin_sse_hub::{Hub, Subscription};
    /// # fn answer(hub: Hub, request: Request) -> Result<(), Box<dyn std::error::Error>> {
    /// let (parts, body) = request.into_parts();
    /// let relay = hub.relay_with("answer/7", async move || -> Result<_, Error> {
    ///     Ok(Source::post("https://example.com/v1/chat/completions", body.bytes().await?))
    /// });
    /// let answer = Subscription::new(["answer/7"])?.quiet();
    /// let response = relay.answer(&http::Request::from_parts(parts, ()), answer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn relay_with<E: fmt::Display>(
        &self,
        topic: impl Into<String>,
        source: impl AsyncFnOnce() -> Result<Source, E> + 'static,
    ) -> Relay {
        self.relay_from(topic, Box::pin(async move { source().await.unwrap_or_else(Source::failed) }))
    }

    fn relay_from(&self, topic: impl Into<String>, source: Pin<Box<Making>>) -> Relay {
        Relay { hub: self.clone(), topic: topic.into(), source, private: true, on_end: Box::new(by_default) }
    }
}

/// An upstream that is made when its relay begins.
type Making = dyn Future<Output = Source>;

/// A relay that is about to begin: its options. It begins when it is awaited, which returns when the topic is held, or
/// when it [answers](Relay::answer) a request.
#[must_use = "a relay does nothing until it is awaited or answers a request"]
pub struct Relay {
    hub: Hub,
    topic: String,
    source: Pin<Box<Making>>,
    private: bool,
    on_end: Box<OnEnd>,
}

fn by_default(end: &RelayEnd) -> Event<'static> {
    Event::new(format!(r#"{{"reason":"{}"}}"#, end.reason())).name(END)
}

impl Relay {
    /// Makes the updates public. By default, only those may read them who are authorized for the topic, and those whom
    /// the component [lets follow](Hub::subscribe) it.
    pub fn public(mut self) -> Self {
        self.private = false;
        self
    }

    /// Sets what makes the last event of the topic. The default is named `end`, and its data says why: `{"reason":
    /// "finished"}`, `"failed"` or `"interrupted"`.
    ///
    /// An event without data is a block that clients do not see.
    pub fn on_end(mut self, event: impl Fn(&RelayEnd) -> Event<'static> + 'static) -> Self {
        self.on_end = Box::new(event);
        self
    }

    /// Begins, and answers the request that asked for it with a stream of the topic: from its start, or from the
    /// client's last event id on. The response head waits for nothing, so nothing is left to refuse.
    ///
    /// While requests wait, the host starts more instances, each of which then appends for itself. A hundred answers
    /// that were asked for at once were mostly relayed by 3 to 8 instances this way, one time in six by 11 to 42, and
    /// by 14 to 47 where each head waited for its relay. So a component that needs the request's body for its upstream
    /// reads it in [`Hub::relay_with`].
    ///
    /// Where the topic has a relay, or has ended, none begins, and the stream is of that topic all the same.
    /// While the log is away, the client is told to come back, and the relay tries to begin for a minute. The
    /// component's log says why a relay did not begin.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InternalError`] when the host refuses the response.
    pub fn answer<B>(self, request: &http::Request<B>, subscription: Subscription) -> Result<Response, ErrorCode> {
        let mut wants = match Subscriber::chosen(request, subscription, &self.hub) {
            Ok(wants) => wants,
            Err(refusal) => return refuse(&refusal, &self.hub.config).into_response(),
        };
        if wants.start == Start::Now {
            wants.start = Start::Earliest;
        }
        let response = answer_first(wants, self.hub.clone())?;
        wasi::spawn(async move {
            sleep(BURST).await;
            if let Err(error) = self.begin(BEGIN_TRIES).await {
                report(format_args!("hub: relay not begun: {error}"));
            }
        });
        Ok(response)
    }

    /// Begins; while the log is away, it tries `again` so many times, a second apart.
    async fn begin(self, mut again: u32) -> Result<(), RelayError> {
        let topic = Topic::new(self.topic).map_err(RelayError::Invalid)?;
        let topic: Rc<str> = Rc::from(topic.as_str());
        let relayed = Relayed { topic, private: self.private, on_end: self.on_end };
        let left = relayed.last(&RelayEnd::Interrupted);
        // This may take long, and nobody renews the lease of a topic whose relay has not begun.
        let source = self.source.await;
        let upstreams = &self.hub.upstreams;
        let begun = loop {
            let begun = upstreams.in_turn(async {
                let begun = self.hub.reading.begin_relay(&relayed.topic, upstreams.holder(), &left).await;
                match begun {
                    // The log has it for the relay that runs here, or for a begin whose answer was lost.
                    Ok(Begun::Held(_)) if !upstreams.admit(&relayed.topic) => Ok(Begun::Running),
                    begun => begun,
                }
            });
            let begun = begun.await;
            self.hub.write_health.note(&begun);
            if begun.is_ok() || again == 0 {
                break begun;
            }
            again = again.saturating_sub(1);
            sleep(Duration::from_secs(1)).await;
        };
        match begun {
            Ok(Begun::Held(position)) => {
                begin(&self.hub, Arriving { relayed, position, source });
                Ok(())
            }
            Ok(Begun::Running) => Err(RelayError::Running(relayed.topic.to_string())),
            Ok(Begun::Ended) => Err(RelayError::Ended(relayed.topic.to_string())),
            Err(_) => Err(RelayError::Unavailable),
        }
    }
}

impl IntoFuture for Relay {
    type Output = Result<(), RelayError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(detached(self.begin(0)))
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("topic", &self.topic).field("private", &self.private).finish_non_exhaustive()
    }
}

/// Why a relay did not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayError {
    /// The topic is none.
    Invalid(InvalidTopic),
    /// This topic has ended.
    Ended(String),
    /// Another relay appends to this topic.
    Running(String),
    /// The log does not answer now. Begin again later.
    Unavailable,
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RelayError::Invalid(reason) => reason.fmt(f),
            RelayError::Ended(topic) => write!(f, "topic {topic:?} has ended: relay to another"),
            RelayError::Running(topic) => write!(f, "topic {topic:?} has a relay: relay to another, or end it first"),
            RelayError::Unavailable => f.write_str("the log does not answer now: begin again later"),
        }
    }
}

impl Error for RelayError {}
