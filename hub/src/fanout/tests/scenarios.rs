//! Scenarios: one thing after the other, and a look at any step.

use std::time::Duration;

use super::stage::{Got, LISTENER, MS, SECOND, Stage};
use crate::fanout::settings::Wakeups;
use crate::log::laws::now;
use crate::log::{Hint, Log, Position};
use crate::request::subscribe::Start;
use crate::topic::key::key;

fn stage() -> Stage {
    Stage::new(10_000, Wakeups::Sent)
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
fn a_client_starts_where_the_log_ended_when_it_asked() {
    let mut stage = stage();
    stage.appends("demo", "before");
    let client = stage.joins(&["demo"]);
    stage.round();
    assert!(!stage.is_written_to(client), "its place is not known yet");
    stage.appends("demo", "during the read");
    stage.read_returns();
    stage.appends("demo", "after the read");
    stage.round();
    assert!(stage.reads(client));
    let Got::Ready { id, position } = &stage.clients[client].got[0] else { panic!("ready comes first") };
    assert_eq!((id.as_str(), position.to_string()), ("#a-1", "#a-1".to_owned()));
    stage.settles();
    assert_eq!(stage.data(client), ["during the read", "after the read"]);
}

#[test]
fn a_client_whose_place_is_read_late_gets_what_came_meanwhile() {
    let mut stage = stage();
    stage.appends("demo", "before");
    let client = stage.joins(&["demo"]);
    stage.appends("demo", "1");
    stage.settles();
    assert_eq!(stage.data(client), ["1"]);
}

#[test]
fn one_read_is_for_all_who_wait_in_a_cold_instance() {
    let mut stage = stage();
    for _ in 0..100 {
        stage.joins(&["demo"]);
        stage.round();
    }
    assert_eq!(stage.reads, 1);
    stage.read_returns();
    stage.round();
    assert_eq!((stage.reads, (0..100).filter(|client| stage.is_written_to(*client)).count()), (1, 100));
}

#[test]
fn a_client_of_a_topic_that_is_followed_already_needs_no_read() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.publishes("demo", "before");
    stage.settles();
    let reads = stage.reads;
    let client = stage.joins(&["demo"]);
    stage.round();
    assert!(stage.is_written_to(client) && stage.reads == reads);
    stage.acts();
    assert_eq!((stage.data(client), stage.reads), (vec![], reads));
}

#[test]
fn a_client_that_joins_after_a_read_gets_what_was_published_since_it_asked() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.publishes("demo", "before");
    stage.round();
    stage.joins_late = true;
    let client = stage.joins(&["demo"]);
    stage.appends("demo", "after the head");
    assert!(stage.read_arrives() && stage.read_returns());
    stage.settles();
    assert_eq!(stage.data(client), ["after the head"]);
}

#[test]
fn a_log_that_is_away_keeps_a_stream_open_with_keep_alives() {
    let mut stage = stage();
    let client = stage.joins(&["demo"]);
    stage.round();
    assert!(stage.read_fails());
    for minute in 1..=3 {
        stage.passes(Duration::from_secs(16));
        stage.round();
        stage.read_fails();
        stage.registration_fails();
        assert!(stage.reads(client));
        assert_eq!((stage.clients[client].comments, stage.clients[client].got.len()), (minute, 0));
    }
    stage.settles();
    assert!(matches!(stage.clients[client].got[..], [Got::Ready { .. }]));
}

#[test]
fn a_client_that_is_sent_a_keep_alive_before_its_place_misses_nothing() {
    let mut stage = stage();
    let first = stage.joins(&["demo"]);
    stage.round();
    assert!(stage.read_fails());
    stage.appends("demo", "1");
    stage.passes(Duration::from_millis(15_100));
    stage.joins(&["demo"]);
    stage.round();
    assert!(stage.is_written_to(first), "a keep-alive, while it is read where the second one starts");
    assert!(stage.reads(first));
    stage.settles();
    assert_eq!((stage.data(first), stage.clients[first].comments), (vec!["1"], 1));
}

