//! What the README and the docs say.

use std::time::Duration;

use hyper::{Method, StatusCode};
use spin_sse_hub::Config;

use crate::support::client::{EventStream, Item, fetch_with};
use crate::support::server::{hub_example, readme, relay_example};
use crate::support::upstream::{Step, Upstream, chunk, stream};

const README: &str = include_str!("../../README.md");

#[test]
fn the_example_is_the_one_that_is_tested() {
    let count = include_str!("../readme/src/count.rs");
    let board = include_str!("../hub-example/src/board.rs");
    for (path, readme, example) in [
        ("README.md", README, count),
        ("README.md", README, include_str!("../relay-example/src/answer.rs")),
        ("sse/README.md", include_str!("../../sse/README.md"), count),
        ("hub/README.md", include_str!("../../hub/README.md"), board),
    ] {
        assert!(readme.contains(&format!("```rust\n{example}```")), "{path} does not have the example that is tested");
    }
}

#[test]
fn the_readme_of_the_hub_has_the_manifest_of_its_front_page() {
    let (_, page) = include_str!("../../hub/src/lib.rs").split_once("//! ```toml\n").unwrap();
    let (page, _) = page.split_once("//! ```\n").unwrap();
    let manifest = page.replace("//! ", "").replace("//!", "");
    assert!(include_str!("../../hub/README.md").contains(&format!("```toml\n{manifest}```")), "{manifest}");
}

#[test]
fn the_example_of_the_front_page_of_the_hub_is_the_one_that_is_tested() {
    let page = include_str!("../../hub/src/lib.rs").lines().filter_map(|line| line.strip_prefix("//!"));
    let shown = page.map(|line| line.strip_prefix(' ').unwrap_or(line)).filter(|line| !line.starts_with("# "));
    let page: String = shown.map(|line| format!("{line}\n")).collect();
    let example = include_str!("../hub-example/src/board.rs");
    assert!(page.contains(example), "hub/src/lib.rs and tests/hub-example/src/board.rs differ");
}

