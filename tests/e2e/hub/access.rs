//! Who may do what, and how a request that is refused is told so.

use hyper::{Method, StatusCode};

use crate::support::client::{EventStream, Item, fetch_with};
use crate::support::hub::{FORM, HUB, Publisher, follow, hub_with_key, token, token_until};
use crate::support::log::Log;
use crate::support::server::{Server, hub};
use crate::support::unix_time;

pub(super) async fn private_updates_reach_only_who_may_read_them(log: Log) {
    let server = log.hub().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut open = Vec::new();
    for grant in [&[][..], &["other"], &["demo"], &["*"]] {
        let authorization = format!("Bearer {}", token(&[], grant));
        let headers = [("authorization", authorization.as_str())];
        let path = format!("{HUB}?match=*");
        open.push(EventStream::open_with(server.address(), &path, &headers).await);
    }
    open.push(EventStream::open(server.address(), &format!("{HUB}?match=*")).await);
    publisher.publish_with("demo", "secret", "&private=on").await;
    publisher.publish("demo", "public").await;
    for (stream, expected) in open.iter_mut().zip(["public", "public", "secret", "secret", "public"]) {
        assert_eq!(stream.event().await.name, "ready");
        assert_eq!(stream.event().await.data, expected);
    }
    // Replay is no other path.
    let mut stream = follow(server.address(), "demo", "earliest").await;
    assert_eq!(stream.event().await.data, "public");
    let cookie = format!("a=b; mercureAuthorization={}", token(&[], &["demo"]));
    let path = format!("{HUB}?match=demo&last_event_id=earliest");
    let mut stream = EventStream::open_with(server.address(), &path, &[("cookie", &cookie)]).await;
    stream.event().await;
    assert_eq!(stream.event().await.data, "secret");
}

#[tokio::test]
async fn a_stream_ends_when_its_token_does() {
    let server = hub_with_key().start().await;
    let authorization = format!("Bearer {}", token_until(&[], &["demo"], Some(unix_time() + 2)));
    let headers = [("authorization", authorization.as_str())];
    let path = format!("{HUB}?match=demo");
    let mut stream = EventStream::open_with(server.address(), &path, &headers).await;
    let (events, end) = stream.rest().await;
    assert_eq!((events.len(), end), (1, Item::End));
    let reply = fetch_with(server.address(), Method::GET, &path, &headers, "").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("www-authenticate"), r#"Bearer error="invalid_token""#);
}

/// Method, query, headers, body, expected status, and what the sentence must contain.
type Refused<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

