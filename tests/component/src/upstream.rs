//! A client of an upstream, whose messages are passed on.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use spin_sdk::http::Request;
use spin_sdk::time::sleep;
use spin_sse::source::{Error, Message, Source};
use spin_sse::{BoxError, Event, Stream};

use crate::{millis, number};

/// The source that the request asks for: the URL is in its header `x-upstream`, the rest in its query.
pub(crate) fn source(request: &Request) -> Source {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Larger than what any buffer on the way holds.
    let question = "a question".repeat(if number(request, "long") == Some(1) { 1 << 20 } else { 1 });
    let is = |name: &str| number(request, name) == Some(1);
    let url = header("x-upstream");
    let mut source = if is("post") { Source::post(url, question) } else { Source::get(url) };
    source = source.retry(millis(request, "retry_ms").unwrap_or(Duration::from_millis(1)));
    source = source.header("authorization", "Bearer secret").header("x-own", "1");
    if let Some(repeat) = number(request, "repeat") {
        source = source.repeat(repeat == 1);
    }
    if is("text") {
        source = source.text();
    }
    if let Some(id) = number(request, "last") {
        source = source.last_event_id(id.to_string());
    }
    if let Some(silence) = millis(request, "silence_ms") {
        source = source.silence(silence);
    }
    if let Some(limit) = number(request, "limit").and_then(|limit| limit.try_into().ok()) {
        source = source.limit(limit);
    }
    if let Some(attempts) = number(request, "attempts").and_then(|attempts| attempts.try_into().ok()) {
        source = source.attempts(attempts);
    }
    source
}

/// Publishes each message, and at the end an event `end` that says how the source ended.
pub(crate) async fn forward(
    mut stream: Stream,
    mut source: Source,
    pause: Duration,
    impatience: Option<Duration>,
) -> Result<(), BoxError> {
    loop {
        let end = match next(&mut source, impatience).await {
            Ok(Some(message)) => {
                stream.publish(&message.into_event_with_id()).await?;
                sleep(pause).await;
                continue;
            }
            Ok(None) => "finished".to_owned(),
            Err(error) => error.to_string(),
        };
        return Ok(stream.publish(&Event::new(end).name("end")).await?);
    }
}

/// The next message. With `impatience`, the future of the source is dropped again and again before it is ready.
async fn next(source: &mut Source, impatience: Option<Duration>) -> Result<Option<Message>, Error> {
    let Some(impatience) = impatience else { return source.next().await };
    loop {
        let mut next = pin!(source.next());
        let mut enough = pin!(sleep(impatience));
        let ready = poll_fn(|cx| match next.as_mut().poll(cx) {
            Poll::Ready(message) => Poll::Ready(Some(message)),
            Poll::Pending => enough.as_mut().poll(cx).map(|()| None),
        });
        if let Some(message) = ready.await {
            return message;
        }
    }
}

/// Publishes whether the upstream has answered, or why not, and then nothing.
pub(crate) async fn connect(mut stream: Stream, mut source: Source) -> Result<(), BoxError> {
    let answer = match source.connect().await {
        Ok(open) => open.to_string(),
        Err(error) => error.to_string(),
    };
    stream.publish(&Event::new(answer)).await?;
    forward(stream, source, Duration::ZERO, None).await
}
