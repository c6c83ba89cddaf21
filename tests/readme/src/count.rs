use std::time::Duration;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::{http_service, time::sleep};
use spin_sse::Event;

#[http_service]
async fn count(request: Request) -> impl IntoResponse {
    let last = spin_sse::last_event_id(request.headers(), request.uri());
    let mut next = last.and_then(|id| id.parse().ok()).map_or(0, |id: u64| id.saturating_add(1));
    spin_sse::stream(async move |mut stream| {
        loop {
            stream.publish(&Event::new(format!("number {next}")).name("count").id(next)).await?;
            next = next.saturating_add(1);
            sleep(Duration::from_secs(1)).await;
        }
    })
    .retry(Duration::from_secs(2))
}
