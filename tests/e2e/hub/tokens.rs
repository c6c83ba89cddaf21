//! Tokens: which keys and which mode they are checked with, and how the hub says so.

use std::time::Duration;

use hyper::{Method, StatusCode};
use spin_sse_host::token::Token;

use crate::support::client::{EventStream, Reply, fetch_with};
use crate::support::hub::{FORM, HUB, Publisher, SECRET, hub_with_key, token_until};
use crate::support::keys::{ED25519, ED25519_JWK, ES256, ES256_JWK, HUB_URL, ISSUER, RS256, access_token, bearer};
use crate::support::server::{Server, Setup, hub};
use crate::support::upstream::{Answer, Step, Upstream, chunk, redirect, status};
use crate::support::{unix_time, within};

const METADATA: &str = "/.well-known/oauth-protected-resource/.well-known/mercure";
const AT: &str = "https://hub.example/.well-known/oauth-protected-resource/.well-known/mercure";

fn strict() -> Setup {
    hub().variable("jwt_secret", "").variable("jwt_issuer", ISSUER).variable("hub_url", HUB_URL)
}

async fn publish(server: &Server, authorization: &str) -> Reply {
    let headers = [("authorization", authorization), ("content-type", FORM)];
    fetch_with(server.address(), Method::POST, HUB, &headers, "topic=demo&data=x&private=on").await
}

/// Whether somebody with this token reads the private update that [`publish`] made.
async fn reads(server: &Server, authorization: &str) -> StatusCode {
    let path = format!("{HUB}?match=demo&last_event_id=earliest");
    let reply = fetch_with(server.address(), Method::HEAD, &path, &[("authorization", authorization)], "").await;
    if reply.status == StatusCode::OK {
        let mut stream = EventStream::open_with(server.address(), &path, &[("authorization", authorization)]).await;
        assert_eq!((stream.event().await.name, stream.event().await.data), ("ready".to_owned(), "x".to_owned()));
    }
    reply.status
}

#[tokio::test]
async fn a_strict_hub_takes_access_tokens_of_every_algorithm() {
    for pair in [ES256, ED25519, RS256] {
        let server = strict().variable("jwt_keys", pair.public).start().await;
        let good = pair.bearer(&access_token());
        assert_eq!(publish(&server, &good).await.status, StatusCode::OK);
        assert_eq!(reads(&server, &good).await, StatusCode::OK);
    }
    let server = strict().variable("jwt_secret", SECRET).start().await;
    let good = bearer(SECRET, &access_token());
    assert_eq!(publish(&server, &good).await.status, StatusCode::OK);
    assert_eq!(reads(&server, &good).await, StatusCode::OK);
    // What a compatible hub takes: no issuer, no audience, no end, another type.
    let old = format!("Bearer {}", token_until(&["*"], &["*"], Some(unix_time() + 60)));
    let other_hub = Token { audience: Some("https://other.example/.well-known/mercure".into()), ..access_token() };
    let other_issuer = Token { issuer: Some("https://other.example".into()), ..access_token() };
    let over = Token { expires_in: Some(0), ..access_token() };
    let endless = Token { issuer: None, ..access_token() };
    let mut refused: Vec<_> =
        [other_hub, other_issuer, over, endless].iter().map(|token| bearer(SECRET, token)).collect();
    refused.extend([old, bearer("another secret", &access_token()), ES256.bearer(&access_token())]);
    for token in refused {
        let reply = publish(&server, &token).await;
        let expected = format!(r#"Bearer error="invalid_token", resource_metadata="{AT}""#);
        assert_eq!((reply.status, reply.header("www-authenticate")), (StatusCode::UNAUTHORIZED, &*expected));
        assert_eq!(reads(&server, &token).await, StatusCode::UNAUTHORIZED);
    }
    let path = format!("{HUB}?match=demo&authorization={}", good.replace("Bearer ", ""));
    let reply = fetch_with(server.address(), Method::GET, &path, &[], "").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.body);
}

