//! The component's entry: the one place that ties a request to what answers it.

use std::fmt::Display;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use spin_sdk::http::{Error, IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::time::sleep;
use spin_sse::{Event, report};
use spin_sse_hub::reply::{self, Reply};
use wasi::http::types::Response;

use crate::answers::Answers;
use crate::model::{self, Pace};
use crate::page;
use crate::question::{MAX_BODY, Question};
use crate::refusal::Refusal;
use crate::route::{Route, is_id, route};
use crate::site::is_of_another_site;

#[http_service]
async fn serve(request: Request) -> Result<Response, Error> {
    let method = request.method().clone();
    match answer(request).await {
        Ok(response) => Ok(response),
        Err(refusal) => Ok(reply::for_method(&method, Reply::from(refusal)).into_response()?),
    }
}

async fn answer(request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::POST && is_of_another_site(&parts.headers) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "ask from a page of this site: a question may cost money"));
    }
    let request = http::Request::from_parts(parts, ());
    let answers = async || Answers::open().await;
    match route(request.method(), request.uri().path()) {
        Route::Page => whole(reply::for_method(request.method(), page::page(random()))),
        Route::Model => say(Pace::parse(request.uri().query()), &read(body).await?),
        Route::Ask(id) => {
            let question = read(body).await?;
            answers().await?.ask(id, question, &request).await
        }
        Route::Follow(id) => answers().await?.follow(id, &request).await,
        Route::Stop(id) => answers().await?.stop(id).await.and_then(whole),
        Route::AskInChat => {
            let question = read(body).await?;
            let chat = question.chat().filter(|chat| is_id(chat)).map(str::to_owned);
            let chat = chat.ok_or_else(|| {
                Refusal::bad_request("the field id must be the id of the chat: 1 to 64 letters, digits, - and _")
            })?;
            let answer = format!("{:032x}", random());
            answers().await?.ask_in_chat(&chat, &answer, question, &request).await
        }
        Route::FollowChat(chat) => answers().await?.follow_chat(chat, &request).await,
        Route::StopChat(chat) => answers().await?.stop_chat(chat).await.and_then(whole),
        Route::BadId => Err(Refusal::bad_request("an id has 1 to 64 letters, digits, - and _: choose another")),
        Route::MethodNotAllowed(allow) => Err(Refusal::method_not_allowed(allow)),
        Route::NotFound => {
            let message = format!("there is nothing at {}: try / or /chats/{{id}}", request.uri().path());
            Err(Refusal::new(StatusCode::NOT_FOUND, message))
        }
    }
}

fn whole(reply: Reply) -> Result<Response, Refusal> {
    reply.into_response().map_err(|error| Refusal::host(&error))
}

/// Reads a question. Of a body that is too large the rest is read too, up to a point: a client that is still sending
/// when it is answered may lose the answer.
async fn read(mut body: impl Body<Data = Bytes, Error: Display> + Unpin) -> Result<Question, Refusal> {
    const MAX_READ: usize = 16 * MAX_BODY;
    let (mut kept, mut size) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::bad_request(format!("the body did not arrive: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size <= MAX_BODY {
            kept.extend_from_slice(&data);
        } else if size > MAX_READ {
            break;
        }
    }
    if size > MAX_BODY {
        let message = format!("a question has at most {MAX_BODY} bytes: send fewer messages");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Question::parse(&kept).map_err(Refusal::bad_request)
}

/// The model in this component.
fn say(pace: Pace, question: &Question) -> Result<Response, Refusal> {
    let (format, text) = (question.format, question.text());
    let stream = spin_sse::stream(async move |mut stream| {
        stream.publish_all(model::opening(format).into_iter().map(Event::new)).await?;
        for word in model::words(&text).take(pace.words) {
            sleep(pace.pause).await;
            stream.publish(&Event::new(model::saying(format, &word))).await?;
        }
        Ok(stream.publish_all(model::ending(format).into_iter().map(Event::new)).await?)
    });
    stream.on_end(|end| report(format_args!("model: {end}"))).into_response().map_err(|error| Refusal::host(&error))
}

fn random() -> u128 {
    let (high, low) = (wasi::random::random::get_random_u64(), wasi::random::random::get_random_u64());
    u128::from(high) << 64 | u128::from(low)
}
