//! What the README says.

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
fn every_variable_is_in_the_readme() {
    let manifest = include_str!("../../spin.toml");
    let (_, variables) = manifest.split_once("[variables]").unwrap();
    let names = variables.lines().take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once(" = "));
    let names: Vec<_> = names.map(|(name, _)| name).collect();
    assert!(names.contains(&"jwt_secret"), "the variables are not found in spin.toml: {names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !README.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
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