#[test]
fn the_manifest_has_every_setting_of_the_hub_with_its_default() {
    let manifest = include_str!("../../spin.toml");
    let variable = |name: &str| {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{name} = {{ default = ")));
        line.and_then(|line| line.split('"').nth(1)).unwrap_or_else(|| panic!("no variable {name}")).to_owned()
    };
    let (_, settings) = manifest.split_once("settings = \"\"\"\\\n").unwrap();
    let (settings, _) = settings.split_once("\"\"\"").unwrap();
    let names: Vec<_> = settings.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert_eq!(names, Config::SETTINGS);
    let settings = names.iter().map(|name| format!("{name}={}\u{1e}", variable(name))).collect::<String>();
    let default = format!("{:?}", Config::default());
    assert_eq!(format!("{:?}", Config::from_settings(&settings).unwrap()), default);
    let variables = manifest.split_once("[variables]").unwrap().1.split_once("\n[").unwrap().0;
    assert_eq!(variables.lines().filter(|line| line.contains(" = ")).count(), names.len());
}

#[test]
fn the_docs_have_every_variable_with_its_default() {
    let docs = include_str!("../../docs/configuration.md");
    let manifest = include_str!("../../spin.toml");
    let (_, variables) = manifest.split_once("[variables]").unwrap();
    let lines = variables.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty());
    let rows: Vec<String> = lines
        .map(|line| {
            let (name, value) = line.split_once(" = ").unwrap();
            let default = value.split('"').nth(1).unwrap();
            let default = if default.is_empty() { "empty".to_owned() } else { format!("`{default}`") };
            format!("| `{name}` | {default} |")
        })
        .collect();
    assert!(rows.contains(&"| `jwt_secret` | empty |".to_owned()), "the variables are not found: {rows:?}");
    let missing: Vec<_> = rows.iter().filter(|row| !docs.contains(*row)).collect();
    assert!(missing.is_empty(), "docs/configuration.md has no row that begins with {missing:?}");
}

#[test]
fn the_oldest_rust_is_the_same_everywhere() {
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let (said, set) = (format!("Rust {oldest} or later"), format!("rust-version = \"{oldest}\""));
    for (path, text, expected) in [
        ("sse/README.md", include_str!("../../sse/README.md"), &said),
        ("sse/src/lib.rs", include_str!("../../sse/src/lib.rs"), &said),
        ("hub/README.md", include_str!("../../hub/README.md"), &said),
        ("hub/src/lib.rs", include_str!("../../hub/src/lib.rs"), &said),
        ("templates/sse-rust", include_str!("../../templates/sse-rust/content/Cargo.toml.tmpl"), &set),
        ("templates/sse-hub-rust", include_str!("../../templates/sse-hub-rust/content/Cargo.toml.tmpl"), &set),
    ] {
        assert!(text.contains(expected), "{path} does not have {expected}");
    }
}

#[tokio::test]
async fn the_example_counts_and_resumes() {
    let server = readme().start().await;
    let mut stream = EventStream::open(server.address(), "/").await;
    assert_eq!(stream.item().await, Item::Retry(Duration::from_secs(2)));
    for n in 0..2 {
        let event = stream.event().await;
        assert_eq!((event.name, event.data, event.id), ("count".to_owned(), format!("number {n}"), n.to_string()));
    }
    let mut stream = EventStream::open_with(server.address(), "/", &[("last-event-id", "41")]).await;
    assert_eq!(stream.event().await.data, "number 42");
}

#[tokio::test]
async fn the_example_of_the_hub_is_a_board_of_notes() {
    let server = hub_example().start().await;
    let mut early = EventStream::open(server.address(), "/").await;
    assert_eq!(early.event().await.name, "ready");
    let mut ids = Vec::new();
    for note in ["milk", "two\nlines"] {
        let reply = fetch_with(server.address(), Method::POST, "/", &[], note).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        ids.push(reply.body);
    }
    let mut late = EventStream::open(server.address(), "/").await;
    assert_eq!(late.event().await.name, "ready");
    for stream in [&mut early, &mut late] {
        for (note, id) in ["milk", "two\nlines"].into_iter().zip(&ids) {
            let event = stream.event().await;
            assert_eq!((event.name.as_str(), event.data.as_str(), &event.id), ("note", note, id));
        }
    }
    let mut resumed = EventStream::open_with(server.address(), "/", &[("last-event-id", &ids[0])]).await;
    assert_eq!(resumed.event().await.name, "ready");
    assert_eq!(resumed.event().await.data, "two\nlines");
}

#[tokio::test]
async fn the_example_of_the_relay_is_an_answer_that_outlives_its_reader() {
    let answer = stream([chunk("data: one\n\n"), Step::Slowly(b"data: two\n\n".to_vec()), Step::End]);
    let model = Upstream::start([answer]).await;
    let server = relay_example().variable("model", model.url("/")).start().await;
    let address = server.address();
    let none = EventStream::open(address, "/answers/7").await;
    assert_eq!(none.status, StatusCode::NO_CONTENT);
    let reply = fetch_with(address, Method::POST, "/answers/7", &[], "why?").await;
    assert!(reply.body.contains("data: one\n\n") && reply.body.contains("data: two\n\n"), "{}", reply.body);
    assert_eq!(model.asked()[0].body, "why?");
    let mut again = EventStream::open(address, "/answers/7").await;
    for data in ["one", "two", r#"{"reason":"finished"}"#] {
        assert_eq!(again.event().await.data, data);
    }
    let last = again.last_event_id().to_owned();
    let over = EventStream::open_with(address, "/answers/7", &[("last-event-id", &last)]).await;
    assert_eq!(over.status, StatusCode::NO_CONTENT);
    let second = fetch_with(address, Method::POST, "/answers/7", &[], "why?").await;
    assert!(second.body.contains("data: one\n\n") && second.body.contains("finished"), "{}", second.body);
    assert_eq!(model.asked().len(), 1, "who asks again gets the answer that there is");
}
