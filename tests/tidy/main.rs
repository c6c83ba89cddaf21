//! The house rules of the sources: sizes, the direction of imports, widths, words.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by a panic"
)]

mod imports;
mod papers;
mod sources;

use sources::{Source, markdown, rust};

/// Fails with all that was found, a line each.
#[track_caller]
fn check(rule: &str, found: impl IntoIterator<Item = String>) {
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn a_file_has_at_most_250_lines_without_its_tests() {
    let long = rust().into_iter().filter(|source| !source.is_test() && source.code().count() > 250);
    check("files with more than 250 lines", long.map(|source| source.place(source.code().count())));
}

#[test]
fn a_function_has_at_most_60_lines() {
    let mut long = Vec::new();
    for source in rust() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let indent = &line[..line.len() - line.trim_start().len()];
            // As the formatter has it, the brace that ends a function stands alone below the function's first
            // character.
            let length = lines[at..].iter().position(|line| *line == format!("{indent}}}")).map_or(0, |end| end + 1);
            if length > 60 && line.ends_with(['{', '(']) {
                long.push(format!("{} ({length} lines)", source.place(at + 1)));
            }
        }
    }
    check("functions with more than 60 lines", long);
}

fn is_function(line: &str) -> bool {
    let words = line.trim_start().split(' ');
    let mut words = words.skip_while(|word| word.starts_with("pub") || ["const", "async", "unsafe"].contains(word));
    words.next() == Some("fn")
}

#[test]
fn comments_and_papers_are_not_too_wide() {
    let comments = rust().into_iter().flat_map(|source| wide(&source, 120, |line| line.trim_start().starts_with("//")));
    // A row of a table, a link and a command cannot be broken.
    let text = |line: &str| !line.starts_with('|') && !line.contains("](") && !line.contains("ACL SETUSER");
    let papers = markdown().into_iter().flat_map(|source| {
        let width = if source.path == "README.md" { 110 } else { 120 };
        wide(&source, width, text)
    });
    check("lines that are too wide", comments.chain(papers));
}

fn wide(source: &Source, width: usize, counts: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    lines.filter(|(_, line)| counts(line) && line.chars().count() > width).map(|(at, _)| source.place(at + 1)).collect()
}

#[test]
fn the_readme_has_at_most_100_lines_of_110_columns() {
    let readme = markdown().into_iter().find(|source| source.path == "README.md").unwrap();
    assert!(readme.text.lines().count() <= 100, "README.md has {} lines", readme.text.lines().count());
    check("lines of README.md that are too wide", wide(&readme, 110, |line| !line.contains("](")));
}

#[test]
fn every_thing_has_the_word_that_the_field_has_for_it() {
    /// Words that were private language, and what stands for them now.
    const PRIVATE: [(&str, &str); 13] = [
        ("doorbell", "notifier"),
        ("nudge", "notify"),
        ("Ear", "ListenerState"),
        ("Window", "LogCache"),
        ("Standing", "Validity"),
        ("Taken", "Absorbed"),
        ("Catchup", "Backfill"),
        ("Wish", "SubscribeRequest"),
        ("Idle", "Parked"),
        ("unsettled", "unresolved"),
        ("deaf", "a word for what it does"),
        ("get_data", "data"),
        ("PATIENCE", "a timeout with a name of its own"),
    ];
    let mut found = Vec::new();
    let ours = |source: &Source| ["sse/src/", "hub/src/", "src/"].iter().any(|start| source.path.starts_with(start));
    for source in rust().into_iter().filter(ours) {
        for (at, line) in source.text.lines().enumerate() {
            let words = || line.split(|character: char| !character.is_alphanumeric() && character != '_');
            let private = PRIVATE.iter().filter(|(private, _)| words().any(|word| word == *private));
            found.extend(private.map(|(private, word)| format!("{}: {private}, say {word}", source.place(at + 1))));
        }
    }
    check("private words", found);
}

#[test]
fn only_the_last_room_of_the_hub_knows_spin_and_wasi() {
    let pure = rust().into_iter().filter(|source| source.path.starts_with("hub/src/"));
    let pure = pure.filter(|source| !source.path.starts_with("hub/src/spin"));
    check("pure files that know Spin or WASI", pure.flat_map(|source| source.lines_with(&["spin_sdk", "wasi::"])));
}

#[test]
fn the_library_does_not_know_the_hub() {
    let library = rust().into_iter().filter(|source| source.path.starts_with("sse/"));
    check("files of the library that know the hub", library.flat_map(|source| source.lines_with(&["spin_sse_hub"])));
}

#[test]
fn a_file_imports_only_files_that_are_declared_before_it() {
    for root in ["sse/src/lib.rs", "hub/src/lib.rs", "host/src/lib.rs", "src/lib.rs", "examples/chat/src/lib.rs"] {
        check(&format!("imports of {root} that run backwards"), imports::backwards(root));
    }
}

#[test]
fn a_test_that_a_paper_names_exists() {
    for there in [
        "hub/src/request/upload.rs::a_body_that_stops_is_given_up_ten_seconds_later",
        "tests/e2e/hub/full_disk.rs::a_full_disk_makes_publishers_wait_and_ends_no_stream",
        "tests/e2e/hub/topics.rs::wakeups_that_are_lost_cost_no_update",
        "tests/e2e/chat.rs::a_stop_ends_the_answer_and_the_upstream",
    ] {
        assert!(papers::exists(there), "{there}");
    }
    for not_there in [
        "hub/src/request/upload.rs::begin",
        "hub/src/request/upload.rs::a_body",
        "hub/src/request/nothing.rs::a_test",
        "tests/e2e/hub/uploads.rs::wakeups_that_are_lost_cost_no_update",
    ] {
        assert!(!papers::exists(not_there), "{not_there}");
    }
    let mut missing = Vec::new();
    for paper in markdown() {
        let names = papers::named(&paper).filter(|(_, name)| !papers::exists(name));
        missing.extend(names.map(|(line, name)| format!("{}: {name}", paper.place(line))));
    }
    check("tests that papers name and that do not exist", missing);
}

#[test]
fn the_wall_clock_is_read_in_two_places_only() {
    // By tokens, and by SQLite of the same machine. All else has instants of a monotonic clock, or the log's own clock.
    let reads = rust().into_iter().filter(|source| source.path.starts_with("hub/src/") && !source.is_test());
    let reads = reads.filter(|source| !["hub/src/spin/endpoint.rs", "hub/src/spin/sqlite.rs"].contains(&&*source.path));
    check("files that read the wall clock", reads.flat_map(|source| source.lines_with(&["SystemTime"])));
}

#[test]
fn a_page_makes_no_markup_of_what_it_is_sent() {
    const MARKUP: [&str; 6] = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("];
    for path in ["src/page.html", "examples/chat/src/page.html"] {
        let page = Source::read(path).unwrap();
        let lines = page.text.lines().enumerate();
        let found = lines.filter(|(_, line)| MARKUP.iter().any(|markup| line.contains(markup)));
        check("lines that make markup", found.map(|(at, _)| page.place(at + 1)));
    }
}
