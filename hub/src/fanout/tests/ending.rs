//! Scenarios of topics that end, one thing after the other.

use std::time::Duration;

use super::stage::{Got, Stage};
use crate::fanout::action::Cause;
use crate::fanout::settings::Wakeups;
use crate::request::subscribe::Start;

fn stage() -> Stage {
    Stage::new(10_000, Wakeups::Sent)
}

fn after(sequence: u64) -> Start {
    Start::After(format!("#a-{sequence}"))
}

#[track_caller]
fn has_ended(stage: &mut Stage, client: usize, data: &[&str], place: &str) {
    assert_eq!(stage.data(client), data);
    let state = &stage.clients[client];
    assert_eq!((state.session, state.last_event_id.as_str(), state.is_done), (None, place, false));
    assert_eq!(stage.causes.last(), Some(&Cause::TopicsEnded));
    stage.comes_back(client);
    assert!(stage.clients[client].is_done, "it is told to stop when it comes back");
}

#[test]
fn a_stream_ends_after_the_last_update_of_its_topic() {
    let mut stage = stage();
    let (client, other) = (stage.joins(&["a"]), stage.joins(&["b"]));
    stage.settles();
    stage.appends("a", "1");
    stage.appends_last(&["a"], "2");
    stage.settles();
    has_ended(&mut stage, client, &["1", "2"], "#a-2");
    assert!(stage.clients[other].session.is_some());
}

#[test]
fn a_reader_that_is_behind_gets_the_last_update_first() {
    let mut stage = stage();
    let client = stage.joins(&["a"]);
    stage.settles();
    stage.appends("a", "1");
    stage.is_told();
    stage.round();
    stage.read_returns();
    stage.round();
    assert!(stage.is_written_to(client));
    stage.appends_last(&["a"], "2");
    stage.appends("b", "3");
    for _ in 0..3 {
        stage.passes(Duration::from_secs(3));
        stage.round();
        stage.read_returns();
        stage.is_told();
    }
    assert_eq!((stage.data(client), stage.causes.len()), (vec![], 0), "nothing is taken of it yet");
    stage.settles();
    has_ended(&mut stage, client, &["1", "2"], "#a-3");
}

#[test]
fn a_stream_of_several_topics_ends_with_the_last_of_them() {
    let mut stage = stage();
    let client = stage.joins(&["a", "b", "c"]);
    stage.settles();
    stage.appends_last(&["a", "c"], "1");
    stage.settles();
    stage.appends("b", "2");
    stage.settles();
    assert!(stage.clients[client].session.is_some());
    stage.appends_last(&["b"], "3");
    stage.settles();
    has_ended(&mut stage, client, &["1", "2", "3"], "#a-3");
}

#[test]
fn an_end_whose_wake_up_is_lost_is_found_by_the_next_poll() {
    let mut stage = stage();
    let client = stage.joins(&["a"]);
    stage.settles();
    stage.appends_last(&["a"], "1");
    stage.hints.clear();
    stage.settles();
    has_ended(&mut stage, client, &["1"], "#a-1");
}

#[test]
fn a_stream_that_begins_after_the_end_of_its_topic_ends_when_its_place_was_told() {
    let mut stage = stage();
    stage.appends_last(&["a"], "1");
    stage.appends("b", "2");
    let client = stage.joins(&["a"]);
    stage.settles();
    assert!(matches!(stage.clients[client].got[..], [Got::Ready { .. }]));
    has_ended(&mut stage, client, &[], "#a-2");
}

#[test]
fn a_stream_that_begins_at_the_known_end_asks_which_of_its_topics_have_ended() {
    let mut stage = stage();
    stage.appends_last(&["a"], "1");
    let all = stage.joins(&["*"]);
    stage.settles();
    let reads = stage.reads;
    let (client, both) = (stage.joins(&["a"]), stage.joins(&["a", "b"]));
    stage.round();
    assert!(stage.is_written_to(client) && stage.is_written_to(both));
    stage.settles();
    has_ended(&mut stage, client, &[], "#a-1");
    assert!(stage.reads - reads <= 2 && stage.clients[both].session.is_some());
    stage.appends_last(&["b"], "2");
    stage.settles();
    has_ended(&mut stage, both, &["2"], "#a-2");
    assert!(stage.clients[all].session.is_some(), "who follows every topic waits for others");
}

