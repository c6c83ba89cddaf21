//! An upstream that is not an event stream.

use crate::source::{all, said};
use crate::support::server::streams;
use crate::support::upstream::{Step, Upstream, chunk, status};

fn text(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let head = Step::Head(200, vec![("content-type", "application/x-ndjson".to_owned())]);
    [head].into_iter().chain(steps).collect()
}

#[tokio::test]
async fn what_comes_is_passed_on_until_the_end() {
    let server = streams().start().await;
    let upstream = Upstream::start([status(503), text([chunk("data: a\n\n\u{20ac}"), Step::End])]).await;
    let (data, end) = all(&server, &upstream, "text=1").await;
    assert_eq!((data.concat(), end.as_str()), ("data: a\n\n\u{20ac}".to_owned(), "finished"));
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn a_chunk_is_cut_at_the_borders_of_characters() {
    let server = streams().start().await;
    let whole = "one \u{20ac} and \u{1f600}";
    let upstream = Upstream::start([text([Step::Slowly(whole.into()), Step::End])]).await;
    let (data, end) = all(&server, &upstream, "text=1&post=1").await;
    assert_eq!((data.concat(), end.as_str()), (whole.to_owned(), "finished"));
    assert!(data.len() > 1, "{data:?}");
}

#[tokio::test]
async fn half_a_character_at_the_end_is_shown() {
    let server = streams().start().await;
    let upstream = Upstream::start([text([chunk(b"a\xe2\x82"), Step::End])]).await;
    assert_eq!(all(&server, &upstream, "text=1").await, said(&["a", "\u{fffd}"], "finished"));
}

#[tokio::test]
async fn a_text_that_is_cut_is_an_error() {
    let server = streams().start().await;
    let upstream = Upstream::start([text([chunk("a")])]).await;
    let (data, end) = all(&server, &upstream, "text=1").await;
    assert_eq!(data, ["a"]);
    assert!(end.starts_with("the connection to the upstream failed: "), "{end}");
    assert_eq!(upstream.asked().len(), 1);
}
