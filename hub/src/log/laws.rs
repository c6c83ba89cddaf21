//! The laws of [`Log`], as one test that every backend passes.

pub(crate) mod presence;

use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::ended::MIN_ENDS;
use super::log::{PAGE_BYTES, PAGE_UPDATES};
use super::relay::Begun;
use super::{
    AppendError, Ended, Entry, Extent, Interest, LEASE, ListenerId, Log, Page, Position, Record, Registration,
};

/// Checks all laws; `open` makes a new, empty log that keeps about so many updates.
pub(crate) fn check<L: Log>(open: impl Fn(usize) -> L) {
    an_empty_log_has_nothing_and_starts_at_zero(&open(100));
    sequences_grow_by_one_and_reads_skip_none(&open(100));
    nothing_follows_the_head_until_the_next_append(&open(100));
    a_position_it_does_not_have_is_a_gap(&open(10));
    an_id_is_found_at_its_oldest_update(&open(100));
    a_page_is_bounded_but_never_empty(&open(10_000));
    what_is_stored_comes_back_byte_for_byte(&open(100));
    an_interest_in_topics_is_answered_with_their_updates_in_order(&open(100));
    an_update_on_several_topics_is_returned_once(&open(100));
    a_page_of_topics_says_how_far_it_reaches(&open(10_000));
    topics_are_told_apart_byte_for_byte(&open(100));
    what_was_pruned_is_gone_for_its_topics_too(&open(10));
    nothing_is_appended_to_a_topic_that_has_ended(&open(100));
    nothing_follows_a_last_update_within_an_append(&open(100));
    a_read_names_the_topics_that_have_ended(&open(100));
    a_read_of_everything_names_the_topics_that_ended_on_its_way(&open(10_000));
    an_end_is_remembered_when_its_update_is_gone(&open(10));
    there_are_no_more_ends_than_updates(&open(10));
    a_listener_is_known_until_it_leaves(&open(100));
    a_listener_that_is_to_drain_is_told_so(&open(100));
    a_topic_has_one_relay_until_it_ends(&open(100));
    who_begins_again_what_it_holds_holds_it_from_the_end(&open(100));
}

/// Backends under test answer at once: none of them waits for another task.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the backend under test must not wait"),
    }
}

fn record(text: &str) -> Record {
    Record { id: None, last: false, meta: "-topic\n".to_owned(), body: format!("data: {text}\n\n") }
}

fn append<L: Log>(log: &L, count: usize) -> u64 {
    let records: Vec<_> = (0..count).map(|n| record(&n.to_string())).collect();
    now(log.append(&records)).unwrap().first.sequence
}

fn after<L: Log>(log: &L, sequence: u64) -> Page {
    now(log.after(&Interest::All(sequence))).unwrap()
}

fn on<L: Log>(log: &L, topics: &[&str]) -> u64 {
    let meta = format!("-{}\n", topics.join("\n"));
    now(log.append(&[Record { meta, ..record("x") }])).unwrap().first.sequence
}

fn about<L: Log>(log: &L, topics: &[(&str, u64)]) -> Page {
    let topics = topics.iter().map(|(topic, after)| (Rc::from(*topic), *after)).collect();
    now(log.after(&Interest::Topics(topics))).unwrap()
}

fn extent<L: Log>(log: &L) -> Extent {
    now(log.extent()).unwrap()
}

fn sequences(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.sequence).collect()
}

fn an_empty_log_has_nothing_and_starts_at_zero<L: Log>(log: &L) {
    let extent = extent(log);
    assert_eq!((extent.oldest, extent.head), (1, 0));
    assert!(extent.holds(&extent.start()) && extent.holds(&extent.end()));
    assert_eq!(after(log, 0), Page { extent, entries: vec![], through: 0, ended: vec![] });
}

fn sequences_grow_by_one_and_reads_skip_none<L: Log>(log: &L) {
    assert_eq!(append(log, 1), 1);
    assert_eq!(append(log, 3), 2);
    assert_eq!(append(log, 1), 5);
    assert_eq!(sequences(&after(log, 0)), [1, 2, 3, 4, 5]);
    assert_eq!(sequences(&after(log, 3)), [4, 5]);
    assert_eq!((extent(log).oldest, extent(log).head), (1, 5));
}