#[test]
fn where_no_topic_has_ended_nothing_is_asked() {
    let mut stage = stage();
    stage.appends("a", "1");
    stage.joins(&["a"]);
    stage.settles();
    let reads = stage.reads;
    stage.joins(&["a"]);
    stage.acts();
    assert_eq!(stage.reads, reads);
}

#[test]
fn an_end_that_another_one_has_read_before_is_found_too() {
    let mut stage = stage();
    let all = stage.joins(&["*"]);
    stage.settles();
    stage.appends("a", "1");
    stage.appends_last(&["a"], "2");
    stage.appends("b", "3");
    stage.settles();
    assert_eq!(stage.data(all), ["1", "2", "3"]);
    let (client, both) = (stage.joins_at(&["a"], after(1)), stage.joins_at(&["a", "b"], after(0)));
    stage.round();
    assert!(stage.is_written_to(client), "what was read for another one serves it");
    stage.settles();
    has_ended(&mut stage, client, &["2"], "#a-3");
    stage.appends_last(&["b"], "4");
    stage.settles();
    has_ended(&mut stage, both, &["1", "2", "3", "4"], "#a-4");
}

#[test]
fn a_client_whose_place_is_gone_hears_of_the_gap_before_its_stream_ends() {
    let mut stage = Stage::new(5, Wakeups::Sent);
    stage.appends("a", "1");
    stage.appends_last(&["a"], "2");
    for _ in 0..10 {
        stage.appends("b", "x");
    }
    let client = stage.joins_at(&["a"], after(1));
    stage.settles();
    has_ended(&mut stage, client, &["gap"], "#a-12");
    let client = stage.joins_at(&["a"], after(2));
    assert!(stage.clients[client].is_done, "it has all, although its place is gone");
    let client = stage.joins_at(&["a"], Start::Earliest);
    assert!(stage.clients[client].is_done);
}

#[test]
fn an_end_that_the_log_lost_ends_nothing() {
    let mut stage = stage();
    let client = stage.joins(&["a", "b"]);
    stage.settles();
    stage.appends_last(&["a"], "1");
    stage.settles();
    stage.log.lose_end(1, "b");
    stage.appends("a", "2");
    stage.settles();
    stage.appends_last(&["b"], "3");
    stage.settles();
    assert_eq!(stage.data(client), ["1", "gap", "2", "3"]);
    assert!(stage.clients[client].session.is_some());
    stage.appends_last(&["a"], "4");
    stage.settles();
    assert_eq!((stage.data(client).len(), stage.clients[client].session), (5, None));
}

#[test]
fn an_end_that_is_forgotten_ends_nothing_once_the_topic_is_read_again() {
    let mut stage = stage();
    let client = stage.joins(&["a", "b"]);
    stage.settles();
    stage.appends_last(&["a"], "1");
    stage.settles();
    stage.log.forget_ends();
    stage.appends("a", "2");
    stage.settles();
    stage.appends_last(&["b"], "3");
    stage.settles();
    assert_eq!((stage.data(client), stage.clients[client].session.is_some()), (vec!["1", "2", "3"], true));
}

#[test]
fn a_stream_that_begins_when_all_ends_are_forgotten_does_not_end() {
    let mut stage = stage();
    stage.joins(&["*"]);
    stage.joins(&["a", "b"]);
    stage.appends_last(&["a"], "1");
    stage.settles();
    stage.log.forget_ends();
    stage.publishes("c", "2");
    stage.settles();
    let client = stage.joins(&["a"]);
    stage.settles();
    assert!(stage.clients[client].session.is_some());
}
