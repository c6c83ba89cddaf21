//! The chat of `examples/chat`.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::Value;

use crate::support::client::{Event, EventStream, Item, Reply, fetch, fetch_with};
use crate::support::log::Log;
use crate::support::model::Script;
use crate::support::server::{Server, chat};
use crate::support::upstream::{Upstream, status};
use crate::support::within_time;

const QUESTION: &str = r#"{"messages": [{"role": "user", "content": "why?"}]}"#;
const PAUSE: Duration = Duration::from_millis(10);

macro_rules! on_every_log {
    ($($scenario:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $scenario() {
                    super::$scenario(super::Log::sqlite()).await;
                }
            )*
        }

        mod redis {
            $(
                #[tokio::test]
                #[ignore = "needs redis-server"]
                async fn $scenario() {
                    super::$scenario(super::Log::redis()).await;
                }
            )*
        }
    };
}

on_every_log! {
    an_answer_is_streamed_to_who_asked_and_to_who_comes_later
    an_answer_goes_on_when_who_asked_has_left
    a_stop_ends_the_answer_and_the_upstream
    an_answer_of_a_host_that_was_killed_is_interrupted
    a_chat_of_the_ai_sdk_has_an_answer_for_each_question
}

fn words(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("w{n} ")).collect()
}

async fn start(log: &Log, upstream: &Upstream) -> Server {
    log.chat().variable("upstream", upstream.url("/v1/chat/completions")).start().await
}

/// The data of an answer, and how it ended; it must be the only end there is.
#[track_caller]
fn split(events: &[Event]) -> (Vec<&str>, Value) {
    let (end, said) = events.split_last().expect("an answer has an end");
    assert_eq!(end.name, "end");
    assert!(said.iter().all(|event| event.name == "message"), "{said:?}");
    (said.iter().map(|event| event.data.as_str()).collect(), serde_json::from_str(&end.data).unwrap())
}

/// Reads a stream to its end, which is the end of the answer.
async fn whole(stream: &mut EventStream) -> Vec<Event> {
    let (events, how) = stream.rest().await;
    assert_eq!(how, Item::End);
    events
}

async fn delete(server: &Server, path: &str) -> StatusCode {
    fetch(server.address(), Method::DELETE, path).await.status
}

async fn an_answer_is_streamed_to_who_asked_and_to_who_comes_later(log: Log) {
    let script = Script::completions(&words(50), PAUSE);
    let upstream = Upstream::start([script.answer()]).await;
    let server = start(&log, &upstream).await;
    let none = fetch(server.address(), Method::GET, "/chats/7").await;
    assert_eq!((none.status, none.header("cache-control")), (StatusCode::NO_CONTENT, "no-store"));

    let mut asked = EventStream::post(server.address(), "/chats/7", QUESTION).await;
    assert_eq!((asked.status, &asked.headers["content-type"]), (StatusCode::OK, &"text/event-stream".parse().unwrap()));
    assert_eq!(asked.event().await.data, script.data()[0]);
    let mut second = EventStream::open(server.address(), "/chats/7").await;
    let live = whole(&mut asked).await;
    let events = whole(&mut second).await;
    assert_eq!(events[1..], live);
    let (said, end) = split(&events);
    assert_eq!((said, &end["reason"]), (script.data(), &"finished".into()));

    let again = whole(&mut EventStream::open(server.address(), "/chats/7").await).await;
    assert_eq!(again, events);
    let last_event_id = [("last-event-id", events[20].id.as_str())];
    let rest = whole(&mut EventStream::open_with(server.address(), "/chats/7", &last_event_id).await).await;
    assert_eq!(rest, events[21..]);
    let last_event_id = [("last-event-id", events.last().unwrap().id.as_str())];
    let all = fetch_with(server.address(), Method::GET, "/chats/7", &last_event_id, "").await;
    assert_eq!(all.status, StatusCode::NO_CONTENT);
    let other = fetch(server.address(), Method::GET, "/chats/8").await;
    assert_eq!(other.status, StatusCode::NO_CONTENT);
}

async fn an_answer_goes_on_when_who_asked_has_left(log: Log) {
    let script = Script::completions(&words(100), PAUSE);
    let upstream = Upstream::start([script.answer()]).await;
    let server = start(&log, &upstream).await;
    let mut asked = EventStream::post(server.address(), "/chats/7", QUESTION).await;
    let first = asked.event().await;
    drop(asked);
    upstream.taken_at_least(3_000).await;
    let last_event_id = [("last-event-id", first.id.as_str())];
    let mut back = EventStream::open_with(server.address(), "/chats/7", &last_event_id).await;
    let events = whole(&mut back).await;
    let (said, end) = split(&events);
    assert_eq!((said.len(), &end["reason"]), (script.data().len() - 1, &"finished".into()));
    assert_eq!(said, script.data()[1..]);
    assert_eq!(upstream.asked().len(), 1);
}

