use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{Error, IntoResponse, Method, Request};
use spin_sdk::http_service;
use spin_sse::Event;
use spin_sse_hub::{Hub, Subscription, Update};

/// Notes: what is posted is kept, and pushed to everyone who follows.
#[http_service]
async fn handle_{{project-name | snake_case}}(request: Request) -> Result<impl IntoResponse, Error> {
    // The hub of this instance, with the settings of spin.toml. All instances share its log.
    let hub = Hub::from_variables().await?;

    // The whole protocol: publishing with a token, and following any topic. Leave it out if nobody needs it.
    if request.uri().path().ends_with(spin_sse_hub::PATH) {
        return Ok(hub.serve(request).await?);
    }
    // Who may publish is for this component to decide: here, everyone may.
    if request.method() == Method::POST {
        let note = request.into_body().bytes().await?;
        let note = Event::new(String::from_utf8_lossy(&note)).name("note");
        return Ok(hub.publish(Update::new("notes", note)?).await?.into_response()?);
    }
    // A client that comes back gets what it missed, and a new one all that is kept.
    Ok(hub.subscribe(&request, Subscription::new(["notes"])?.from_start()).await?)
}
