//! Scenarios: one thing after the other, and a look at any step.

use std::time::Duration;

use super::stage::{Got, MS, SECOND, Stage};
use crate::request::subscribe::Start;

fn stage() -> Stage {
    Stage::new(10_000, false)
}

/// A stage with one client that has its `ready`.
fn stage_with_a_client(topics: &[&str]) -> Stage {
    let mut stage = stage();
    let client = stage.joins(topics);
    stage.settles();
    assert_eq!(stage.clients[client].got.len(), 1);
    stage
}

/// All that is published is read from the log; nothing is written yet.
fn finds_news(stage: &mut Stage) {
    stage.round();
    assert!(stage.read_returns());
    stage.round();
}

fn after(sequence: u64) -> Start {
    Start::After(format!("#a-{sequence}"))
}

#[test]
fn a_client_of_a_cold_instance_is_answered_when_the_end_of_the_log_is_known() {
    let mut stage = stage();
    stage.appends("demo", "before");
    let client = stage.joins(&["demo"]);
    stage.round();
    assert!(stage.answered.is_empty() && !stage.is_written_to(client), "the head of the log is being read");
    stage.read_returns();
    stage.appends("demo", "after");
    assert_eq!(stage.answered.len(), 0, "a round answers");
    stage.round();
    assert_eq!(stage.answered.len(), 1);
    assert!(stage.reads(client));
    let Got::Ready { id, position } = &stage.clients[client].got[0] else { panic!("ready comes first") };
    assert_eq!((id.as_str(), position.to_string()), ("#a-1", "#a-1".to_owned()));
    stage.settles();
    assert_eq!(stage.data(client), ["after"]);
}

#[test]
fn one_read_answers_all_who_wait_in_a_cold_instance() {
    let mut stage = stage();
    for _ in 0..100 {
        stage.joins(&["demo"]);
        stage.round();
    }
    assert_eq!(stage.reads, 1);
    stage.read_returns();
    stage.round();
    assert_eq!((stage.reads, stage.answered.len()), (1, 100));
}

#[test]
fn a_client_of_a_warm_instance_is_answered_at_once() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.publishes("demo", "before");
    stage.settles();
    let client = stage.joins(&["demo"]);
    stage.round();
    assert!(stage.is_written_to(client), "it needs no read");
    stage.settles();
    assert_eq!(stage.data(client), [""; 0]);
}

#[test]
fn a_log_that_is_away_keeps_a_stream_open_with_keep_alives() {
    let mut stage = stage();
    let client = stage.joins(&["demo"]);
    stage.round();
    assert!(stage.read_fails());
    stage.round();
    assert_eq!(stage.answered.len(), 1, "nothing is published meanwhile, so nothing is missed");
    for minute in 1..=3 {
        stage.passes(Duration::from_secs(16));
        stage.round();
        stage.read_fails();
        assert!(stage.reads(client));
        assert_eq!((stage.clients[client].comments, stage.clients[client].got.len()), (minute, 0));
    }
    stage.settles();
    assert!(matches!(stage.clients[client].got[..], [Got::Ready { .. }]));
}

#[test]
fn an_update_is_written_after_one_read() {
    let mut stage = stage_with_a_client(&["demo"]);
    let reads = stage.reads;
    stage.publishes("demo", "1");
    stage.round();
    assert!(!stage.is_written_to(0));
    stage.read_returns();
    stage.round();
    assert!(stage.is_written_to(0));
    stage.reads(0);
    assert_eq!((stage.data(0), stage.reads - reads), (vec!["1"], 1));
}

#[test]
fn what_is_published_during_a_read_is_found_by_the_next_one() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.publishes("demo", "1");
    stage.round();
    stage.publishes("demo", "2");
    stage.read_returns();
    stage.round();
    stage.reads(0);
    assert_eq!(stage.data(0), ["1"]);
    finds_news(&mut stage);
    stage.reads(0);
    assert_eq!(stage.data(0), ["1", "2"]);
}