fn nothing_follows_the_head_until_the_next_append<L: Log>(log: &L) {
    append(log, 2);
    assert_eq!(sequences(&after(log, 2)), [0; 0]);
    assert_eq!(sequences(&after(log, 99)), [0; 0]);
    append(log, 1);
    assert_eq!(sequences(&after(log, 2)), [3]);
}

fn a_position_it_does_not_have_is_a_gap<L: Log>(log: &L) {
    for _ in 0..50 {
        append(log, 1);
    }
    let page = after(log, 0);
    let oldest = page.extent.oldest;
    let first = page.entries.first().map(|entry| entry.sequence);
    assert!(oldest > 1, "it was to keep about ten of fifty");
    assert_eq!(first, Some(oldest), "a read after a lost position starts at the oldest kept");
    let at = |sequence| Position { epoch: page.extent.epoch.clone(), sequence };
    assert!(page.gap(&at(0)) && page.gap(&at(oldest - 2)), "pruned");
    assert!(!page.gap(&at(oldest - 1)) && !page.gap(&at(50)), "kept");
    assert!(page.gap(&at(51)), "never had");
    assert!(page.gap(&Position { epoch: "another".to_owned(), sequence: 50 }), "of another log");
}

fn an_id_is_found_at_its_oldest_update<L: Log>(log: &L) {
    append(log, 1);
    let named = Record { id: Some("urn:one".to_owned()), ..record("named") };
    now(log.append(&[named.clone(), record("between"), named])).unwrap();
    assert_eq!(now(log.find("urn:one")).unwrap(), Some(2));
    assert_eq!(now(log.find("urn:two")).unwrap(), None);
    let wire: Vec<_> = after(log, 1).entries.into_iter().map(|entry| entry.wire).collect();
    assert_eq!(wire[0], "id: urn:one\ndata: named\n\n");
}

fn a_page_is_bounded_but_never_empty<L: Log>(log: &L) {
    append(log, PAGE_UPDATES + 1);
    assert_eq!(after(log, 0).entries.len(), PAGE_UPDATES);
    assert_eq!(after(log, PAGE_UPDATES as u64).entries.len(), 1);

    let head = extent(log).head;
    let large = record(&"x".repeat(PAGE_BYTES / 3));
    now(log.append(&[large.clone(), large.clone(), large.clone(), large.clone(), large])).unwrap();
    let page = after(log, head);
    let bytes: usize = page.entries.iter().map(|entry| entry.wire.len()).sum();
    assert!((1..5).contains(&page.entries.len()) && bytes < 2 * PAGE_BYTES);

    let head = extent(log).head;
    now(log.append(&[record(&"x".repeat(PAGE_BYTES * 2)), record("next")])).unwrap();
    assert_eq!(sequences(&after(log, head)), [head + 1]);
    assert_eq!(sequences(&after(log, head + 1)), [head + 2]);
}

fn what_is_stored_comes_back_byte_for_byte<L: Log>(log: &L) {
    let body = "event: \u{1F980} ' \" \u{1}\ndata: \0 NUL and \u{1f} and \\ %d\ndata: \n\n";
    let stored =
        Record { id: None, last: false, meta: "pfirst topic\nsecond/\u{e9}\n".to_owned(), body: body.to_owned() };
    now(log.append(&[stored])).unwrap();
    let page = after(log, 0);
    let entry: &Entry = page.entries.first().unwrap();
    assert_eq!(entry.wire, format!("id: #{}-1\n{body}", page.extent.epoch));
    assert!(entry.private);
    assert_eq!(entry.topics().collect::<Vec<_>>(), ["first topic", "second/\u{e9}"]);
}

