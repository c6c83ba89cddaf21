//! The laws of [`Log`], as one test that every backend passes.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::log::{PAGE_BYTES, PAGE_UPDATES};
use super::{Entry, Extent, Log, Page, Position, Record};

/// Checks all laws; `open` makes a new, empty log that keeps about so many updates.
pub(crate) fn check<L: Log>(open: impl Fn(usize) -> L) {
    an_empty_log_has_nothing_and_starts_at_zero(&open(100));
    sequences_grow_by_one_and_reads_skip_none(&open(100));
    nothing_follows_the_head_until_the_next_append(&open(100));
    a_position_it_does_not_have_is_a_gap(&open(10));
    an_id_is_found_at_its_oldest_update(&open(100));
    a_page_is_bounded_but_never_empty(&open(10_000));
    what_is_stored_comes_back_byte_for_byte(&open(100));
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
    now(log.append(&records)).unwrap().sequence
}

fn after<L: Log>(log: &L, sequence: u64) -> Page {
    now(log.after(sequence)).unwrap()
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
    assert_eq!(after(log, 0), Page { extent, entries: vec![] });
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