#[test]
fn a_slow_reader_delays_only_itself_and_is_sent_the_rest_at_once() {
    let mut stage = stage_with_a_client(&["demo"]);
    let slow = stage.joins(&["demo"]);
    stage.settles();
    for data in ["1", "2", "3"] {
        stage.publishes("demo", data);
        finds_news(&mut stage);
        stage.reads(0);
    }
    assert_eq!(stage.data(0), ["1", "2", "3"]);
    assert!(stage.reads(slow));
    assert_eq!(stage.data(slow), ["1"]);
    stage.round();
    assert!(stage.reads(slow));
    assert_eq!(stage.data(slow), ["1", "2", "3"]);
}

#[test]
fn a_lost_notification_costs_time_and_no_update() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.round();
    stage.appends("demo", "1");
    let reads = stage.reads;
    stage.round();
    assert_eq!(stage.reads, reads);
    stage.passes(Duration::from_millis(200));
    finds_news(&mut stage);
    stage.reads(0);
    assert_eq!(stage.data(0), ["1"]);
}

#[test]
fn a_client_that_hears_nothing_is_told_its_place_with_a_keep_alive() {
    let mut stage = stage_with_a_client(&["quiet"]);
    stage.publishes("demo", "1");
    stage.settles();
    assert_eq!(stage.clients[0].last_event_id, "#a-0");
    stage.passes(Duration::from_secs(16));
    stage.settles();
    assert_eq!((stage.clients[0].last_event_id.as_str(), stage.clients[0].comments), ("#a-1", 0));
    stage.passes(Duration::from_secs(16));
    stage.settles();
    assert_eq!((stage.clients[0].last_event_id.as_str(), stage.clients[0].comments), ("#a-1", 1));
}

#[test]
fn a_stream_ends_at_its_deadline_with_the_place_reached() {
    let mut stage = stage();
    let client = stage.joins_for(&["quiet"], &Start::Now, 10 * SECOND, u64::MAX);
    stage.settles();
    stage.publishes("demo", "1");
    stage.settles();
    stage.passes(Duration::from_secs(10));
    stage.round();
    assert!(stage.reads(client));
    assert_eq!((stage.clients[client].session, stage.clients[client].last_event_id.as_str()), (None, "#a-1"));
    assert!(stage.dispatcher().is_empty());
}