fn an_interest_in_topics_is_answered_with_their_updates_in_order<L: Log>(log: &L) {
    for topic in ["a", "b", "a", "c", "b", "a"] {
        on(log, &[topic]);
    }
    assert_eq!(sequences(&about(log, &[("a", 0)])), [1, 3, 6]);
    assert_eq!(sequences(&about(log, &[("b", 0), ("a", 0)])), [1, 2, 3, 5, 6]);
    assert_eq!(sequences(&about(log, &[("a", 1), ("b", 2)])), [3, 5, 6], "each from its own place");
    assert_eq!(sequences(&about(log, &[("a", 6), ("b", 0)])), [2, 5]);
    assert_eq!(sequences(&about(log, &[("none", 0)])), [0; 0]);
    assert_eq!(sequences(&about(log, &[])), [0; 0]);
    let page = about(log, &[("a", 0), ("c", 0)]);
    assert_eq!((page.through, page.extent), (6, extent(log)), "a whole answer reaches the head");
    assert_eq!(about(log, &[("none", 3)]).through, 6);
}

fn an_update_on_several_topics_is_returned_once<L: Log>(log: &L) {
    on(log, &["a", "b"]);
    on(log, &["b", "c", "a"]);
    on(log, &["a", "a"]);
    assert_eq!(sequences(&about(log, &[("a", 0), ("b", 0)])), [1, 2, 3]);
    assert_eq!(sequences(&about(log, &[("a", 2), ("b", 1)])), [2, 3]);
    assert_eq!(sequences(&about(log, &[("c", 0)])), [2]);
    assert_eq!(about(log, &[("c", 0)]).entries[0].topics().collect::<Vec<_>>(), ["b", "c", "a"]);
}

fn a_page_of_topics_says_how_far_it_reaches<L: Log>(log: &L) {
    let updates = |topic: &str, count| vec![Record { meta: format!("-{topic}\n"), ..record("x") }; count];
    now(log.append(&updates("a", PAGE_UPDATES + 1))).unwrap();
    now(log.append(&updates("b", 2))).unwrap();
    let full = PAGE_UPDATES as u64;
    let page = about(log, &[("a", 0), ("b", 0)]);
    assert_eq!((page.entries.len() as u64, page.through), (full, full));
    let page = about(log, &[("a", full), ("b", full)]);
    assert_eq!((sequences(&page), page.through), (vec![full + 1, full + 2, full + 3], full + 3));
    assert_eq!(after(log, 0).through, full);
    assert_eq!(after(log, full).through, full + 3);
    let large = Record { meta: "-large\n".to_owned(), ..record(&"x".repeat(PAGE_BYTES * 2)) };
    let first = now(log.append(&[large.clone(), large])).unwrap().first.sequence;
    let page = about(log, &[("large", 0)]);
    assert_eq!((sequences(&page), page.through), (vec![first], first));
    let page = about(log, &[("large", first)]);
    assert_eq!(sequences(&page), [first + 1]);
    assert!(page.through == first + 1);
}

fn topics_are_told_apart_byte_for_byte<L: Log>(log: &L) {
    let odd = [
        "a",
        "A",
        "a ",
        "a%",
        "a_",
        "a'b",
        "a\"b",
        "a\\b",
        "a\\nb",
        "[\"a\"]",
        "\u{e9}",
        "e\u{301}",
        "*a",
        "a*",
        "a:b",
        "{a}",
        "'; DROP TABLE updates; --",
        "x' OR '1'='1",
        "%' OR topic LIKE '%",
        "]] redis.call('FLUSHALL') --",
        "{sse:updates}:hub",
        "[ab]?*",
        "\\u0000",
        "${x} $(x) `x`",
        "?1",
        "NULL",
    ];
    for topic in odd {
        on(log, &[topic, "common"]);
    }
    for (sequence, topic) in (1..).zip(odd) {
        assert_eq!(sequences(&about(log, &[(topic, 0)])), [sequence], "{topic:?}");
    }
    assert_eq!(about(log, &[("common", 0)]).entries.len(), odd.len());
}

