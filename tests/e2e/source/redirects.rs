//! Redirects, which the host does not follow.

use crate::source::{all, said};
use crate::support::server::streams;
use crate::support::upstream::{Step, Upstream, chunk, redirect, stream};

#[tokio::test]
async fn each_kind_of_redirect_is_followed_and_the_next_attempt_begins_anew() {
    let server = streams().start().await;
    for status in [301, 302, 303, 307, 308] {
        let event = |data: &str| stream([chunk(format!("id: {data}\ndata: {data}\n\n")), Step::End]);
        let upstream = Upstream::start([redirect(status, "two?q"), event("1"), event("2")]).await;
        assert_eq!(all(&server, &upstream, "").await, said(&["1", "2"], "finished"), "{status}");
        let asked = upstream.asked();
        let paths: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
        assert_eq!(paths, ["/", "/two?q", "/", "/"], "{status}");
        assert_eq!(asked[1].header("authorization"), "Bearer secret");
        assert_eq!(asked[2].header("last-event-id"), "1");
    }
}

#[tokio::test]
async fn a_post_becomes_a_get_as_the_standard_has_it() {
    let server = streams().start().await;
    for (status, method, body) in [(301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "a question")] {
        let upstream = Upstream::start([redirect(status, "/two"), stream([chunk("data: a\n\n"), Step::End])]).await;
        assert_eq!(all(&server, &upstream, "post=1").await, said(&["a"], "finished"), "{status}");
        let asked = &upstream.asked()[1];
        assert_eq!((asked.method.as_str(), asked.body.as_str()), (method, body), "{status}");
    }
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let server = streams().start().await;
    let other = Upstream::start([stream([chunk("data: a\n\n"), Step::End])]).await;
    let upstream = Upstream::start([redirect(307, other.url("/two"))]).await;
    assert_eq!(all(&server, &upstream, "repeat=0").await, said(&["a"], "finished"));
    let asked = &other.asked()[0];
    assert_eq!((asked.path.as_str(), asked.has("authorization"), asked.header("x-own")), ("/two", false, "1"));
}

#[tokio::test]
async fn a_loop_of_redirects_ends() {
    let server = streams().start().await;
    let upstream = Upstream::start((0..100).map(|_| redirect(302, "/"))).await;
    let (_, end) = all(&server, &upstream, "").await;
    assert!(end.starts_with("the upstream redirected the request, but "), "{end}");
    assert_eq!(upstream.asked().len(), 21);
}

#[tokio::test]
async fn a_redirect_leads_only_where_the_manifest_allows() {
    let server = streams().start().await;
    let upstream = Upstream::start([redirect(302, "http://localhost:9/"), redirect(302, "ftp://127.0.0.1/")]).await;
    assert!(all(&server, &upstream, "").await.1.contains("refused to connect to http://localhost:9"));
    assert!(all(&server, &upstream, "").await.1.contains("not reached by HTTP"));
}
