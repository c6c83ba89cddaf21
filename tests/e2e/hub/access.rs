//! Who may do what, and how a request that is refused is told so.

use hyper::{Method, StatusCode};

use crate::support::client::{EventStream, Item, fetch_with};
use crate::support::hub::{FORM, HUB, Publisher, SECRET, follow, hub_with_key, token, token_until};
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
    assert_eq!(stream.event().await.name, "ready");
    assert_eq!(stream.event().await.data, "secret");
}

#[tokio::test]
async fn a_stream_ends_when_its_token_does() {
    let server = hub_with_key().start().await;
    let authorization = format!("Bearer {}", token_until(&[], &["demo"], Some(unix_time() + 5)));
    let headers = [("authorization", authorization.as_str())];
    let path = format!("{HUB}?match=demo");
    let mut stream = EventStream::open_with(server.address(), &path, &headers).await;
    let (events, end) = stream.rest().await;
    assert_eq!((events.len(), events[0].name.as_str(), end), (1, "ready", Item::End));
    let reply = fetch_with(server.address(), Method::GET, &path, &headers, "").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("www-authenticate"), r#"Bearer error="invalid_token""#);
}

/// Method, query, headers, body, expected status, and the sentence.
type Refused<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

async fn check_refusals(server: &Server, refused: &[Refused<'_>]) {
    for (method, query, headers, body, status, sentence) in refused {
        let path = format!("{HUB}{query}");
        let reply = fetch_with(server.address(), method.clone(), &path, headers, *body).await;
        assert_eq!(reply.status, *status, "{method} {query} {headers:?}: {}", reply.body);
        assert_eq!(reply.body, format!("{sentence}\n"), "{method} {query} {headers:?}");
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
            (get.clone(), "", &[], "", 400, "no topic to follow: add ?match= with the name of a topic, or with *"),
            (get.clone(), "?match_regexp=x", &[], "", 400, OTHER_MATCH),
            (get.clone(), "?match=a&access_token=x", &[], "", 400, TOKEN_IN_URL),
            (get.clone(), "?match=a", &[("authorization", "Bearer x.y.z")], "", 401, INVALID_TOKEN),
            (get, "?match=a", &[("authorization", "Basic eDp5")], "", 400, OTHER_SCHEME),
            (post.clone(), "", &[form], "topic=demo", 401, NO_TOKEN),
            (post.clone(), "", &[form, some], "topic=demo&topic=other", 403, OTHER_TOPIC),
            (post.clone(), "", &[form, ("cookie", &cookie)], "topic=demo", 403, OTHER_PAGE),
            (post.clone(), "", &[form, all], "data=x", 400, "topic is missing: name at least one"),
            (post.clone(), "", &[form, all], "topic=*", 400, EVERY_TOPIC),
            (post.clone(), "", &[form, all], "topic=a&id=%231", 400, ID_OF_THE_HUB),
            (post.clone(), "", &[form, all], "topic=a&type=mercure", 400, TYPE_OF_THE_HUB),
            (post.clone(), "", &[all], "topic=demo", 415, OTHER_CONTENT_TYPE),
            (post, "", &[form, all], &large, 413, "the body is larger than 1048576 bytes: send less at a time"),
        ],
    )
    .await;
}

const OTHER_MATCH: &str =
    r#"parameter "match_regexp" is not supported: use match with the name of a topic, or match_urlpattern"#;
const TOKEN_IN_URL: &str = "a token in the URL is not accepted: send it as authorization: Bearer, or in a cookie";
const INVALID_TOKEN: &str = "the token is not valid: check its key, typ, alg, iss, aud, exp, nbf and claims";
const OTHER_SCHEME: &str = "authorization is something else: send Bearer, a space and a token";
const NO_TOKEN: &str = "publishing needs a token: send one as authorization: Bearer";
const OTHER_TOPIC: &str = r#"the token does not cover publishing to "other": get one that does"#;
const OTHER_PAGE: &str =
    "this page may not publish with a cookie: list its origin in cors_origins, or send authorization: Bearer";
const EVERY_TOPIC: &str = "topic is *, which stands for every topic: publish to a topic by its name";
const ID_OF_THE_HUB: &str = "id begins with #, as those that the hub gives out: choose another, or leave it out";
const TYPE_OF_THE_HUB: &str = "type mercure is for the hub's own events: choose another";
const OTHER_CONTENT_TYPE: &str =
    "the body has another content-type: send application/x-www-form-urlencoded or application/x-ndjson";

#[tokio::test]
async fn a_hub_without_a_key_says_how_to_set_one_and_lets_the_public_read() {
    let server = hub().variable("jwt_secret", "").start().await;
    let form = ("content-type", FORM);
    let sentence = "this hub has no key to check tokens with: set the variable jwt_secret, for example with \
                    `spin up --variable jwt_secret=...`, or SPIN_VARIABLE_JWT_SECRET";
    check_refusals(&server, &[(Method::POST, "", &[form], "topic=demo", 503, sentence)]).await;
    follow(server.address(), "demo", "").await;
}