#[tokio::test]
async fn publishers_and_subscribers_may_have_keys_of_their_own() {
    let setup = strict().variable("jwt_publisher_keys", ES256.public).variable("jwt_subscriber_secret", SECRET);
    let server = setup.variable("jwt_keys", ED25519.public).start().await;
    let [publisher, both] = [ES256, ED25519].map(|pair| pair.bearer(&access_token()));
    let subscriber = bearer(SECRET, &access_token());
    assert_eq!(publish(&server, &publisher).await.status, StatusCode::OK);
    assert_eq!(reads(&server, &subscriber).await, StatusCode::OK);
    for other in [&subscriber, &both] {
        assert_eq!(publish(&server, other).await.status, StatusCode::UNAUTHORIZED);
    }
    for other in [&publisher, &both] {
        assert_eq!(reads(&server, other).await, StatusCode::UNAUTHORIZED);
    }
}

/// A JWK Set of these keys.
fn set(keys: &[&str]) -> Answer {
    let head = Step::Head(200, vec![("content-type", "application/json".to_owned())]);
    vec![head, chunk(format!(r#"{{"keys":[{}]}}"#, keys.join(","))), Step::End]
}

fn keys_at(upstream: &Upstream) -> Setup {
    strict().variable("jwt_keys", upstream.url("/jwks?secret")).variable("jwks_host", upstream.url(""))
}

#[tokio::test]
async fn keys_at_a_url_are_fetched_and_again_for_an_unknown_one_once_a_minute() {
    let later = std::iter::repeat_with(|| set(&[ED25519_JWK]));
    let upstream = Upstream::start([set(&[ES256_JWK])].into_iter().chain(later.take(100))).await;
    let server = keys_at(&upstream).start().await;
    let named = |id: &str| Token { key_id: Some(id.to_owned()), ..access_token() };
    assert_eq!(publish(&server, &ES256.bearer(&named("es"))).await.status, StatusCode::OK);
    // The key has changed.
    assert_eq!(publish(&server, &ED25519.bearer(&named("ed"))).await.status, StatusCode::OK);
    assert_eq!(publish(&server, &ES256.bearer(&named("es"))).await.status, StatusCode::UNAUTHORIZED);
    for stranger in 0..20 {
        let token = ED25519.bearer(&named(&format!("unknown-{stranger}")));
        assert_eq!(publish(&server, &token).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(reads(&server, &ED25519.bearer(&named("ed"))).await, StatusCode::OK);
    let asked = upstream.asked();
    let instances = server.lines().iter().filter(|line| line.contains("instance started")).count();
    assert!(asked.len() >= 2 && asked.len() <= 2 * instances, "{} fetches, {instances} instances", asked.len());
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("GET", "/jwks?secret"));
    assert!(!asked[0].has("authorization"));
}

#[tokio::test]
async fn a_set_without_keys_takes_all_back() {
    let upstream = Upstream::start([set(&[ES256_JWK]), set(&[])].into_iter().chain([set(&[]), set(&[])])).await;
    let server = keys_at(&upstream).start().await;
    let named = |id: &str| Token { key_id: Some(id.to_owned()), ..access_token() };
    assert_eq!(publish(&server, &ES256.bearer(&named("es"))).await.status, StatusCode::OK);
    // It has the set fetched.
    assert_eq!(publish(&server, &ED25519.bearer(&named("unknown"))).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(publish(&server, &ES256.bearer(&named("es"))).await.status, StatusCode::SERVICE_UNAVAILABLE);
    server.logged("/jwks has no key that the hub can use", 1).await;
}

#[tokio::test]
async fn while_keys_cannot_be_fetched_a_token_is_answered_503_and_others_are_served() {
    let json = |text: String| vec![Step::Head(200, vec![]), chunk(text), Step::End];
    let upstream = Upstream::start([
        status(500),
        redirect(302, "/elsewhere"),
        json("nonsense".to_owned()),
        json(format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(100_000))),
        vec![Step::Head(200, vec![]), chunk("{"), Step::Hold],
        set(&[r#"{"kty":"oct","k":"AAAA"}"#]),
        set(&[ES256_JWK]),
        status(500),
    ])
    .await;
    let server = keys_at(&upstream).start().await;
    let good = ES256.bearer(&access_token());
    let refused = publish(&server, &good).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert_eq!(refused.body, "the hub cannot fetch the keys to check the token with: try again in a moment\n");
    assert_eq!(reads(&server, &good).await, StatusCode::SERVICE_UNAVAILABLE);
    let path = format!("{HUB}?match=demo");
    assert_eq!(EventStream::open(server.address(), &path).await.status, StatusCode::OK);
    // A secret does not wait for keys.
    assert_eq!(publish(&server, &bearer(SECRET, &access_token())).await.status, StatusCode::UNAUTHORIZED);
    within("the keys to come", async {
        while publish(&server, &good).await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    for reason in [
        "the answer has status 500, not 200",
        "the answer has status 302, not 200",
        "what is there is no JSON",
        "what is there has more than 64 KiB",
        "there was no answer within 5 s",
    ] {
        let line = server.lines().into_iter().find(|line| line.contains(reason));
        let line = line.unwrap_or_else(|| panic!("{reason}: {:?}", server.lines()));
        assert!(line.contains("/jwks cannot be fetched: ") && !line.contains("secret"), "{line}");
    }
    server.logged("/jwks has no key that the hub can use", 1).await;
    assert!(upstream.asked().iter().all(|asked| asked.path == "/jwks?secret"));
}

#[tokio::test]
async fn the_metadata_says_where_tokens_come_from_and_every_challenge_where_it_is() {
    let setup = hub_with_key().variable("hub_url", HUB_URL).variable("cors_origins", "https://app.example");
    let server = setup.variable("anonymous", false).start().await;
    let origin = ("origin", "https://app.example");
    let reply = fetch_with(server.address(), Method::GET, METADATA, &[origin], "").await;
    let expected = format!(
        r#"{{"resource":"{HUB_URL}","bearer_methods_supported":["header"],"authorization_details_types_supported":["https://mercure.rocks/authorization-detail"],"mercure_cookie":"__Secure-mercure_access_token""#
    );
    assert!(reply.body.starts_with(&expected), "{}", reply.body);
    assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    let head = fetch_with(server.address(), Method::HEAD, METADATA, &[], "").await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, &*reply.body.len().to_string()));
    let post = fetch_with(server.address(), Method::POST, METADATA, &[], "").await;
    assert_eq!((post.status, post.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    for path in ["/.well-known/oauth-protected-resource", &format!("{METADATA}/"), &METADATA.replace("mercure", "x")] {
        let reply = fetch_with(server.address(), Method::GET, path, &[], "").await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
    let some = format!("Bearer {}", token_until(&["other"], &[], None));
    for (headers, status, challenge) in [
        (vec![], StatusCode::UNAUTHORIZED, "Bearer "),
        (vec![("authorization", "Bearer x")], StatusCode::UNAUTHORIZED, r#"Bearer error="invalid_token", "#),
        (vec![("authorization", "Basic x")], StatusCode::BAD_REQUEST, r#"Bearer error="invalid_request", "#),
        (vec![("authorization", &*some)], StatusCode::FORBIDDEN, r#"Bearer error="insufficient_scope", "#),
    ] {
        let headers: Vec<_> = headers.into_iter().chain([("content-type", FORM)]).collect();
        let reply = fetch_with(server.address(), Method::POST, HUB, &headers, "topic=demo").await;
        let expected = format!(r#"{challenge}resource_metadata="{AT}""#);
        assert_eq!((reply.status, reply.header("www-authenticate")), (status, &*expected));
    }
    let path = format!("{HUB}?match=demo");
    let reply = fetch_with(server.address(), Method::GET, &path, &[], "").await;
    assert_eq!(reply.header("www-authenticate"), format!(r#"Bearer resource_metadata="{AT}""#));
}

#[tokio::test]
async fn the_metadata_names_the_server_whose_keys_are_fetched() {
    let upstream = Upstream::start([]).await;
    let server = keys_at(&upstream).variable("cookie_name", "own").start().await;
    let reply = fetch_with(server.address(), Method::GET, METADATA, &[], "").await;
    assert!(reply.body.contains(&format!(r#""authorization_servers":["{ISSUER}"]"#)), "{}", reply.body);
    assert!(reply.body.contains(r#""mercure_cookie":"own""#), "{}", reply.body);
    let without_address = hub_with_key().start().await;
    let reply = fetch_with(without_address.address(), Method::GET, METADATA, &[], "").await;
    let sentence = "this hub does not know its address: set the variable hub_url\n";
    assert_eq!((reply.status, &*reply.body), (StatusCode::NOT_FOUND, sentence));
    let no_address = strict().variable("hub_url", "").start().await;
    let reply = fetch_with(no_address.address(), Method::GET, METADATA, &[], "").await;
    let sentence = "variable hub_url must be set where jwt_issuer is: it is what tokens have as aud\n";
    assert_eq!((reply.status, &*reply.body), (StatusCode::INTERNAL_SERVER_ERROR, sentence));
}

#[tokio::test]
async fn a_compatible_hub_takes_the_token_of_older_clients_from_the_url_and_logs_none() {
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    publisher.publish_with("demo", "x", "&private=on").await;
    let good = token_until(&[], &["demo"], None);
    let path = |token: &str| format!("{HUB}?match=demo&last_event_id=earliest&authorization={token}");
    let mut stream = EventStream::open(server.address(), &path(&good)).await;
    assert_eq!((stream.event().await.name, stream.event().await.data), ("ready".to_owned(), "x".to_owned()));
    // The header goes first.
    let nothing = format!("Bearer {}", token_until(&[], &[], None));
    let headers = [("authorization", &*nothing)];
    publisher.publish("demo", "public").await;
    let mut stream = EventStream::open_with(server.address(), &path(&good), &headers).await;
    assert_eq!((stream.event().await.name, stream.event().await.data), ("ready".to_owned(), "public".to_owned()));
    let over = token_until(&[], &["demo"], Some(1));
    let forged = format!("{}x", &good[..good.len() - 1]);
    for (token, status) in [(&over, 401), (&forged, 401), (&format!("{good}+{good}"), 400)] {
        let reply = fetch_with(server.address(), Method::GET, &path(token), &[], "").await;
        assert_eq!(reply.status, status, "{}", reply.body);
        assert!(!reply.body.contains(&**token));
    }
    server.logged("a request was refused: the token has expired", 1).await;
    for secret in [SECRET, &good, &over, &forged, &nothing[7..]] {
        let said = server.lines().into_iter().find(|line| line.contains(secret));
        assert_eq!(said, None);
    }
}

#[tokio::test]
async fn a_token_that_ends_within_a_page_of_history_ends_the_stream_there() {
    const COUNT: usize = 300;
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    let large = "x".repeat(100_000);
    for number in 0..COUNT {
        publisher.publish_with("demo", &format!("{number} {large}"), "&private=on").await;
    }
    let end = unix_time() + 5;
    let follow = async |id: &str, expires: Option<u64>| {
        let authorization = format!("Bearer {}", token_until(&[], &["demo"], expires));
        let path = format!("{HUB}?match=demo&last_event_id={}", id.replace('#', "%23"));
        EventStream::open_with(server.address(), &path, &[("authorization", &authorization)]).await
    };
    let mut stream = follow("earliest", Some(end)).await;
    assert_eq!(stream.event().await.name, "ready");
    assert!(stream.event().await.data.starts_with("0 "));
    while unix_time() <= end {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (events, _) = stream.rest().await;
    let received = events.len() + 1;
    assert!(received < COUNT, "the token was over, but all was sent");
    // Nothing is lost for who comes back with a token.
    let mut stream = follow(stream.last_event_id(), None).await;
    assert_eq!(stream.event().await.name, "ready");
    let next = stream.event().await.data;
    assert!(next.starts_with(&format!("{received} ")), "after {received} came {}", &next[..10]);
}