#[test]
fn a_stream_ends_when_its_bytes_are_used_between_two_events() {
    let mut stage = stage();
    let client = stage.joins_for(&["demo"], &after(0), 600 * SECOND, 180);
    for data in ["1", "2", "3", "4", "5", "6", "7", "8", "9"] {
        stage.appends("demo", data);
    }
    stage.settles();
    assert_eq!(stage.clients[client].session, None);
    let first = stage.data(client).len();
    assert!((1..9).contains(&first), "{first}");
    stage.comes_back(client);
    stage.settles();
    assert_eq!(stage.data(client), ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn a_write_that_nobody_takes_is_taken_back_at_the_deadline() {
    let mut stage = stage();
    let client = stage.joins_for(&["demo"], &after(0), 10 * SECOND, u64::MAX);
    stage.round();
    assert!(stage.is_written_to(client));
    stage.passes(Duration::from_secs(9));
    stage.round();
    assert_eq!(stage.interrupted.len(), 0);
    stage.passes(Duration::from_millis(1_100));
    stage.round();
    assert_eq!(stage.interrupted.len(), 1);
    assert!(stage.stops() && stage.dispatcher().is_empty());
}

#[test]
fn a_reader_that_stalls_in_the_middle_of_a_write_is_cut_ten_seconds_after_its_deadline() {
    let mut stage = stage();
    let client = stage.joins_for(&["demo"], &after(0), 10 * SECOND, u64::MAX);
    stage.round();
    stage.passes(Duration::from_secs(11));
    stage.round();
    // The host has taken a part, so that the write is not taken back.
    assert_eq!(stage.interrupted.pop_front(), stage.clients[client].session);
    stage.passes(Duration::from_secs(9));
    stage.round();
    assert_eq!(stage.cut.len(), 0);
    stage.passes(Duration::from_secs(2));
    stage.round();
    assert_eq!(stage.cut.len(), 1);
    assert!(stage.stops() && stage.dispatcher().is_empty());
}

#[test]
fn last_words_that_nobody_takes_are_taken_back_after_a_second() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.passes(Duration::from_secs(601));
    stage.round();
    assert!(stage.is_written_to(0));
    stage.passes(Duration::from_secs(2));
    stage.round();
    assert_eq!(stage.interrupted.len(), 1);
}

#[test]
fn clients_that_come_back_together_share_the_pages_that_they_read() {
    let mut stage = stage_with_a_client(&["demo"]);
    for _ in 0..5_000 {
        stage.appends("demo", "x");
    }
    stage.notified();
    stage.settles();
    let reads = stage.reads;
    for _ in 0..50 {
        stage.joins_at(&["demo"], after(0));
    }
    stage.settles();
    for client in 1..=50 {
        assert_eq!(stage.data(client).len(), 5_000);
    }
    assert!(stage.reads - reads <= 6, "{} reads", stage.reads - reads);
}

#[test]
fn a_log_that_pushes_is_not_polled() {
    let mut stage = Stage::new(100, true);
    stage.joins(&["demo"]);
    stage.settles();
    let reads = stage.reads;
    for data in ["1", "2", "3"] {
        stage.appends("demo", data);
        assert!(stage.wait_returns());
        stage.round();
        assert!(stage.reads(0));
        stage.round();
    }
    assert_eq!((stage.data(0), stage.reads - reads), (vec!["1", "2", "3"], 0));
}

#[test]
fn an_update_that_is_pushed_and_read_arrives_once() {
    let mut stage = Stage::new(100, true);
    stage.joins(&["demo"]);
    stage.settles();
    stage.wait_returns();
    stage.appends("demo", "1");
    stage.round();
    assert!(stage.read_returns(), "a wait without updates asks for a read");
    stage.round();
    stage.wait_returns();
    stage.round();
    stage.settles();
    assert_eq!(stage.data(0), ["1"]);
}

#[test]
fn a_hole_in_the_log_is_a_gap_for_who_is_before_it() {
    let mut stage = stage_with_a_client(&["demo"]);
    for data in ["1", "2", "3", "4"] {
        stage.appends("demo", data);
    }
    stage.log.remove(3);
    let late = stage.joins_at(&["demo"], after(3));
    stage.notified();
    stage.settles();
    assert_eq!(stage.data(0), ["1", "2", "gap", "4"]);
    assert_eq!(stage.data(late), ["4"]);
}

#[test]
fn a_log_that_lost_its_end_is_a_gap_for_who_has_seen_it() {
    let mut stage = stage_with_a_client(&["demo"]);
    for data in ["1", "2", "3"] {
        stage.publishes("demo", data);
    }
    stage.settles();
    let behind = stage.joins_at(&["demo"], after(2));
    stage.log.lose_end(1, "b");
    stage.publishes("demo", "4");
    stage.settles();
    assert_eq!(stage.data(0), ["1", "2", "3", "gap", "4"]);
    assert!(stage.data(behind).ends_with(&["4"]), "{:?}", stage.data(behind));
    assert_eq!(stage.reports.len(), 1);
}

#[test]
fn a_new_epoch_that_lost_nothing_is_no_gap() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.publishes("demo", "1");
    stage.settles();
    stage.log.lose_end(0, "b");
    stage.publishes("demo", "2");
    stage.settles();
    assert_eq!((stage.data(0), stage.reports.len()), (vec!["1", "2"], 0));
}

#[test]
fn a_failing_log_is_left_alone_for_longer_and_longer_and_ends_no_stream() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.publishes("demo", "1");
    let start = stage.now;
    let mut reads = 0;
    while stage.now < start + 60 * SECOND {
        stage.round();
        reads += usize::from(stage.read_fails());
        stage.reads(0);
        stage.now += 10 * MS;
    }
    assert!((12..30).contains(&reads), "{reads} reads in a minute");
    stage.settles();
    assert_eq!((stage.data(0), stage.clients[0].streams), (vec!["1"], 1));
}