#[test]
fn only_who_hears_an_update_is_looked_at() {
    let mut stage = stage();
    for topic in ["a", "b", "c", "*"] {
        stage.joins(&[topic]);
    }
    stage.settles();
    let reads = stage.reads;
    stage.appends("b", "1");
    stage.is_told();
    stage.acts();
    let data: Vec<_> = (0..4).map(|client| stage.data(client)).collect();
    assert_eq!(
        (data, stage.reads - reads),
        (vec![vec![], vec!["1"], vec![], vec!["1"]], 2),
        "one read for *, one for b"
    );
    stage.appends("none", "2");
    assert_eq!(stage.hints.len(), 1, "who follows all hears it");
}

#[test]
fn an_update_that_nobody_here_follows_costs_nothing() {
    let mut stage = stage_with_a_client(&["demo"]);
    let reads = stage.reads;
    stage.appends("other", "1");
    assert_eq!(stage.hints.len(), 0);
    stage.acts();
    assert_eq!(stage.reads, reads);
}

#[test]
fn what_is_published_before_a_topic_is_registered_is_found_after_it() {
    let mut stage = stage();
    let client = stage.joins(&["demo"]);
    stage.round();
    stage.read_returns();
    stage.round();
    stage.reads(client);
    stage.appends("demo", "1");
    assert_eq!(stage.hints.len(), 0, "the log does not know that it is heard here");
    stage.acts();
    assert_eq!((stage.data(client), stage.registrations.len()), (vec!["1"], 1));
    stage.appends("demo", "2");
    assert_eq!(stage.hints.len(), 1);
}

#[test]
fn topics_that_nobody_follows_any_more_are_told_with_the_next_renewal() {
    let mut stage = stage_with_a_client(&["demo"]);
    let second = stage.joins_for(&["other"], &Start::Now, 10 * SECOND, u64::MAX);
    stage.acts();
    stage.passes(Duration::from_secs(11));
    stage.settles();
    assert_eq!(stage.clients[second].session, None);
    stage.passes(Duration::from_secs(30));
    stage.acts();
    let removed: Vec<_> = stage.registrations.iter().flat_map(|registration| &registration.removed).collect();
    assert_eq!(removed.len(), 1);
    assert!(stage.log.hears(&["other"]).is_empty() && stage.log.hears(&["demo"]) == [LISTENER]);
}

#[test]
fn a_false_hint_costs_a_read_and_no_more() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.publishes("demo", "1");
    stage.settles();
    let reads = stage.reads;
    let hint = |topic: &str, epoch: &str, sequence| Hint {
        topic: key(topic),
        position: Position { epoch: epoch.to_owned(), sequence },
    };
    for (hint, expected) in [
        (hint("demo", "a", u64::MAX), 1),
        (hint("demo", "a", 9), 1),
        (hint("demo", "a", 1), 0),
        (hint("other", "a", 9), 0),
        (hint("demo", "forged", 9), 1),
    ] {
        let before = stage.reads;
        stage.hints.extend([hint.clone(), hint.clone(), hint.clone()]);
        stage.acts();
        assert_eq!(stage.reads - before, expected, "{hint:?}");
    }
    assert!(stage.reads > reads);
    stage.publishes("demo", "2");
    stage.acts();
    assert_eq!(stage.data(0), ["1", "2"]);
}

#[test]
fn who_is_far_behind_does_not_delay_who_is_near_the_end() {
    let mut stage = stage_with_a_client(&["demo"]);
    for number in 0..5_000 {
        stage.appends("history", &number.to_string());
    }
    stage.hints.clear();
    let far = stage.joins_at(&["history"], after(0));
    stage.round();
    stage.publishes("demo", "1");
    stage.read_returns();
    stage.round();
    stage.read_returns();
    stage.round();
    assert!(stage.reads(0));
    assert_eq!(stage.data(0), ["1"], "after the first page of the other");
    stage.settles();
    assert_eq!(stage.data(far).len(), 5_000);
}

#[test]
fn an_instance_with_streams_opens_the_log_for_writing_once_when_it_is_calm() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.settles();
    assert_eq!(stage.prepared, 0);
    for _ in 0..3 {
        stage.passes(Duration::from_secs(1));
        stage.acts();
        assert_eq!(stage.prepared, 1);
        stage.joins(&["demo"]);
    }
}