#[tokio::test]
async fn a_hub_that_is_not_anonymous_wants_a_token() {
    let server = hub_with_key().variable("anonymous", false).start().await;
    let sentence = "subscribing needs a token here: send one as authorization: Bearer, or in a cookie";
    check_refusals(&server, &[(Method::GET, "?match=demo", &[], "", 401, sentence)]).await;
    let authorization = format!("Bearer {}", token(&[], &[]));
    let path = format!("{HUB}?match=demo");
    let stream = EventStream::open_with(server.address(), &path, &[("authorization", &authorization)]).await;
    assert_eq!(stream.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_that_no_key_can_check_is_refused() {
    let garbage = [("authorization", "Bearer x.y.z")];
    let cookie = [("cookie", "mercureAuthorization=x.y.z")];
    // A hub without any key, and one with a key for publishers alone.
    for (variable, value) in [("jwt_secret", ""), ("jwt_publisher_secret", SECRET)] {
        let server = hub().variable(variable, value).variable("subscriptions", true).start().await;
        for (query, headers) in [("?match=demo", &garbage[..]), ("?match=demo&authorization=x.y.z", &[])] {
            check_refusals(&server, &[(Method::GET, query, headers, "", 401, INVALID_TOKEN)]).await;
        }
        let path = format!("{HUB}/subscriptions");
        let reply = fetch_with(server.address(), Method::GET, &path, &garbage, "").await;
        assert_eq!((reply.status.as_u16(), reply.header("www-authenticate")), (401, r#"Bearer error="invalid_token""#));
        // A browser sends a cookie to whom it was not meant for.
        for headers in [&cookie[..], &[]] {
            let stream = EventStream::open_with(server.address(), &format!("{HUB}?match=demo"), headers).await;
            assert_eq!(stream.status, StatusCode::OK, "{variable} {headers:?}");
        }
    }
}

#[tokio::test]
async fn what_a_hub_elsewhere_says_of_itself_cannot_be_forged() {
    let server = hub_with_key().variable("hub_url", "https://example.com/live/hub").start().await;
    let authorization = format!("Bearer {}", token(&["*"], &[]));
    let headers = [("content-type", FORM), ("authorization", authorization.as_str())];
    let sentence = "topic \"/live/hub/subscriptions/exact/a/b\" resolves to /live/hub or below, which is for the hub \
        itself: give it another path";
    let body = "topic=a&topic=/live/hub/subscriptions/exact/a/b";
    check_refusals(&server, &[(Method::POST, "", &headers, body, 400, sentence)]).await;
}

#[tokio::test]
async fn a_variable_that_is_not_understood_is_named() {
    for (name, value, takes) in [
        ("poll_ms", "fast", "be a whole number of at least 1"),
        ("anonymous", "maybe", "be true or false"),
        ("cors_origins", "example.com", "list origins such as https://example.com"),
    ] {
        let server = hub().variable(name, value).start().await;
        let sentence = format!("variable {name} must {takes}, not {value:?}");
        check_refusals(&server, &[(Method::GET, "?match=demo", &[], "", 500, &sentence)]).await;
    }
}

#[tokio::test]
async fn a_log_that_is_not_understood_is_named_and_its_password_is_not_repeated() {
    const LOG: &str = "variable log must be `sqlite` or a URL like redis://user:password@host:6379/0";
    let other_host = |host: &str| {
        format!(
            "variable log_host must be {host}, which is the variable log without user, password and path: \
             it is what Spin lets the hub connect to"
        )
    };
    for (log, host, sentence) in [
        ("", "redis://127.0.0.1:6379", LOG.to_owned()),
        ("memory", "redis://127.0.0.1:6379", LOG.to_owned()),
        ("redis://", "redis://127.0.0.1:6379", LOG.to_owned()),
        ("http://:open-sesame@127.0.0.1:6379", "redis://127.0.0.1:6379", LOG.to_owned()),
        ("redis://:open-sesame@127.0.0.1:none", "redis://127.0.0.1:6379", LOG.to_owned()),
        ("redis://:open-sesame@127.0.0.1:6380", "redis://127.0.0.1:6379", other_host("redis://127.0.0.1:6380")),
        ("rediss://:open-sesame@127.0.0.1:6379", "redis://127.0.0.1:6379", other_host("rediss://127.0.0.1:6379")),
        ("redis://:open-sesame@127.0.0.1:6379", "redis://example.com:6379", other_host("redis://127.0.0.1:6379")),
    ] {
        let server = hub().variable("log", log).variable("log_host", host).start().await;
        let reply = fetch_with(server.address(), Method::GET, &format!("{HUB}?match=demo"), &[], "").await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{log} {host}: {}", reply.body);
        assert_eq!(reply.body, sentence + "\n", "{log} {host}");
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
    assert!(reply.header("access-control-allow-headers").split(", ").any(|name| name == "authorization"));
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
