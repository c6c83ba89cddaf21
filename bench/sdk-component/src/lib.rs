//! Event streams as the Spin SDK's documentation shows: a channel, a task that sends into it, a body that reads from
//! it. And rows inserted one by one, as a component stores what it is sent that does nothing about it.

#![cfg(target_family = "wasm")]

use futures::SinkExt;
use spin_sdk::http::body::stream;
use spin_sdk::http::{Error, IntoResponse, Request, Response};
use spin_sdk::http_service;
use spin_sdk::sqlite::{Connection, Value};
use spin_sdk::wasip3;

#[http_service]
async fn serve(request: Request) -> Result<wasip3::http::types::Response, Error> {
    let count = request.uri().query().and_then(|query| query.split_once('=')?.1.parse().ok()).unwrap_or(10);
    match request.uri().path() {
        "/insert" => {
            insert(count).await.map_or_else(|error| error.to_string(), |()| "inserted".to_owned()).into_response()
        }
        _ => all(count),
    }
    .map_err(Error::from)
}

/// The same events as `/all` of `tests/component`.
fn all(count: u64) -> Result<wasip3::http::types::Response, wasip3::http::types::ErrorCode> {
    let (mut events, body) = stream::<String>();
    wasip3::spawn(async move {
        for number in 0..count {
            let event = format!("id: {number}\nevent: number\ndata: event {number}\n\n");
            if events.send(event).await.is_err() {
                break;
            }
        }
    });
    let mut response = Response::new(body);
    let event_stream = spin_sdk::http::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert("content-type", event_stream);
    response.into_response()
}

async fn insert(count: u64) -> Result<(), spin_sdk::sqlite::Error> {
    let database = Connection::open_default().await?;
    run(&database, "CREATE TABLE IF NOT EXISTS updates (id INTEGER PRIMARY KEY, data TEXT)", vec![]).await?;
    for number in 0..count {
        let data = Value::Text(format!("{number:0100}"));
        run(&database, "INSERT INTO updates (data) VALUES (?)", vec![data]).await?;
    }
    Ok(())
}

async fn run(database: &Connection, statement: &str, values: Vec<Value>) -> Result<(), spin_sdk::sqlite::Error> {
    database.execute(statement, values).await?.result().await
}
