//! A hub in a component of its own: what the end-to-end tests ask of `spin-sse-hub`.
//!
//! The first segment of the path says what is asked for, the second the topics, with commas between, the third the
//! options, likewise. The query is the client's.

#![cfg(target_family = "wasm")]

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, ready, select};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{Error, HeaderName, HeaderValue, IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::time::sleep;
use spin_sdk::wasip3::http::types::Response;
use spin_sse::source::Source;
use spin_sse::{Event, Id, Name};
use spin_sse_hub::{Hub, InvalidUpdate, Relay, Subscription, Update};

#[http_service]
async fn serve(request: Request) -> Result<Response, Error> {
    let hub = Hub::from_variables().await?;
    let path = request.uri().path().to_owned();
    let mut segments = path.split('/').skip(1).map(|segment| segment.split(',').filter(|word| !word.is_empty()));
    let mut segment = || segments.next().into_iter().flatten().collect::<Vec<_>>();
    let (what, topics, options) = (segment(), segment(), segment());
    match what.as_slice() {
        ["hub"] => Ok(hub.serve(request).await?),
        ["follow"] => Ok(hub.subscribe(&request, subscription(&topics, &options)?).await?),
        ["publish"] => {
            let update = update(&topics, &text(request).await?, &options)?;
            Ok(hub.publish(update).await?.into_response()?)
        }
        ["batch"] => {
            let text = text(request).await?;
            let lines = text.lines().map(|line| line.split_once(' ').unwrap_or((line, "")));
            let updates = lines.map(|(topic, data)| update(&[topic], data, &options)).collect::<Result<Vec<_>, _>>()?;
            Ok(hub.publish_all(updates).await?.join("\n").into_response()?)
        }
        ["end"] => {
            let topic = topics.first().copied().unwrap_or_default();
            Ok(hub.end(topic, Event::new("over").name("end")).await?.into_response()?)
        }
        ["relay"] => {
            let topic = topics.first().copied().unwrap_or_default();
            relay(&hub, topic, &text(request).await?, &options).await?;
            Ok("begun".into_response()?)
        }
        ["latest"] => {
            let latest = hub
                .latest(topics.first().copied().unwrap_or_default())
                .await
                .map_err(|error| Error::other(error.to_string()))?;
            let said = latest.map(|message| format!("{} {} {}", message.last_event_id, message.name, message.data));
            Ok(said.unwrap_or_default().into_response()?)
        }
        ["answer"] => {
            let (parts, body) = request.into_parts();
            let topic = topics.first().copied().unwrap_or_default();
            let relay = hub.relay_with(topic, async move || -> Result<_, Error> {
                Ok(Source::post(String::from_utf8_lossy(&body.bytes().await?), "what is asked"))
            });
            let subscription = subscription(&topics, &options)?;
            Ok(relay.answer(&Request::from_parts(parts, ()), subscription)?)
        }
        ["late"] => match select(pin!(hub.serve(request)), pin!(sleep(Duration::from_millis(300)))).await {
            Either::Left((response, _)) => Ok(response?),
            Either::Right(_) => Ok(StatusCode::GATEWAY_TIMEOUT.into_response()?),
        },
        ["forsake"] => forsake(&hub, update(&topics, "forsaken", &options)?).await,
        _ => Ok(StatusCode::NOT_FOUND.into_response()?),
    }
}

async fn text(request: Request) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&request.into_body().bytes().await?).into_owned())
}

fn update(topics: &[&str], data: &str, options: &[&str]) -> Result<Update, InvalidUpdate> {
    let mut event = Event::new(data);
    for option in options {
        match option.split_once(':') {
            Some(("id", id)) => event = event.id(Id::new(id.to_owned()).unwrap_or(Id::from_static("none"))),
            Some(("name", name)) => event = event.name(Name::new(name).unwrap_or(Name::from_static("none"))),
            _ => {}
        }
    }
    let (first, others) = topics.split_first().unwrap_or((&"", &[]));
    let mut update = Update::new(*first, event)?;
    for topic in others {
        update = update.also(*topic)?;
    }
    Ok(if options.contains(&"private") { update.private() } else { update })
}

fn subscription(topics: &[&str], options: &[&str]) -> Result<Subscription, Error> {
    let mut subscription = Subscription::new(topics.iter().copied())?;
    for option in options {
        subscription = match *option {
            "from_start" => subscription.from_start(),
            "existing" => subscription.existing(),
            "unended" => subscription.unended(),
            "quiet" => subscription.quiet(),
            "books" => subscription.and_matching(["/books/:id"])?,
            "header" => subscription.header(HeaderName::from_static("x-chat"), HeaderValue::from_static("7")),
            _ => subscription,
        };
    }
    Ok(subscription)
}

/// A relay of the upstream at `url`.
fn relay(hub: &Hub, topic: &str, url: &str, options: &[&str]) -> Relay {
    let mut source = Source::post(url, "what is asked");
    let silent = options.contains(&"silent");
    for option in options {
        source = match *option {
            "text" => source.text(),
            "repeat" => source.repeat(true).retry(Duration::from_millis(50)),
            _ => source,
        };
    }
    let relay = match options.contains(&"unmade") {
        true => hub.relay_with(topic, async || Err::<Source, _>("there is no question")),
        false => hub.relay(topic, source),
    };
    let relay = if options.contains(&"public") { relay.public() } else { relay };
    if silent { relay.on_end(|_| Event::without_data()) } else { relay }
}

/// Begins to publish, and does not wait for the end.
async fn forsake(hub: &Hub, update: Update) -> Result<Response, Error> {
    let done = match select(pin!(hub.publish(update)), ready(())).await {
        Either::Left(_) => "published",
        Either::Right(_) => "forsaken",
    };
    Ok(done.into_response()?)
}
