//! The answers: each is a topic of the hub.

use http::{HeaderName, HeaderValue, StatusCode};
use spin_sdk::http::IntoResponse;
use spin_sdk::variables;
use spin_sse::source::Source;
use spin_sse::{Event, Name};
use spin_sse_hub::reply::{self, Reply};
use spin_sse_hub::{Hub, InvalidSelector, InvalidUpdate, PublishError, ReadError, RelayEnd, RelayError};
use spin_sse_hub::{Subscription, Update};
use wasi::http::types::Response;

use crate::closing::{self, Reason};
use crate::question::Question;
use crate::refusal::Refusal;
use crate::upstream::Upstream;

/// What the servers of the AI SDK send with a stream.
const UI_MESSAGE_STREAM: HeaderName = HeaderName::from_static("x-vercel-ai-ui-message-stream");

/// The answers that there are.
pub(crate) struct Answers {
    hub: Hub,
}

impl Answers {
    pub(crate) async fn open() -> Result<Answers, Refusal> {
        let hub =
            Hub::from_variables().await.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error))?;
        Ok(Answers { hub })
    }

    /// Asks the upstream, once for an id, and answers with the stream of the answer.
    pub(crate) async fn ask(
        &self,
        id: &str,
        question: Question,
        request: &http::Request<()>,
    ) -> Result<Response, Refusal> {
        let source = Source::new(upstream().await?.request(question));
        self.hub.relay(topic(id), source).on_end(last).await?;
        self.stream(request, subscription(id)?).await
    }

    /// Streams an answer: what there is of it, and what is to come.
    pub(crate) async fn follow(&self, id: &str, request: &http::Request<()>) -> Result<Response, Refusal> {
        self.stream(request, subscription(id)?.existing()).await
    }

    /// Stops an answer. One that is over is stopped as well.
    pub(crate) async fn stop(&self, id: &str) -> Result<Reply, Refusal> {
        match self.hub.end(topic(id), closing(Reason::Stopped, None)).await {
            Ok(_) | Err(PublishError::Ended(_)) => Ok(reply::empty(StatusCode::NO_CONTENT)),
            Err(error) => Err(error.into()),
        }
    }

    async fn stream(&self, request: &http::Request<()>, subscription: Subscription) -> Result<Response, Refusal> {
        self.hub.subscribe(request, subscription).await.map_err(|error| Refusal::host(&error))
    }
}

/// The chats of the AI SDK, whose ids are those of chats and not of answers. A topic for each chat notes which answer
/// is its newest.
impl Answers {
    /// Asks a question in a chat, whose answer so far goes no further: the client has left it.
    pub(crate) async fn ask_in_chat(
        &self,
        chat: &str,
        answer: &str,
        question: Question,
        request: &http::Request<()>,
    ) -> Result<Response, Refusal> {
        if let Some(before) = self.newest(chat).await? {
            self.stop(&before).await?;
        }
        self.hub.publish(Update::new(notes(chat), Event::new(answer))?.private()).await?;
        self.ask(answer, question, request).await
    }

    /// Streams the answer that a chat waits for, from its start.
    pub(crate) async fn follow_chat(&self, chat: &str, request: &http::Request<()>) -> Result<Response, Refusal> {
        match self.newest(chat).await? {
            Some(answer) => self.stream(request, subscription(&answer)?.existing().unended()).await,
            None => reply::empty(StatusCode::NO_CONTENT).into_response().map_err(|error| Refusal::host(&error)),
        }
    }

    /// Stops the answer that a chat waits for.
    pub(crate) async fn stop_chat(&self, chat: &str) -> Result<Reply, Refusal> {
        match self.newest(chat).await? {
            Some(answer) => self.stop(&answer).await,
            None => Ok(reply::empty(StatusCode::NO_CONTENT)),
        }
    }

    async fn newest(&self, chat: &str) -> Result<Option<String>, Refusal> {
        Ok(self.hub.latest(notes(chat)).await?.map(|note| note.data))
    }
}

fn topic(id: &str) -> String {
    format!("answers/{id}")
}

fn notes(chat: &str) -> String {
    format!("chats/{chat}")
}

/// To the whole of an answer, without events of the hub's own: clients look into the data of every event.
fn subscription(id: &str) -> Result<Subscription, InvalidSelector> {
    let subscription = Subscription::new([topic(id)])?.from_start().quiet();
    Ok(subscription.header(UI_MESSAGE_STREAM, HeaderValue::from_static("v1")))
}

fn last(end: &RelayEnd) -> Event<'static> {
    match end {
        RelayEnd::Finished => closing(Reason::Finished, None),
        RelayEnd::Failed(error) => closing(Reason::Failed, Some(&error.to_string())),
        _ => closing(Reason::Interrupted, None),
    }
}

fn closing(reason: Reason, error: Option<&str>) -> Event<'static> {
    const END: Name<'static> = Name::from_static(closing::NAME);
    Event::new(closing::data(reason, error)).name(END)
}

async fn upstream() -> Result<Upstream, Refusal> {
    let read =
        async |name| variables::get(name).await.map_err(|error| format!("variable {name} cannot be read: {error}"));
    let all = async { Ok((read("upstream").await?, read("api_key").await?, read("model").await?)) };
    let upstream = all.await.and_then(|(url, key, model)| Upstream::new(&url, &key, &model));
    upstream.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error))
}

impl From<RelayError> for Refusal {
    fn from(error: RelayError) -> Refusal {
        let conflict = |what: &str| Refusal::new(StatusCode::CONFLICT, format!("this id {what}"));
        match error {
            RelayError::Running(_) => conflict("is being answered: follow it with GET, or ask with another id"),
            RelayError::Ended(_) => conflict("has its answer: read it with GET, or ask with another id"),
            error => Refusal::unavailable(error.to_string()),
        }
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Refusal {
        Refusal::unavailable(error.to_string())
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Refusal {
        Refusal::unavailable(error.to_string())
    }
}

impl From<InvalidUpdate> for Refusal {
    fn from(error: InvalidUpdate) -> Refusal {
        Refusal::bad_request(error.to_string())
    }
}

impl From<InvalidSelector> for Refusal {
    fn from(error: InvalidSelector) -> Refusal {
        Refusal::bad_request(error.to_string())
    }
}