async fn a_stop_ends_the_answer_and_the_upstream(log: Log) {
    let upstream = Upstream::start([Script::completions(&words(10_000), PAUSE).answer()]).await;
    let server = start(&log, &upstream).await;
    let mut asked = EventStream::post(server.address(), "/chats/7", QUESTION).await;
    asked.event().await;
    let mut second = EventStream::open(server.address(), "/chats/7").await;
    assert_eq!(delete(&server, "/chats/7").await, StatusCode::NO_CONTENT);
    let (events, other) = (whole(&mut asked).await, whole(&mut second).await);
    for events in [&events, &other] {
        assert_eq!(split(events).1["reason"], "stopped");
    }
    assert_eq!(other.last(), events.last());
    upstream.left(1).await;
    server.logged("hub: relay to \"answers/7\"", 1).await;
    assert_eq!(delete(&server, "/chats/7").await, StatusCode::NO_CONTENT, "what has ended can be stopped");
    assert_eq!(whole(&mut EventStream::open(server.address(), "/chats/7").await).await, other);
}

async fn an_answer_of_a_host_that_was_killed_is_interrupted(log: Log) {
    let upstream = Upstream::start([Script::completions(&words(10_000), PAUSE).answer()]).await;
    let setup = log.chat().variable("upstream", upstream.url("/v1/chat/completions")).process();
    let server = setup.clone().start().await;
    let mut asked = EventStream::post(server.address(), "/chats/7", QUESTION).await;
    let mut last = asked.event().await;
    for _ in 0..20 {
        last = asked.event().await;
    }
    server.stop().await;
    let server = setup.start().await;
    let interrupted = async {
        // Several notice at once.
        let mut streams = Vec::new();
        for _ in 0..5 {
            let last_event_id = [("last-event-id", last.id.as_str())];
            streams.push(EventStream::open_with(server.address(), "/chats/7", &last_event_id).await);
        }
        let mut ends = Vec::new();
        for stream in &mut streams {
            loop {
                match stream.wait().await {
                    Item::Event(event) if event.name == "end" => break ends.push(event),
                    Item::Event(_) | Item::Retry(_) => {}
                    ended => panic!("the stream ended before the answer did: {ended:?}"),
                }
            }
        }
        ends
    };
    let ends = within_time(Duration::from_secs(35), "the answer to be interrupted", interrupted).await;
    let end: Value = serde_json::from_str(&ends[0].data).unwrap();
    assert_eq!(end["reason"], "interrupted");
    assert!(ends.iter().all(|other| *other == ends[0]), "{ends:?}");
    let last_event_id = [("last-event-id", ends[0].id.as_str())];
    let over = fetch_with(server.address(), Method::GET, "/chats/7", &last_event_id, "").await;
    assert_eq!(over.status, StatusCode::NO_CONTENT);
}

fn in_chat(chat: &str, messages: usize) -> String {
    let message = |n: usize| {
        let role = if n.is_multiple_of(2) { "user" } else { "assistant" };
        serde_json::json!({"id": format!("m{n}"), "role": role, "parts": [{"type": "text", "text": "why?"}]})
    };
    let messages: Vec<_> = (0..messages).map(message).collect();
    serde_json::json!({"id": chat, "messages": messages, "trigger": "submit-message"}).to_string()
}

async fn a_chat_of_the_ai_sdk_has_an_answer_for_each_question(log: Log) {
    let script = Script::ui_messages("answer", &words(200), PAUSE);
    let upstream = Upstream::start(vec![script.answer(); 3]).await;
    let server = start(&log, &upstream).await;
    let nothing = fetch(server.address(), Method::GET, "/chats/c1/stream").await;
    assert_eq!(nothing.status, StatusCode::NO_CONTENT);
    for messages in [1, 3, 3] {
        let mut asked = EventStream::post(server.address(), "/chats", &in_chat("c1", messages)).await;
        assert_eq!(asked.headers["x-vercel-ai-ui-message-stream"], "v1");
        asked.event().await;
        drop(asked);
        let mut back = EventStream::open(server.address(), "/chats/c1/stream").await;
        assert_eq!(back.headers["x-vercel-ai-ui-message-stream"], "v1");
        let events = whole(&mut back).await;
        let (said, end) = split(&events);
        assert_eq!(said, script.data());
        assert_eq!((&end["reason"], &end["type"]), (&"finished".into(), &"finish".into()));
        let over = fetch(server.address(), Method::GET, "/chats/c1/stream").await;
        assert_eq!(over.status, StatusCode::NO_CONTENT, "an answer that is over is not streamed again");
    }
    let asked = upstream.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].body.contains(r#""parts":[{"#), "{}", asked[0].body);
}

#[tokio::test]
async fn an_upstream_that_fails_makes_an_answer_that_says_so() {
    let cut = Script::completions(&words(5), PAUSE).cut();
    for (answer, said) in [(cut, 6), (status(401), 0)] {
        let upstream = Upstream::start([answer]).await;
        let server = chat().variable("upstream", upstream.url("/v1/chat/completions")).start().await;
        let events = whole(&mut EventStream::post(server.address(), "/chats/7", QUESTION).await).await;
        let (data, end) = split(&events);
        assert_eq!((data.len(), &end["reason"]), (said, &"failed".into()));
        assert!(end["error"]["message"].as_str().is_some_and(|error| !error.is_empty()), "{end}");
        assert_eq!(upstream.asked().len(), 1, "a question is asked once");
    }
}

