//! The tests that the papers name, as `path/of/a/file.rs::name_of_a_test`.

use crate::sources::Source;

/// Where the scenarios of `tests/e2e/hub` are listed that run with every log.
const SCENARIOS: &str = "tests/e2e/hub.rs";

/// The names of tests in a paper, and the lines where they are.
pub(crate) fn named(paper: &Source) -> impl Iterator<Item = (usize, &str)> {
    let in_code = |line| str::split(line, '`').skip(1).step_by(2);
    paper.text.lines().enumerate().flat_map(move |(at, line)| {
        in_code(line).filter(|code: &&str| code.contains(".rs::")).map(move |code| (at + 1, code))
    })
}

/// Whether there is such a test: a function with an attribute that ends in `test`, or a scenario of `on_every_log!`.
pub(crate) fn exists(test: &str) -> bool {
    let Some((path, name)) = test.split_once("::") else { return false };
    let Some(source) = Source::read(path) else { return false };
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let start = format!("fn {name}(");
    let Some(at) = lines.iter().position(|line| line.contains(&start)) else { return false };
    let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    attributes.into_iter().any(|line| line.ends_with("test]")) || is_scenario(&source, name)
}

fn is_scenario(source: &Source, name: &str) -> bool {
    let Some(directory) = source.path.strip_prefix("tests/e2e/hub/") else { return is_listed(source, name) };
    let module = directory.trim_end_matches(".rs").to_owned() + ":";
    let list = Source::read(SCENARIOS).unwrap();
    // The names after that of the module, up to a semicolon.
    let words = list.text.split_whitespace().skip_while(|word| *word != module);
    let end = |word: &&str| word.ends_with(';');
    let length = words.clone().position(|word| end(&word)).map_or(0, |last| last + 1);
    words.take(length).any(|word| word.trim_end_matches(';') == name)
}

/// Whether the file itself lists the scenario.
fn is_listed(source: &Source, name: &str) -> bool {
    let Some((_, list)) = source.text.split_once("on_every_log! {") else { return false };
    list.split('}').next().unwrap_or_default().split_whitespace().any(|word| word == name)
}
