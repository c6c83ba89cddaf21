//! What the README and the docs say.

use std::time::Duration;

use crate::support::client::{EventStream, Item};
use crate::support::server::readme;

const README: &str = include_str!("../../README.md");

#[test]
fn the_example_is_the_one_that_is_tested() {
    let example = include_str!("../readme/src/count.rs");
    assert!(README.contains(&format!("```rust\n{example}```")), "README.md and tests/readme/src/count.rs differ");
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
