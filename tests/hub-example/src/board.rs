use spin_sdk::http::{Error, IntoResponse, Method, Request, body::IncomingBodyExt};
use spin_sdk::http_service;
use spin_sse::Event;
use spin_sse_hub::{Hub, Subscription, Update};

#[http_service]
async fn board(request: Request) -> Result<impl IntoResponse, Error> {
    let hub = Hub::from_variables().await?;
    if request.method() == Method::POST {
        let note = request.into_body().bytes().await?;
        let event = Event::new(String::from_utf8_lossy(&note)).name("note");
        return Ok(hub.publish(Update::new("board", event)?).await?.into_response()?);
    }
    Ok(hub.subscribe(&request, Subscription::new(["board"])?.from_start()).await?)
}
