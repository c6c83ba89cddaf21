//! `GET /sse`: a timestamp every second, and every second exactly once across reconnects.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spin_sdk::time::sleep;
use spin_sse::{BoxError, End, Event, EventStream, Name, Stream, report, timer};
use spin_sse_hub::Config;

const TIMESTAMP: Name = Name::from_static("timestamp");
const GAP: Name = Name::from_static("gap");

/// How many seconds back a client that returns may still get.
const HISTORY: u64 = 60;

/// Where a client's stream starts.
#[derive(Debug, PartialEq, Eq)]
struct Start {
    /// The first second to send.
    first: u64,
    /// The last event id of a client that missed more than the history holds.
    gap: Option<u64>,
}

/// A last event id that is no second of the past counts as absent: an error would make `EventSource` stop for good.
fn start(last_event_id: Option<&str>, now: u64) -> Start {
    let last = last_event_id
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|id| id.parse::<u64>().ok())
        .filter(|last| *last <= now);
    let Some(last) = last else { return Start { first: now, gap: None } };
    let next = last.saturating_add(1);
    let oldest = now.saturating_sub(HISTORY - 1);
    Start { first: next.max(oldest), gap: (next < oldest).then_some(last) }
}

fn timestamp(second: u64) -> Event<'static> {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(second)).unwrap_or(UNIX_EPOCH);
    Event::new(humantime::format_rfc3339_seconds(time).to_string()).name(TIMESTAMP).id(second)
}

fn gap(last: u64, oldest: u64) -> Event<'static> {
    Event::new(format!(r#"{{"lastEventId":"{last}","oldest":"{oldest}"}}"#)).name(GAP)
}

/// The stream of a client that saw everything up to `last_event_id`.
pub fn stream(
    last_event_id: Option<String>,
    config: &Config,
) -> EventStream<impl AsyncFnOnce(Stream) -> Result<(), BoxError> + 'static> {
    let stream = spin_sse::stream(async move |mut stream: Stream| {
        let Start { first: mut next, gap: missed } = start(last_event_id.as_deref(), unix_time().as_secs());
        if let Some(last) = missed {
            stream.publish(&gap(last, next)).await?;
        }
        loop {
            let now = unix_time();
            let due = next..=now.as_secs();
            if due.is_empty() {
                sleep(Duration::from_secs(next).saturating_sub(now)).await;
            } else {
                next = now.as_secs().saturating_add(1);
                stream.publish_all(due.map(timestamp)).await?;
            }
        }
    });
    stream.retry(timer::scattered(config.retry)).max_duration(config.max_duration).max_bytes(config.max_bytes).on_end(
        |end| match end {
            End::Failed(error) => report(format_args!("clock: stream failed: {error}")),
            end => report(format_args!("clock: stream ended: {end}")),
        },
    )
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    #[track_caller]
    fn check(last_event_id: Option<&str>, first: u64, gap: Option<u64>) {
        assert_eq!(start(last_event_id, NOW), Start { first, gap });
    }

    #[test]
    fn a_new_client_starts_now() {
        check(None, NOW, None);
    }

    #[test]
    fn a_client_that_returns_starts_after_its_last_second() {
        check(Some("999990"), 999_991, None);
        check(Some("1000000"), 1_000_001, None);
    }

    #[test]
    fn sixty_seconds_are_replayed_and_older_ones_announced_as_a_gap() {
        check(Some("999940"), 999_941, None);
        check(Some("999939"), 999_941, Some(999_939));
        check(Some("0"), 999_941, Some(0));
    }

    #[test]
    fn an_id_that_is_no_second_of_the_past_counts_as_absent() {
        for id in
            ["1000001", "18446744073709551615", "18446744073709551616", "-5", "+5", " 5", "5.0", "abc", "#1-2", ""]
        {
            check(Some(id), NOW, None);
        }
    }

    #[test]
    fn a_second_is_an_event_with_its_time_and_its_id() {
        let mut out = Vec::new();
        timestamp(1_767_225_600).encode(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "id: 1767225600\nevent: timestamp\ndata: 2026-01-01T00:00:00Z\n\n");
    }
}