#[tokio::test]
async fn the_upstream_is_asked_with_the_key_the_model_and_the_messages() {
    let upstream = Upstream::start([Script::completions(&words(1), PAUSE).answer()]).await;
    let setup = chat()
        .variable("upstream", upstream.url("/v1/chat/completions"))
        .variable("api_key", "sk-1")
        .variable("model", "small");
    let server = setup.start().await;
    whole(&mut EventStream::post(server.address(), "/chats/7", QUESTION).await).await;
    let asked = upstream.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!((asked.header("authorization"), asked.header("content-type")), ("Bearer sk-1", "application/json"));
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let messages = serde_json::json!([{"role": "user", "content": "why?"}]);
    assert_eq!(body, serde_json::json!({"model": "small", "stream": true, "messages": messages}));
}

#[tokio::test]
async fn the_model_inside_answers_when_there_is_no_upstream() {
    let server = chat().variable("upstream", "http://self.alt/model?words=300&pause_ms=1").start().await;
    let mut texts = Vec::new();
    for (path, body) in [("/chats/a", QUESTION), ("/chats/b", QUESTION), ("/chats", &in_chat("c", 1))] {
        let events = whole(&mut EventStream::post(server.address(), path, body).await).await;
        let (said, end) = split(&events);
        assert_eq!(end["reason"], "finished");
        let parsed = said.iter().filter_map(|data| serde_json::from_str::<Value>(data).ok());
        let word =
            |data: Value| Some(data["choices"][0]["delta"]["content"].as_str().or(data["delta"].as_str())?.to_owned());
        texts.push(parsed.filter_map(word).collect::<String>());
    }
    assert_eq!(texts[0].split(' ').count(), 300);
    assert!(texts.iter().all(|text| *text == texts[0]), "it says the same to the same question: {texts:?}");
}

async fn post(server: &Server, path: &str, body: impl Into<String>) -> Reply {
    fetch_with(server.address(), Method::POST, path, &[("content-type", "application/json")], body).await
}

#[track_caller]
fn check_refused(reply: &Reply, status: StatusCode, expected: &str) {
    assert_eq!((reply.status, reply.header("content-type")), (status, "application/json"), "{}", reply.body);
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains(expected), "{message}");
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_with_a_sentence() {
    let server = chat().start().await;
    let large = format!(r#"{{"messages": [{{"role": "user", "content": "{}"}}]}}"#, "x".repeat(300_000));
    check_refused(&post(&server, "/chats/7", "why?").await, StatusCode::BAD_REQUEST, "not JSON");
    check_refused(&post(&server, "/chats/7", large).await, StatusCode::PAYLOAD_TOO_LARGE, "262144 bytes");
    check_refused(&post(&server, "/chats/a%20b", QUESTION).await, StatusCode::BAD_REQUEST, "an id has");
    check_refused(&post(&server, "/chats", QUESTION).await, StatusCode::BAD_REQUEST, "the field id");
    check_refused(&post(&server, "/other", QUESTION).await, StatusCode::NOT_FOUND, "/chats/{id}");
    let headers = [("content-type", "text/plain"), ("sec-fetch-site", "cross-site")];
    let of_another_site = fetch_with(server.address(), Method::POST, "/chats/7", &headers, QUESTION).await;
    check_refused(&of_another_site, StatusCode::FORBIDDEN, "a page of this site");
    let put = fetch(server.address(), Method::PUT, "/chats/7").await;
    check_refused(&put, StatusCode::METHOD_NOT_ALLOWED, "use one of: GET, POST, DELETE");
    assert_eq!(put.header("allow"), "GET, POST, DELETE");
    let nothing = fetch(server.address(), Method::GET, "/chats/7").await;
    assert_eq!(nothing.status, StatusCode::NO_CONTENT, "what is refused is not asked");
}

#[tokio::test]
async fn an_id_has_one_answer() {
    let upstream = Upstream::start([Script::completions(&words(10_000), PAUSE).answer()]).await;
    let server = chat().variable("upstream", upstream.url("/v1/chat/completions")).start().await;
    let mut asked = EventStream::post(server.address(), "/chats/7", QUESTION).await;
    asked.event().await;
    check_refused(&post(&server, "/chats/7", QUESTION).await, StatusCode::CONFLICT, "GET");
    assert_eq!(delete(&server, "/chats/7").await, StatusCode::NO_CONTENT);
    check_refused(&post(&server, "/chats/7", QUESTION).await, StatusCode::CONFLICT, "another id");
    assert_eq!(upstream.asked().len(), 1);
}

#[tokio::test]
async fn a_variable_that_is_wrong_is_named() {
    let server = chat().variable("upstream", "models.example").start().await;
    let reply = post(&server, "/chats/7", QUESTION).await;
    check_refused(&reply, StatusCode::INTERNAL_SERVER_ERROR, "variable upstream must be a URL");
}
