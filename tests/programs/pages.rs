//! The hub and its page in a real browser.

use std::time::Duration;

use serde_json::Value;

use crate::browser::Browser;
use crate::support::hub::{HUB, Publisher, follow, hub_with_key, token};
use crate::support::within;

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_page_shows_the_clock_and_resumes_it_without_missing_a_second() {
    let server = hub_with_key().variable("stream_seconds", 4).start().await;
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    browser.until("Number(document.getElementById('clock-received').textContent) >= 2").await;
    browser.click("clock-drop").await;
    // By the button once, by the hub's budget at least once.
    browser.until("Number(document.getElementById('clock-reconnects').textContent) >= 2").await;
    browser.until("Number(document.getElementById('clock-received').textContent) >= 8").await;
    for id in ["clock-missed", "clock-doubled", "clock-gaps"] {
        assert_eq!(browser.number(id).await, 0, "{id}");
    }
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_page_publishes_and_follows() {
    let server = hub_with_key().start().await;
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    browser.fill("hub-topics", "demo").await;
    browser.click("hub-subscribe").await;
    browser.until("document.getElementById('hub-state').textContent.trim() === 'open'").await;
    browser.fill("publish-topic", "demo").await;
    browser.fill("publish-data", "hello from the page").await;
    browser.click("publish-send").await;
    browser.until("document.getElementById('publish-result').textContent.startsWith('401: ')").await;
    browser.fill("publish-token", &token(&["demo"], &[])).await;
    browser.click("publish-send").await;
    browser.until("document.getElementById('hub-updates').textContent.includes('hello from the page')").await;
    assert!(browser.text("hub-last-id").await.starts_with('#'));
    let counts = [browser.number("hub-received").await, browser.number("hub-doubled").await];
    assert_eq!(counts, [1, 0]);
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_page_shows_who_follows_a_topic() {
    let server = hub_with_key().variable("subscriptions", true).start().await;
    let first = follow(server.address(), "demo", "").await;
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    let followers = async |expected: &str| {
        let rows = "[...document.querySelectorAll('#followers-list li')].map(row => [...row.children].slice(0, 2)\
            .map(part => part.textContent).join(' ')).join()";
        browser.until(&format!("{rows} === '{expected}'")).await;
    };
    browser.fill("hub-topics", "demo").await;
    browser.fill("publish-token", &token(&[], &["demo"])).await;
    browser.click("hub-use-token").await;
    browser.click("hub-subscribe").await;
    // It says why it shows nobody.
    browser.until("document.getElementById('followers-why').textContent.includes('/mercure/subscriptions')").await;
    browser.click("hub-subscribe").await;
    browser.fill("publish-token", &token(&[], &["*"])).await;
    browser.click("hub-subscribe").await;
    followers("demo 2").await;
    let second = follow(server.address(), "demo", "").await;
    let other = follow(server.address(), "%3Cb%3Eother%3C/b%3E", "").await;
    followers("demo 3,<b>other</b> 1").await;
    // It goes on from where it was.
    browser.click_until_once("hub-drop", "document.getElementById('hub-state').dataset.state", "waiting").await;
    drop((first, other));
    followers("demo 2").await;
    drop(second);
    followers("demo 1").await;
    browser.click("hub-subscribe").await;
    browser.click("hub-use-token").await;
    browser.click("hub-subscribe").await;
    browser.until("document.getElementById('hub-state').textContent === 'open'").await;
    assert_eq!(browser.run("return document.getElementById('followers').hidden").await, true);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_browsers_event_source_is_cut_by_the_hub_and_misses_nothing() {
    const UPDATES: usize = 150;
    const OPENED: u64 = 3;
    let server = hub_with_key().variable("stream_seconds", 1).variable("retry_ms", 50).start().await;
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    browser
        .run(&format!(
            "window.seen = []; window.opened = 0; window.source = new EventSource('{HUB}?match=demo');
             source.onopen = () => opened++;
             const keep = event => seen.push(event.type + ' ' + event.data);
             source.onmessage = keep; source.addEventListener('note', keep);"
        ))
        .await;
    browser.until("opened >= 1").await;
    let mut publisher = Publisher::new(server.address()).await;
    let mut expected: Vec<Value> = Vec::new();
    within("the hub to cut it", async {
        while expected.len() < UPDATES || browser.run("return opened").await.as_u64().unwrap() < OPENED {
            for _ in 0..10 {
                let n = expected.len();
                let (name, kind) = if n.is_multiple_of(3) { ("note", "&type=note") } else { ("message", "") };
                publisher.publish_with("demo", &n.to_string(), kind).await;
                expected.push(format!("{name} {n}").into());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    })
    .await;
    browser.until(&format!("seen.length >= {}", expected.len())).await;
    let seen = browser.run("return seen").await;
    assert_eq!(seen, Value::Array(expected));
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_browser_reads_private_updates_by_its_cookie_and_tells_an_update_from_an_error() {
    let server = hub_with_key().start().await;
    let mut publisher = Publisher::new(server.address()).await;
    for name in ["error", "open", "gap"] {
        publisher.publish_with("demo", name, &format!("&private=on&type={name}")).await;
    }
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    let cookie = format!("mercureAuthorization={}", token(&[], &["demo"]));
    browser
        .run(&format!(
            "document.cookie = '{cookie}; path=/'; window.seen = []; window.failures = 0;
             window.source = new EventSource('{HUB}?match=demo&last_event_id=earliest&quiet=true');
             const keep = ({{ type, data }}) => data === undefined ? failures++ : seen.push(type + ' ' + data);
             for (const type of ['error', 'open', 'gap']) source.addEventListener(type, keep);"
        ))
        .await;
    browser.until("seen.length >= 3").await;
    assert_eq!(browser.run("return seen").await, serde_json::json!(["error error", "open open", "gap gap"]));
    // That the stream is open has no data.
    assert_eq!(browser.run("return failures").await, 1);
    server.stop().await;
    browser.until("failures >= 2").await;
    assert_eq!(browser.run("return seen.length").await, 3);
}
