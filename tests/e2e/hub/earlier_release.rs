//! A database that an earlier release has written.

use hyper::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::client::EventStream;
use crate::support::follower::Follower;
use crate::support::hub::{HUB, Publisher, hub_with_key, token};
use crate::support::within;

/// The updates 5 to 9, in the tables of the first release.
const EARLIER: &str = include_str!("../../../hub/src/log/sqlite/tests/earlier.sql");

fn earlier() -> TempDir {
    let state = tempfile::tempdir().unwrap();
    rusqlite::Connection::open(state.path().join("sqlite_db.db")).unwrap().execute_batch(EARLIER).unwrap();
    state
}

fn minted(sequence: u64) -> String {
    format!("#0123456789abcdef-{sequence}")
}

#[tokio::test]
async fn a_client_of_an_earlier_release_gets_exactly_what_it_missed() {
    let state = earlier();
    let server = hub_with_key().state(state.path()).start().await;
    let authorization = format!("Bearer {}", token(&[], &["*"]));
    let mut streams = Vec::new();
    for (topics, last, private, expected) in [
        ("demo", "%230123456789abcdef-5", true, &["6", "\u{0}9"][..]),
        ("demo", "%230123456789abcdef-5", false, &["\u{0}9"]),
        ("demo&match=two", "%230123456789abcdef-4", true, &["5", "6", "\u{0}9"]),
        ("%5B%22x%22%5D", "%230123456789abcdef-5", false, &["7"]),
        ("*", "urn:six", false, &["7", "\\8", "\u{0}9"]),
        ("*", "%C3%A9%20%228%22", false, &["\u{0}9"]),
        ("*", "%230123456789abcdef-9", false, &[]),
    ] {
        let headers = [("authorization", authorization.as_str())];
        let headers = if private { &headers[..] } else { &[] };
        let path = format!("{HUB}?match={topics}&last_event_id={last}");
        let mut stream = EventStream::open_with(server.address(), &path, headers).await;
        assert_eq!(stream.status, StatusCode::OK);
        let ready = stream.event().await;
        assert!(ready.name == "ready" && ready.data.ends_with(r#""resumed":true}"#), "{last}: {ready:?}");
        for expected in expected {
            assert_eq!(stream.event().await.data, *expected, "{topics} after {last}");
        }
        if ["demo", "*"].contains(&topics) {
            streams.push(stream);
        }
    }
    let id = Publisher::new(server.address()).await.publish("demo", "new").await;
    assert_eq!(id, minted(10));
    for mut stream in streams {
        let event = stream.event().await;
        assert_eq!((event.data, event.id), ("new".to_owned(), minted(10)));
    }
}

#[tokio::test]
async fn what_an_earlier_release_had_pruned_is_announced_as_a_gap() {
    let state = earlier();
    let server = hub_with_key().state(state.path()).start().await;
    let mut follower = Follower::new(server.address(), "demo", &minted(3));
    follower.until(2).await;
    assert_eq!((follower.data(), follower.gaps), (vec!["5", "\u{0}9"], 1));
}

#[tokio::test]
async fn instances_that_find_an_earlier_database_together_convert_it_once() {
    let state = earlier();
    let server = hub_with_key().state(state.path()).reuse(1).start().await;
    let address = server.address();
    let mut publishers: JoinSet<_> = (0..4)
        .map(|n| async move { Publisher::new(address).await.publish("news", &format!("new {n}")).await })
        .collect();
    let followers: JoinSet<_> = (0..8)
        .map(|_| async move {
            let mut follower = Follower::new(address, "demo&match=news", &minted(5));
            follower.until(5).await;
            follower
        })
        .collect();
    while let Some(published) = within("a publisher", publishers.join_next()).await {
        published.unwrap();
    }
    for follower in within("the clients", followers.join_all()).await {
        let ids: Vec<_> = follower.updates.iter().map(|event| event.id.clone()).collect();
        assert_eq!(ids, (9..=13).map(minted).collect::<Vec<_>>());
        assert_eq!(follower.gaps, 0);
    }
}
