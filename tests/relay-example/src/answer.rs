use spin_sdk::http::{Error, IntoResponse, Method, Request, body::IncomingBodyExt};
use spin_sdk::{http_service, variables};
use spin_sse::source::Source;
use spin_sse_hub::{Hub, Subscription};

#[http_service]
async fn answer(request: Request) -> Result<impl IntoResponse, Error> {
    let hub = Hub::from_variables().await?;
    let (request, question) = request.into_parts();
    let (topic, request) = (request.uri.path().to_owned(), Request::from_parts(request, ()));
    let answer = Subscription::new([topic.as_str()])?.from_start().quiet();
    if request.method() == Method::POST {
        let relay = hub.relay_with(topic, async move || -> Result<_, Error> {
            let model = variables::get("model").await.map_err(|error| error.to_string())?;
            Ok(Source::post(model, question.bytes().await?))
        });
        return Ok(relay.answer(&request, answer)?);
    }
    Ok(hub.subscribe(&request, answer.existing()).await?)
}