async fn check_refusals(server: &Server, refused: &[Refused<'_>]) {
    for (method, query, headers, body, status, sentence) in refused {
        let path = format!("{HUB}{query}");
        let reply = fetch_with(server.address(), method.clone(), &path, headers, *body).await;
        assert_eq!(reply.status, *status, "{method} {query} {headers:?}: {}", reply.body);
        assert!(reply.body.contains(sentence), "{method} {query}: {}", reply.body);
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn a_refusal_has_a_status_and_a_sentence() {
    let server = hub_with_key().start().await;
    let all = format!("Bearer {}", token(&["*"], &[]));
    let some = format!("Bearer {}", token(&["demo"], &[]));
    let cookie = format!("mercureAuthorization={}", token(&["*"], &[]));
    let form = ("content-type", FORM);
    let (all, some) = (("authorization", all.as_str()), ("authorization", some.as_str()));
    let large = format!("topic=demo&data={}", "x".repeat(1024 * 1024));
    let (get, post) = (Method::GET, Method::POST);
    check_refusals(
        &server,
        &[
            (get.clone(), "", &[], "", 400, "match"),
            (get.clone(), "?match_urlpattern=x", &[], "", 400, "match_urlpattern"),
            (get.clone(), "?match=a&authorization=x", &[], "", 400, "URL"),
            (get.clone(), "?match=a", &[("authorization", "Bearer x.y.z")], "", 401, "token"),
            (get, "?match=a", &[("authorization", "Basic eDp5")], "", 400, "Bearer"),
            (post.clone(), "", &[form], "topic=demo", 401, "token"),
            (post.clone(), "", &[form, some], "topic=demo&topic=other", 403, "other"),
            (post.clone(), "", &[form, ("cookie", &cookie)], "topic=demo", 403, "cors_origins"),
            (post.clone(), "", &[form, all], "data=x", 400, "topic"),
            (post.clone(), "", &[form, all], "topic=*", 400, "*"),
            (post.clone(), "", &[form, all], "topic=a&id=%231", 400, "id"),
            (post.clone(), "", &[form, all], "topic=a&type=ready", 400, "ready"),
            (post.clone(), "", &[all], "topic=demo", 415, "content-type"),
            (post, "", &[form, all], &large, 413, "larger"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_hub_without_a_key_says_how_to_set_one_and_lets_the_public_read() {
    let server = hub().variable("jwt_secret", "").start().await;
    let form = ("content-type", FORM);
    let refused = (Method::POST, "", &[form][..], "topic=demo", 503, "jwt_secret");
    check_refusals(&server, &[refused]).await;
    follow(server.address(), "demo", "").await;
}

#[tokio::test]
async fn a_hub_that_is_not_anonymous_wants_a_token() {
    let server = hub_with_key().variable("anonymous", false).start().await;
    check_refusals(&server, &[(Method::GET, "?match=demo", &[], "", 401, "token")]).await;
    let authorization = format!("Bearer {}", token(&[], &[]));
    let path = format!("{HUB}?match=demo");
    let stream = EventStream::open_with(server.address(), &path, &[("authorization", &authorization)]).await;
    assert_eq!(stream.status, StatusCode::OK);
}

#[tokio::test]
async fn a_variable_that_is_not_understood_is_named() {
    for (name, value) in [("poll_ms", "fast"), ("anonymous", "maybe"), ("cors_origins", "example.com")] {
        let server = hub().variable(name, value).start().await;
        check_refusals(&server, &[(Method::GET, "?match=demo", &[], "", 500, name)]).await;
    }
}

#[tokio::test]
async fn a_log_that_is_not_understood_is_named_and_its_password_is_not_repeated() {
    for (log, host, sentence) in [
        ("", "redis://127.0.0.1:6379", "variable log "),
        ("memory", "redis://127.0.0.1:6379", "variable log "),
        ("redis://", "redis://127.0.0.1:6379", "variable log "),
        ("http://:open-sesame@127.0.0.1:6379", "redis://127.0.0.1:6379", "variable log "),
        ("redis://:open-sesame@127.0.0.1:none", "redis://127.0.0.1:6379", "variable log "),
        ("redis://:open-sesame@127.0.0.1:6380", "redis://127.0.0.1:6379", "log_host"),
        ("rediss://:open-sesame@127.0.0.1:6379", "redis://127.0.0.1:6379", "log_host"),
        ("redis://:open-sesame@127.0.0.1:6379", "redis://example.com:6379", "log_host"),
    ] {
        let server = hub().variable("log", log).variable("log_host", host).start().await;
        let reply = fetch_with(server.address(), Method::GET, &format!("{HUB}?match=demo"), &[], "").await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{log} {host}: {}", reply.body);
        assert!(reply.body.contains(sentence), "{log} {host}: {}", reply.body);
        assert_eq!(reply.body.trim_end().lines().count(), 1, "{}", reply.body);
        let said = server.lines().into_iter().chain([reply.body]).find(|line| line.contains("open-sesame"));
        assert_eq!(said, None);
    }
}

#[tokio::test]
async fn pages_of_listed_origins_may_use_the_hub() {
    let server = hub_with_key().variable("cors_origins", "https://app.example").start().await;
    let origin = ("origin", "https://app.example");
    let preflight = [origin, ("access-control-request-method", "POST")];
    let reply = fetch_with(server.address(), Method::OPTIONS, HUB, &preflight, "").await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(reply.header("access-control-allow-credentials"), "true");
    assert!(reply.header("access-control-allow-headers").contains("authorization"));
    let cookie = format!("mercureAuthorization={}", token(&["demo"], &[]));
    let headers = [origin, ("cookie", &*cookie), ("content-type", FORM)];
    let reply = fetch_with(server.address(), Method::POST, HUB, &headers, "topic=demo&data=x").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (StatusCode::OK, "https://app.example"));
    let path = format!("{HUB}?match=demo");
    let stream = EventStream::open_with(server.address(), &path, &[origin]).await;
    assert_eq!(stream.headers["access-control-allow-origin"], "https://app.example");
    let stream = EventStream::open_with(server.address(), &path, &[("origin", "https://evil.example")]).await;
    assert!(!stream.headers.contains_key("access-control-allow-origin"));
}