fn what_was_pruned_is_gone_for_its_topics_too<L: Log>(log: &L) {
    on(log, &["rare"]);
    for _ in 0..50 {
        on(log, &["often"]);
    }
    let page = about(log, &[("rare", 0)]);
    assert_eq!(sequences(&page), [0; 0]);
    assert!(page.gap(&Position { sequence: 0, ..page.extent.end() }), "what is gone is a gap for who did not have it");
    let page = about(log, &[("often", 0)]);
    assert_eq!(sequences(&page).first(), Some(&page.extent.oldest));
}

fn update(topics: &[&str], last: bool) -> Record {
    Record { meta: format!("-{}\n", topics.join("\n")), last, ..record("x") }
}

fn ends<L: Log>(log: &L, topics: &[&str]) -> u64 {
    now(log.append(&[update(topics, true)])).unwrap().first.sequence
}

fn sorted(mut ended: Ended) -> Vec<(String, u64)> {
    ended.sort();
    ended.into_iter().map(|(topic, end)| (topic.to_string(), end)).collect()
}

fn named(ended: &[(&str, u64)]) -> Vec<(String, u64)> {
    ended.iter().map(|(topic, end)| ((*topic).to_owned(), *end)).collect()
}

#[track_caller]
fn is_refused<L: Log>(log: &L, records: &[Record], topic: &str) {
    let head = extent(log).head;
    assert_eq!(now(log.append(records)), Err(AppendError::Ended(topic.to_owned())));
    assert_eq!(extent(log).head, head);
    assert_eq!(sequences(&after(log, head)), [0; 0]);
}

fn nothing_is_appended_to_a_topic_that_has_ended<L: Log>(log: &L) {
    on(log, &["a", "b"]);
    let odd = "a'b\"c\\d \u{e9}%";
    assert_eq!(ends(log, &["a", odd, "a"]), 2, "the last update of several topics");
    is_refused(log, &[update(&["a"], false)], "a");
    is_refused(log, &[update(&["a"], true)], "a");
    is_refused(log, &[update(&[odd], false)], odd);
    is_refused(log, &[update(&["b", "a", "c"], false)], "a");
    is_refused(
        log,
        &[update(&["b"], false), update(&["c"], true), update(&["c2", odd], false), update(&["d"], true)],
        odd,
    );
    assert_eq!(append(log, 2), 3, "what was refused took no sequence");
    assert_eq!(sequences(&about(log, &[("b", 0), ("c", 0), ("d", 0), ("a", 0), ("topic", 0)])), [1, 2, 3, 4]);
    assert_eq!(ends(log, &["c"]), 5, "nor did it end a topic");
    assert_eq!(on(log, &["d", "aa", "A"]), 6);
}

fn nothing_follows_a_last_update_within_an_append<L: Log>(log: &L) {
    is_refused(log, &[update(&["a"], true), update(&["b"], false), update(&["c", "a"], false)], "a");
    is_refused(log, &[update(&["a", "b"], true), update(&["b"], true)], "b");
    assert_eq!(now(log.ended(&[Rc::from("a"), Rc::from("b")])), Ok(vec![]));
    let records = [update(&["a"], false), update(&["a", "b"], true), update(&["c"], true), update(&["d"], false)];
    assert_eq!(now(log.append(&records)).unwrap().first.sequence, 1);
    let ended = now(log.ended(&["a", "b", "c", "d", "e"].map(Rc::from))).unwrap();
    assert_eq!(sorted(ended), named(&[("a", 2), ("b", 2), ("c", 3)]));
}

fn a_read_names_the_topics_that_have_ended<L: Log>(log: &L) {
    on(log, &["a", "b", "c"]);
    assert!(!extent(log).has_ended_topics);
    assert_eq!(about(log, &[("a", 0)]).ended, vec![]);
    ends(log, &["a"]);
    on(log, &["b"]);
    ends(log, &["d d", "b"]);
    assert!(extent(log).has_ended_topics && after(log, 0).extent.has_ended_topics);
    assert!(now(log.as_of(0)).unwrap().extent.has_ended_topics);
    for place in [0, 1, 2, 3, 4] {
        let page = about(log, &[("a", place), ("b", place), ("c", place), ("d d", 4), ("none", 0)]);
        assert_eq!(sorted(page.ended), named(&[("a", 2), ("b", 4), ("d d", 4)]), "after {place}");
    }
    assert_eq!(sorted(about(log, &[("c", 0), ("a", 4)]).ended), named(&[("a", 2)]));
    assert_eq!(about(log, &[("c", 0)]).ended, vec![]);
    assert_eq!(about(log, &[]).ended, vec![]);
    assert_eq!(now(log.ended(&[])), Ok(vec![]));
}

