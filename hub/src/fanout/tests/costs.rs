//! What reads of the log cost: how many there are, and what they are for.

use super::stage::Stage;
use crate::fanout::settings::Wakeups;
use crate::request::subscribe::Start;

fn stage() -> Stage {
    Stage::new(10_000, Wakeups::Sent)
}

/// A topic that all follow, and 99 that nobody else does.
fn topics(client: usize) -> Vec<String> {
    let own = (0..99).map(|number| format!("{client}/{number}"));
    own.chain(["demo".to_owned()]).collect()
}

fn join(stage: &mut Stage, client: usize, start: Start) -> usize {
    let topics = topics(client);
    stage.joins_at(&topics.iter().map(String::as_str).collect::<Vec<_>>(), start)
}

/// Longer than a chunk.
fn large(number: usize) -> String {
    format!("{number} {}", "x".repeat(1_000_000))
}

#[test]
fn a_large_update_is_read_once_for_many_who_take_it_in_parts() {
    const CLIENTS: usize = 40;
    let mut stage = stage();
    for client in 0..CLIENTS {
        join(&mut stage, client, Start::Now);
    }
    stage.settles();
    let before = stage.reads;
    for number in 0..3 {
        stage.appends("demo", &large(number));
        stage.acts();
    }
    assert_eq!(stage.reads - before, 3);
    stage.settles();
    for client in 0..CLIENTS {
        assert_eq!(stage.data(client), [large(0), large(1), large(2)]);
    }
}

#[test]
fn who_takes_a_large_update_in_parts_needs_no_read_for_each() {
    const UPDATES: usize = 6;
    let mut stage = stage();
    let ids: Vec<_> = (0..UPDATES).map(|number| stage.appends("demo", &large(number)).to_string()).collect();
    for (client, id) in ids.iter().enumerate() {
        join(&mut stage, client, Start::After(id.clone()));
    }
    let before = stage.reads;
    stage.settles();
    // It takes 129 where each part is read for itself.
    let (pages, reads) = (UPDATES * (UPDATES - 1) / 2, stage.reads - before);
    assert!(reads <= 2 * pages + UPDATES, "{reads} reads of {pages} updates");
    for client in 0..UPDATES {
        assert_eq!(stage.data(client), (client + 1..UPDATES).map(large).collect::<Vec<_>>());
    }
}

#[test]
fn an_update_that_many_hear_is_read_once_however_many_other_topics_they_follow() {
    let mut stage = stage();
    for client in 0..40 {
        join(&mut stage, client, Start::Now);
    }
    stage.settles();
    let before = stage.reads;
    for number in 0..10 {
        stage.appends("demo", &number.to_string());
        stage.acts();
    }
    assert_eq!(stage.reads - before, 10);
    for client in 0..40 {
        assert_eq!(stage.data(client).len(), 10);
    }
}