/// A stage with 21 clients, of which the log knows, and which it has told to gather.
fn stage_that_gathers() -> Stage {
    let mut stage = stage_with_a_client(&["demo"]);
    for _ in 0..20 {
        stage.joins(&["demo"]);
    }
    stage.settles();
    stage.passes(Duration::from_secs(10));
    stage.settles();
    stage.passes(Duration::from_secs(3));
    stage.log.clock.set(stage.now);
    assert!(now(stage.log.drain(&[LISTENER], Duration::from_secs(600))).unwrap());
    stage
}

#[test]
fn an_instance_that_is_told_to_drain_ends_its_streams() {
    let mut stage = stage_that_gathers();
    stage.passes(Duration::from_secs(7));
    stage.acts();
    assert!(!stage.door_closed && !stage.dispatcher().is_empty());
    stage.passes(Duration::from_millis(600));
    stage.acts();
    assert_eq!(stage.clients.iter().filter(|client| client.session.is_some()).count(), 21, "they are read for first");
    stage.passes(Duration::from_millis(300));
    stage.acts();
    assert!(stage.dispatcher().is_empty() && stage.door_closed);
    assert!(stage.clients.iter().all(|client| client.streams == 1 && client.last_event_id == "#a-0"));
}

#[test]
fn who_comes_after_the_decision_stays_and_the_instance_takes_requests_again() {
    let mut stage = stage_that_gathers();
    stage.passes(Duration::from_millis(1));
    let late = stage.joins(&["demo"]);
    stage.passes(Duration::from_secs(7));
    stage.acts();
    let later = stage.joins(&["demo", "other"]);
    stage.passes(Duration::from_secs(1));
    stage.acts();
    assert!(stage.door_closed);
    for _ in 0..30 {
        stage.acts();
        stage.passes(Duration::from_secs(1));
    }
    assert!(!stage.door_closed);
    let open = |client: usize| stage.clients[client].session.is_some();
    assert!((0..21).all(|client| !open(client)) && open(late) && open(later));
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
fn a_lost_hint_costs_time_and_no_update() {
    let mut stage = stage_with_a_client(&["demo"]);
    stage.appends("demo", "1");
    stage.hints.clear();
    let reads = stage.reads;
    stage.acts();
    assert_eq!(stage.reads, reads);
    stage.passes(Duration::from_secs(2));
    stage.acts();
    assert_eq!(
        (stage.data(0), stage.reads - reads),
        (vec!["1"], 2),
        "it is looked whether there is anything, then read"
    );
}

#[test]
fn an_instance_that_nothing_wakes_looks_often() {
    let mut stage = Stage::new(10_000, Wakeups::None);
    stage.joins(&["demo"]);
    stage.settles();
    stage.appends("demo", "1");
    assert!(stage.hints.is_empty());
    stage.passes(Duration::from_millis(50));
    stage.acts();
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
fn a_stream_that_ends_before_the_log_is_polled_ends_with_the_place_reached() {
    let mut stage = stage();
    let client = stage.joins_for(&["quiet"], &Start::Now, 1_500 * MS, u64::MAX);
    stage.settles();
    stage.appends("demo", "1");
    for _ in 0..80 {
        stage.acts();
    }
    assert_eq!((stage.clients[client].session, stage.clients[client].last_event_id.as_str()), (None, "#a-1"));
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
    stage.is_told();
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
fn a_log_that_is_waited_for_is_read_once_for_each_update() {
    let mut stage = Stage::new(100, Wakeups::Awaited);
    stage.joins(&["demo"]);
    stage.settles();
    let reads = stage.reads;
    for data in ["1", "2", "3"] {
        stage.appends("demo", data);
        assert!(stage.wait_returns());
        finds_news(&mut stage);
        assert!(stage.reads(0));
        stage.round();
    }
    assert_eq!((stage.data(0), stage.reads - reads), (vec!["1", "2", "3"], 3));
}

#[test]
fn an_update_that_is_announced_twice_is_read_once() {
    let mut stage = Stage::new(100, Wakeups::Awaited);
    stage.joins(&["demo"]);
    stage.settles();
    let reads = stage.reads;
    let position = stage.publishes("demo", "1");
    stage.hints.push_back(Hint { topic: key("demo"), position });
    stage.round();
    stage.wait_returns();
    stage.acts();
    assert_eq!((stage.data(0), stage.reads - reads), (vec!["1"], 1));
}

#[test]
fn a_hole_in_the_log_is_a_gap_for_who_is_before_it_and_follows_all() {
    let mut stage = stage_with_a_client(&["*"]);
    for data in ["1", "2", "3", "4"] {
        stage.appends("demo", data);
    }
    stage.log.remove(3);
    let late = stage.joins_at(&["*"], after(3));
    stage.is_told();
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
        stage.registration_fails();
        reads += usize::from(stage.read_fails());
        stage.reads(0);
        stage.now += 10 * MS;
    }
    assert!((12..30).contains(&reads), "{reads} reads in a minute");
    stage.settles();
    assert_eq!((stage.data(0), stage.clients[0].streams), (vec!["1"], 1));
}

/// What a client got, in a few words.
fn got(stage: &Stage, client: usize) -> Vec<String> {
    let word = |got: &Got| match got {
        Got::Ready { position, .. } => format!("ready {position}"),
        Got::Gap { id } => format!("gap {id}"),
        Got::Place { position } => format!("place {position}"),
        Got::Update { data, .. } => data.clone(),
    };
    stage.clients[client].got.iter().map(word).collect()
}

#[test]
fn a_quiet_stream_begins_with_the_place_alone_if_its_client_would_not_find_it_again() {
    let mut stage = stage();
    stage.appends("demo", "1");
    let now = stage.joins_quietly(&["demo"], &Start::Now, SECOND, u64::MAX);
    let earliest = stage.joins_quietly(&["demo"], &Start::Earliest, SECOND, u64::MAX);
    stage.settles();
    stage.appends("demo", "2");
    stage.settles();
    assert_eq!(got(&stage, now), ["place #a-1", "2"]);
    assert_eq!(got(&stage, earliest), ["1", "2"]);
    let resumed = stage.joins_quietly(&["demo"], &after(1), SECOND, u64::MAX);
    stage.settles();
    assert_eq!(got(&stage, resumed), ["2"]);
}

#[test]
fn a_quiet_client_that_is_cut_comes_back_to_its_place() {
    let mut stage = stage();
    let client = stage.joins_quietly(&["demo"], &Start::Now, SECOND, u64::MAX);
    stage.settles();
    stage.appends("busy", "not heard");
    // The log is read once more before the stream ends.
    stage.passes(Duration::from_millis(600));
    stage.acts();
    stage.passes(Duration::from_secs(1));
    stage.acts();
    assert_eq!(stage.clients[client].session, None, "its budget is used");
    stage.appends("demo", "1");
    stage.comes_back(client);
    stage.settles();
    assert_eq!(got(&stage, client), ["place #a-0", "place #a-1", "1"]);
}

#[test]
fn a_quiet_client_is_moved_past_what_is_lost_without_a_word() {
    let mut stage = Stage::new(2, Wakeups::Sent);
    for n in 1..=5 {
        stage.appends("demo", &n.to_string());
    }
    let pruned = stage.joins_quietly(&["demo"], &after(1), 600 * SECOND, u64::MAX);
    let unknown = stage.joins_quietly(&["demo"], &Start::After("urn:unknown".into()), 600 * SECOND, u64::MAX);
    stage.settles();
    for client in [pruned, unknown] {
        assert_eq!(got(&stage, client), ["place #a-3", "4", "5"]);
    }
    stage.log.lose_end(1, "b");
    stage.appends("demo", "other");
    stage.settles();
    for client in [pruned, unknown] {
        assert_eq!(got(&stage, client), ["place #a-3", "4", "5", "place #b-4", "other"]);
    }
}

#[test]
fn a_clock_that_stands_still_delays_no_update() {
    let mut stage = stage_with_a_client(&["demo"]);
    let stopped = stage.now;
    for n in 0..200 {
        stage.publishes("demo", &n.to_string());
        stage.now = stopped;
        for _ in 0..10 {
            stage.round();
            stage.registers();
            stage.read_returns();
            stage.reads(0);
        }
    }
    assert_eq!(stage.data(0).len(), 200);
    assert_eq!(stage.clients[0].comments, 0, "nor is there a keep-alive without time");
}