fn a_read_of_everything_names_the_topics_that_ended_on_its_way<L: Log>(log: &L) {
    on(log, &["a", "b"]);
    ends(log, &["a"]);
    on(log, &["b"]);
    ends(log, &["b", "c"]);
    for (place, ended) in [(0, &[("a", 2), ("b", 4), ("c", 4)][..]), (2, &[("b", 4), ("c", 4)]), (4, &[]), (9, &[])] {
        assert_eq!(sorted(after(log, place).ended), named(ended), "after {place}");
    }
    append(log, PAGE_UPDATES);
    ends(log, &["d"]);
    let page = after(log, 3);
    assert_eq!((page.through, sorted(page.ended)), (3 + PAGE_UPDATES as u64, named(&[("b", 4), ("c", 4)])));
    assert_eq!(sorted(after(log, 3 + PAGE_UPDATES as u64).ended), named(&[("d", 5 + PAGE_UPDATES as u64)]));
}

fn an_end_is_remembered_when_its_update_is_gone<L: Log>(log: &L) {
    ends(log, &["a"]);
    for _ in 0..50 {
        on(log, &["b"]);
    }
    let page = about(log, &[("a", 0)]);
    assert_eq!((sequences(&page), sorted(page.ended)), (vec![], named(&[("a", 1)])));
    is_refused(log, &[update(&["a"], false)], "a");
}

