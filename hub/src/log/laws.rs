//! The laws of [`Log`], as one test that every backend passes.

use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::log::{PAGE_BYTES, PAGE_UPDATES};
use super::{Entry, Extent, Interest, LEASE, ListenerId, Log, Page, Position, Record, Registration};

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
    a_listener_is_known_until_it_leaves(&open(100));
    a_listener_that_is_to_drain_is_told_so(&open(100));
}

/// Backends under test answer at once: none of them waits for another task.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the backend under test must not wait"),
    }
}

fn record(text: &str) -> Record {
    Record { id: None, meta: "-topic\n".to_owned(), body: format!("data: {text}\n\n") }
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
    assert_eq!(after(log, 0), Page { extent, entries: vec![], through: 0 });
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
    let stored = Record { id: None, meta: "pfirst topic\nsecond/\u{e9}\n".to_owned(), body: body.to_owned() };
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
        "a", "A", "a ", "a%", "a_", "a'b", "a\"b", "a\\b", "a\\nb", "[\"a\"]", "\u{e9}", "e\u{301}", "*a", "a*", "a:b",
        "{a}",
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
