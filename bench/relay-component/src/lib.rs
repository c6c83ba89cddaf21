//! Answers of an upstream: `/relay/ID` relays one to a topic, which `GET` follows; `/wait/relay/ID` does so too, and
//! answers when the relay has begun; `/pass/ID` only passes it through.
//! The query is the upstream's URL.

#![cfg(target_family = "wasm")]

use std::cell::Cell;

use spin_sdk::http::{Error, IntoResponse, Method, Request, StatusCode, body::IncomingBodyExt};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::Response;
use spin_sse::Event;
use spin_sse::source::Source;
use spin_sse_hub::{Hub, Subscription};

/// What the upstream is asked, which does not look at it.
const QUESTION: &str = r#"{"stream":true,"messages":[{"role":"user","content":"What does a relay cost?"}]}"#;

#[http_service]
async fn serve(request: Request) -> Result<Response, Error> {
    let source = Source::post(request.uri().query().unwrap_or_default(), QUESTION);
    let path = request.uri().path().to_owned();
    match path.split_once("/relay/") {
        Some((before, id)) => relay(request, id, source, before == "/wait").await,
        None if path.starts_with("/pass/") => pass(source),
        None => Ok(StatusCode::NOT_FOUND.into_response()?),
    }
}

async fn relay(request: Request, id: &str, source: Source, wait: bool) -> Result<Response, Error> {
    let hub = Hub::from_variables().await?;
    let (request, question) = request.into_parts();
    let request = Request::from_parts(request, ());
    let topic = format!("answer/{id}");
    let subscription = Subscription::new([topic.as_str()])?.from_start().quiet();
    if request.method() == Method::POST {
        if wait {
            hub.relay(topic, source).await?;
        } else {
            // As a component does that needs the question for its upstream.
            let relay = hub.relay_with(topic, async move || question.bytes().await.map(|_| source));
            return Ok(relay.answer(&request, subscription)?);
        }
    }
    Ok(hub.subscribe(&request, subscription).await?)
}

fn pass(mut source: Source) -> Result<Response, Error> {
    say_that_it_began();
    let answer = spin_sse::stream(async move |mut stream| {
        while let Ok(Some(message)) = source.next().await {
            stream.publish(&Event::from(message)).await?;
        }
        Ok(())
    });
    Ok(answer.into_response()?)
}

/// As the hub does.
fn say_that_it_began() {
    thread_local!(static SAID: Cell<bool> = const { Cell::new(false) });
    if !SAID.replace(true) {
        spin_sse::report(format_args!("instance started"));
    }
}