fn there_are_no_more_ends_than_updates<L: Log>(log: &L) {
    let topics: Vec<_> = (0..MIN_ENDS + 200).map(|number| format!("t{number}")).collect();
    for topics in topics.chunks(100) {
        ends(log, &topics.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let topics: Vec<Rc<str>> = topics.iter().map(|topic| Rc::from(topic.as_str())).collect();
    let ended = now(log.ended(&topics)).unwrap();
    assert!((MIN_ENDS as usize..MIN_ENDS as usize + 101).contains(&ended.len()), "{}", ended.len());
    assert!(
        topics[200..].iter().all(|topic| ended.iter().any(|(ended, _)| ended == topic)),
        "the oldest are forgotten"
    );
    assert_eq!(on(log, &["t0"]), 13, "a topic whose end is forgotten takes updates again");
}

fn registration(listener: ListenerId, streams: u32, added: &[&str], removed: &[&str]) -> Registration {
    let topics = |topics: &[&str]| topics.iter().map(|topic| Rc::from(*topic)).collect();
    Registration { listener, streams, added: topics(added), removed: topics(removed) }
}

fn a_listener_is_known_until_it_leaves<L: Log>(log: &L) {
    append(log, 3);
    let census = now(log.register(&registration(70_001, 5, &["a", "b"], &[]))).unwrap();
    assert_eq!((census.head, census.known, census.peers.len()), (extent(log).end(), false, 1));
    let census = now(log.register(&registration(70_002, 1, &["*"], &[]))).unwrap();
    assert_eq!((census.known, census.peers.len()), (false, 2));
    let census = now(log.register(&registration(70_001, 7, &["c"], &["a"]))).unwrap();
    assert!(census.known);
    let streams = |listener| census.peers.iter().find(|peer| peer.listener == listener).map(|peer| peer.streams);
    assert_eq!((streams(70_001), streams(70_002)), (Some(7), Some(1)));
    now(log.unregister(70_001)).unwrap();
    let census = now(log.register(&registration(70_001, 1, &[], &[]))).unwrap();
    assert!(!census.known, "it has to register its topics again");
    assert!(LEASE >= Duration::from_secs(5));
}

fn a_listener_that_is_to_drain_is_told_so<L: Log>(log: &L) {
    for listener in [70_001, 70_002] {
        let census = now(log.register(&registration(listener, 1, &["a"], &[]))).unwrap();
        assert_eq!(census.gathered, None);
    }
    assert!(now(log.drain(&[70_002, 70_009], Duration::from_secs(600))).unwrap());
    assert!(!now(log.drain(&[70_001], Duration::from_secs(600))).unwrap(), "some were told so a moment ago");
    let census = now(log.register(&registration(70_001, 1, &[], &[]))).unwrap();
    let drains: Vec<_> = census.peers.iter().filter(|peer| peer.drains).map(|peer| peer.listener).collect();
    assert_eq!(drains, [70_002]);
    assert!((0..60_000).contains(&census.gathered.unwrap().ago));
    assert!(now(log.drain(&[70_001], Duration::ZERO)).unwrap());
    let census = now(log.register(&registration(70_002, 1, &[], &[]))).unwrap();
    let drains: Vec<_> = census.peers.iter().filter(|peer| peer.drains).map(|peer| peer.listener).collect();
    assert_eq!(drains, [70_001], "and nobody else any more");
}

const LEFT: &str = "event: end\ndata: \u{e9}\n\n";

fn begin<L: Log>(log: &L, topic: &str, holder: u64) -> Begun {
    let left = Record { last: true, meta: format!("-{topic}\n"), body: LEFT.to_owned(), id: None };
    now(log.begin_relay(topic, holder, &left)).unwrap()
}

fn held<L: Log>(log: &L, holder: u64) -> Vec<String> {
    let all = ["a b", "c", "d", "e"].map(Rc::from);
    let mut topics = now(log.held(holder, &all, true)).unwrap();
    topics.sort();
    assert_eq!(now(log.held(holder, &all, false)).unwrap().len(), topics.len());
    topics
}

fn a_topic_has_one_relay_until_it_ends<L: Log>(log: &L) {
    append(log, 3);
    let end = extent(log).end();
    assert_eq!(begin(log, "a b", u64::MAX), Begun::Held(end.clone()));
    assert_eq!(begin(log, "a b", 2), Begun::Running);
    let has_any = |topics: &[&str]| {
        let topics: Vec<_> = topics.iter().map(|topic| Rc::from(*topic)).collect();
        now(log.has_any(&topics)).unwrap()
    };
    assert!(has_any(&["a b"]) && has_any(&["x", "a b"]) && has_any(&["topic"]) && !has_any(&["a", "x"]));
    assert_eq!((begin(log, "c", u64::MAX), begin(log, "d", 2)), (Begun::Held(end.clone()), Begun::Held(end)));
    assert_eq!(
        (held(log, u64::MAX), held(log, 2), held(log, 3)),
        (vec!["a b".into(), "c".into()], vec!["d".into()], vec![])
    );
    assert_eq!(now(log.take_over(3, &[])).unwrap(), [], "no lease is over");
    now(log.append(&[Record { last: true, meta: "-a b\n".to_owned(), ..record("x") }])).unwrap();
    assert_eq!(held(log, u64::MAX), ["c"]);
    assert!(has_any(&["a b"]));
    assert_eq!(begin(log, "a b", 2), Begun::Ended);
    assert_eq!(now(log.held(u64::MAX, &["d".into()], true)).unwrap(), [""; 0]);
}

fn who_begins_again_what_it_holds_holds_it_from_the_end<L: Log>(log: &L) {
    assert!(matches!(begin(log, "a", 1), Begun::Held(_)));
    append(log, 2);
    assert_eq!(begin(log, "a", 1), Begun::Held(extent(log).end()));
    assert_eq!(begin(log, "a", 2), Begun::Running);
    now(log.append(&[Record { last: true, meta: "-a\n".to_owned(), ..record("x") }])).unwrap();
    assert_eq!(begin(log, "a", 1), Begun::Ended);
}
