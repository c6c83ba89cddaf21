use std::time::Duration;

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::{http_service, time::sleep};
use spin_sse::Event;

/// A stream that counts, once a second. A client that comes back gets the number after its last one.
#[http_service]
async fn handle_{{project-name | snake_case}}(request: Request) -> impl IntoResponse {
    // A browser's `EventSource` reconnects by itself, and sends the id of the last event that it received.
    let last = spin_sse::last_event_id(request.headers(), request.uri());
    let mut next = last.and_then(|id| id.parse().ok()).map_or(0, |id: u64| id.saturating_add(1));

    spin_sse::stream(async move |mut stream| {
        loop {
            // Returns when the host took the event. Fails when the client has gone, and `?` ends the stream.
            stream.publish(&Event::new(format!("number {next}")).name("count").id(next)).await?;
            next = next.saturating_add(1);
            sleep(Duration::from_secs(1)).await;
        }
    })
    // How long a client waits before it comes back.
    .retry(Duration::from_secs(2))
    // Ends the stream between two events, before a platform ends it within one.
    .max_duration(Duration::from_secs(600))
}
