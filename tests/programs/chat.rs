//! The page of `examples/chat` in a real browser.

use std::time::Duration;

use tokio::sync::watch;

use crate::browser::Browser;
use crate::support::model::Script;
use crate::support::server::chat;
use crate::support::upstream::{Step, Upstream, status};

const TOKENS: usize = 300;
/// The last answer of the page.
const TEXT: &str = "document.querySelector('.turn:last-child .text').textContent";
const STATE: &str = "document.querySelector('.turn:last-child')?.dataset.state";

fn tokens(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{n} ")).collect()
}

async fn ask(browser: &Browser) {
    browser.fill("question", "why?").await;
    browser.click("ask").await;
}

/// Waits until the page shows this many tokens of the last answer; it may have more then.
async fn until_tokens(browser: &Browser, count: usize) {
    browser.until(&format!("{TEXT}.split(' ').length > {count}")).await;
}

async fn check(browser: &Browser, state: &str, text: &str) {
    browser.until(&format!("{STATE} === '{state}'")).await;
    assert_eq!(browser.run(&format!("return {TEXT}")).await, text);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_page_that_is_reloaded_and_dropped_has_every_token_once_and_so_has_a_second_tab() {
    let words = tokens(TOKENS);
    let (is_seen, gate) = watch::channel(false);
    let script = Script::completions(&words, Duration::from_millis(30));
    let upstream = Upstream::start([script.answer_with(250, Step::Gate(gate))]).await;
    let server = chat().variable("upstream", upstream.url("/v1/chat/completions")).start().await;
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    ask(&browser).await;
    for reload in 1..=5 {
        until_tokens(&browser, reload * 30).await;
        browser.reload().await;
    }
    until_tokens(&browser, 180).await;
    browser.click_until_once("drop", STATE, "reconnecting").await;
    let first = browser.tab().await;
    let second = browser.open_tab(browser.run("return location.href").await.as_str().unwrap()).await;
    until_tokens(&browser, 200).await;
    let state = browser.run(&format!("return {STATE}")).await;
    assert_eq!(state, "streaming", "the answer should not be over before the second tab has begun");
    is_seen.send_replace(true);
    check(&browser, "finished", &words.concat()).await;
    browser.show_tab(&first).await;
    check(&browser, "finished", &words.concat()).await;
    let counts = browser.run("return document.querySelector('.turn:last-child .counts').textContent").await;
    assert_eq!(counts, format!("{TOKENS} tokens · resumed once"));
    // So has a browser that knows nothing but the address.
    browser.run("localStorage.clear()").await;
    browser.reload().await;
    check(&browser, "finished", &words.concat()).await;
    // What is over is read again as well.
    browser.show_tab(&second).await;
    browser.reload().await;
    check(&browser, "finished", &words.concat()).await;
    assert_eq!(upstream.asked().len(), 1, "the model is asked once, whatever the page does");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn an_event_source_reads_an_answer_to_its_end_and_does_not_come_back() {
    let words = tokens(100);
    let script = Script::completions(&words, Duration::from_millis(10));
    let upstream = Upstream::start([script.answer()]).await;
    let server = chat().variable("upstream", upstream.url("/v1/chat/completions")).start().await;
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    browser
        .run(
            "window.seen = []; window.ends = [];
             const body = JSON.stringify({ messages: [{ role: 'user', content: 'why?' }] });
             fetch('/chats/7', { method: 'POST', body }).then(() => {
               window.source = new EventSource('/chats/7');
               source.onmessage = ({ data }) => seen.push(data);
               source.addEventListener('end', ({ data }) => ends.push(JSON.parse(data).reason));
             });",
        )
        .await;
    browser.until("window.source?.readyState === EventSource.CLOSED").await;
    assert_eq!(browser.run("return seen").await, serde_json::json!(script.data()));
    assert_eq!(browser.run("return ends").await, serde_json::json!(["finished"]));
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_page_stops_an_answer_and_asks_the_next_question() {
    let endless = Script::completions(&tokens(10_000), Duration::from_millis(10)).answer();
    let upstream = Upstream::start(vec![endless; 2]).await;
    let server = chat().variable("upstream", upstream.url("/v1/chat/completions")).start().await;
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    ask(&browser).await;
    until_tokens(&browser, 10).await;
    browser.click("stop").await;
    browser.until(&format!("{STATE} === 'stopped'")).await;
    upstream.left(1).await;
    ask(&browser).await;
    until_tokens(&browser, 10).await;
    let asked = upstream.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].body.contains(r#""content":"0 1 2 "#), "the next question has what was said: {}", asked[1].body);
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_page_says_that_an_answer_failed_and_why() {
    let upstream = Upstream::start([status(401)]).await;
    let server = chat().variable("upstream", upstream.url("/v1/chat/completions")).start().await;
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    ask(&browser).await;
    check(&browser, "failed", "").await;
    let why = browser.run("return document.querySelector('.turn:last-child .why').textContent").await;
    assert!(why.as_str().unwrap().contains("401"), "{why}");
    browser.reload().await;
    check(&browser, "failed", "").await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_page_says_that_the_host_of_an_answer_died() {
    let endless = Script::completions(&tokens(10_000), Duration::from_millis(10)).answer();
    let upstream = Upstream::start(vec![endless; 2]).await;
    let state = tempfile::tempdir().unwrap();
    let setup = chat().variable("upstream", upstream.url("/v1/chat/completions")).state(state.path()).process();
    let server = setup.clone().start().await;
    let setup = setup.listen(server.address());
    let browser = Browser::open(&format!("http://{}/", server.address())).await;
    ask(&browser).await;
    until_tokens(&browser, 50).await;
    server.stop().await;
    browser.until(&format!("{STATE} === 'reconnecting'")).await;
    let _server = setup.start().await;
    // The lease of the answer runs out first.
    browser.until_within(Duration::from_secs(45), &format!("{STATE} === 'interrupted'")).await;
    let text = browser.run(&format!("return {TEXT}")).await;
    let text = text.as_str().unwrap();
    assert!(text.len() > 100 && tokens(10_000).concat().starts_with(text), "{text:?}");
    browser.reload().await;
    check(&browser, "interrupted", text).await;
}
