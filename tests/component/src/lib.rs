//! Streams of every kind, chosen by the path and set by the query: what the end-to-end tests ask of the library.

#![cfg(target_family = "wasm")]

mod datagram;
mod upstream;

use std::time::Duration;

use spin_sdk::http::{Error, IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::time::sleep;
use spin_sse::{Event, Name, Stream};

/// The number after `name=` in the query.
fn number(request: &Request, name: &str) -> Option<u64> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok())
}

fn millis(request: &Request, name: &str) -> Option<Duration> {
    number(request, name).map(Duration::from_millis)
}

#[http_service]
async fn serve(request: Request) -> Result<spin_sdk::wasip3::http::types::Response, Error> {
    let events = number(&request, "events").unwrap_or(3);
    let pause = millis(&request, "pause_ms").unwrap_or_default();
    let kind = request.uri().path().to_owned();
    let target = datagram::Target {
        bound: number(&request, "bound") != Some(0),
        host: number(&request, "host").and_then(|host| host.try_into().ok()).unwrap_or(1),
        port: number(&request, "port").and_then(|port| port.try_into().ok()),
    };
    let source = upstream::source(&request);
    let impatience = millis(&request, "impatience_ms");
    let mut stream = spin_sse::stream(async move |stream: Stream| match kind.as_str() {
        "/each" => each(stream, events, pause).await,
        "/all" => Ok(all(stream, events).await?),
        "/idle" => {
            sleep(Duration::from_secs(3600)).await;
            drop(stream);
            Ok(())
        }
        "/fail" => {
            let mut stream = stream;
            stream.publish(&Event::new("before the failure")).await?;
            Err("the model is not available".into())
        }
        "/endless" => endless(stream).await,
        "/cleanup" => cleanup(stream).await,
        "/source" => upstream::forward(stream, source, pause, impatience).await,
        "/connect" => upstream::connect(stream, source).await,
        "/datagram" => datagram::exchange(stream, target).await,
        _ => Err("no such stream".into()),
    })
    .keep_alive(millis(&request, "keep_alive_ms"))
    .max_bytes(number(&request, "max_bytes").unwrap_or(u64::MAX))
    .on_end(|end| spin_sse::report(format_args!("ended: {end}")));
    if let Some(retry) = millis(&request, "retry_ms") {
        stream = stream.retry(retry);
    }
    if let Some(duration) = millis(&request, "max_ms") {
        stream = stream.max_duration(duration);
    }
    if let Some(status) =
        number(&request, "status").and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok())
    {
        stream = stream.status(status);
    }
    stream.into_response().map_err(Error::from)
}

async fn each(mut stream: Stream, events: u64, pause: Duration) -> Result<(), spin_sse::BoxError> {
    for number in 0..events {
        stream.publish(&Event::new(format!("event {number}")).id(number)).await?;
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
    Ok(())
}

async fn all(mut stream: Stream, events: u64) -> Result<(), spin_sse::Closed> {
    const NAME: Name = Name::from_static("number");
    stream.publish_all((0..events).map(|number| Event::new(format!("event {number}")).name(NAME).id(number))).await
}

/// An author that does not listen to errors.
async fn endless(mut stream: Stream) -> Result<(), spin_sse::BoxError> {
    loop {
        let _ = stream.publish(&Event::new("x".repeat(10_000))).await;
    }
}

/// An author that has something to do when the client has gone.
async fn cleanup(mut stream: Stream) -> Result<(), spin_sse::BoxError> {
    let closed = loop {
        if let Err(closed) = stream.publish(&Event::new("more")).await {
            break closed;
        }
        sleep(Duration::from_millis(20)).await;
    };
    sleep(Duration::from_millis(50)).await;
    spin_sse::report(format_args!("cleaned up: {closed}"));
    Ok(())
}
