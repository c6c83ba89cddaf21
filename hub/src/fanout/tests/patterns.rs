//! Sessions with patterns: what they hear, what they may read, and what they cost.

use proptest::prelude::*;

use super::stage::{Stage, selector};
use crate::fanout::patterns::{PatternId, Patterns, Use};
use crate::fanout::segment::Segment;
use crate::fanout::settings::Wakeups;
use crate::log::{Extent, Interest, Page, Record, record};
use crate::request::subscribe::Start;
use crate::topic::invalid_selector::MAX_PATTERN_BYTES;
use crate::topic::selector::Selector;

#[test]
fn a_pattern_selects_what_it_matches_and_no_more() {
    let mut stage = Stage::new(100, Wakeups::Sent);
    let follows: [(&[&str], &[&str]); 8] = [
        (&["/books/:id"], &["1", "3"]),
        (&["https://hub.example/books/:id"], &["1", "3"]),
        (&["https://other.example/books/:id"], &["2"]),
        (&["{+any}/books/{id}"], &["1", "2", "3"]),
        (&["/books/:id", "urn-1"], &["1", "3", "4"]),
        (&["/books/:id", "/books/7", "/books/:id"], &["1", "3"]),
        (&["/films/:id"], &[]),
        (&["/books/:id", "*"], &["1", "2", "3", "4"]),
    ];
    let clients: Vec<_> = follows.iter().map(|(follows, _)| stage.joins(follows)).collect();
    stage.settles();
    for (topic, data) in [
        ("/books/7", "1"),
        ("https://other.example/books/7", "2"),
        ("https://hub.example/books/7", "3"),
        ("urn-1", "4"),
    ] {
        stage.appends(topic, data);
    }
    stage.settles();
    for (client, (follows, hears)) in clients.into_iter().zip(follows) {
        assert_eq!(stage.data(client), hears, "{follows:?}");
    }
}

#[test]
fn a_private_update_needs_a_grant_whether_it_is_followed_by_a_pattern_or_not() {
    for start in [Start::Now, Start::Earliest] {
        let mut stage = Stage::new(100, Wakeups::Sent);
        let cases: [(&[&str], &[&str], &[&str]); 10] = [
            (&["/books/:id"], &[], &["public"]),
            (&["/books/:id"], &["/books/:id"], &["1", "1 and 7", "public"]),
            (&["/books/:id"], &["/books/1"], &["1", "1 and 7", "public"]),
            (&["/books/:id"], &["{+any}/1"], &["1", "1 and 7", "public"]),
            (&["/books/:id"], &["/users/:id"], &["1 and 7", "public"]),
            (&["/books/:id"], &["/films/:id", "*"], &["1", "1 and 7", "public"]),
            (&["/books/1"], &["/books/:id"], &["1", "1 and 7", "public"]),
            (&["/books/1"], &["/users/:id"], &["1 and 7", "public"]),
            (&["*"], &["/users/:id"], &["1 and 7", "user", "public"]),
            (&["/users/:id", "/books/1"], &["/users/7"], &["1 and 7", "user", "public"]),
        ];
        let mut clients = Vec::new();
        if start == Start::Now {
            clients.extend(cases.iter().map(|(follows, grant, _)| stage.joins_with(follows, grant, &start)));
            stage.settles();
        }
        stage.appends_privately(&["/books/1"], "1");
        stage.appends_privately(&["/books/1", "/users/7"], "1 and 7");
        stage.appends_privately(&["/users/7"], "user");
        stage.appends("/books/1", "public");
        if start == Start::Earliest {
            // One after another: what one has read serves the next.
            for (follows, grant, _) in &cases {
                clients.push(stage.joins_with(follows, grant, &start));
                stage.settles();
            }
        }
        stage.settles();
        for (client, (follows, grant, hears)) in clients.into_iter().zip(cases) {
            assert_eq!(stage.data(client), hears, "{follows:?} {grant:?} {start:?}");
        }
    }
}

#[test]
fn a_session_with_patterns_is_told_of_everything_and_does_not_end_with_topics() {
    let mut stage = Stage::new(100, Wakeups::Sent);
    let pattern = stage.joins(&["/books/:id", "/books/1"]);
    stage.settles();
    let added: Vec<_> = stage.registrations.iter().flat_map(|registration| &registration.added).collect();
    assert_eq!(added.iter().map(|topic| &***topic).collect::<Vec<_>>(), ["*"]);
    let exact = stage.joins(&["/books/1"]);
    stage.settles();
    stage.appends_last(&["/books/1"], "last");
    stage.settles();
    assert_eq!((stage.data(pattern), stage.data(exact)), (vec!["last"], vec!["last"]));
    assert!(stage.clients[pattern].session.is_some() && stage.clients[exact].session.is_none());
    // Who comes later is not told to stop either.
    let late = stage.joins_at(&["/books/:id"], Start::Earliest);
    assert!(!stage.clients[late].is_done);
    stage.appends("/books/2", "2");
    stage.settles();
    assert_eq!((stage.data(pattern), stage.data(late)), (vec!["last", "2"], vec!["last", "2"]));
}

/// A segment of everything, with updates on these topics; those that begin with `!` are private.
fn segment(updates: &[&str]) -> Segment {
    Segment::new(&Interest::All(0), 1, page(0, updates))
}

fn page(after: u64, updates: &[&str]) -> Page {
    let mut records = Vec::new();
    for (sequence, topics) in (after + 1..).zip(updates) {
        let topics = topics.replace(' ', "\n");
        let meta = topics.strip_prefix('!').map_or_else(|| format!("-{topics}\n"), |topics| format!("p{topics}\n"));
        record::write(&mut records, "e", sequence, &Record { id: None, last: false, meta, body: String::new() });
    }
    let head = after + updates.len() as u64;
    let extent = Extent { epoch: "e".to_owned(), oldest: 1, head, ends: vec![], has_ended_topics: false };
    Page { extent, entries: record::parse(records.into()).unwrap(), through: head, ended: vec![] }
}

fn of(texts: &[&str]) -> Selector {
    selector(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
}

#[test]
fn a_pattern_is_tried_once_on_an_update_however_many_sessions_have_it() {
    let mut patterns = Patterns::default();
    let sessions: Vec<_> =
        (0..100).map(|_| patterns.add(&mut of(&["/books/:id", "/films/:id"]), Use::Follow)).collect();
    assert_eq!((patterns.count(), patterns.uses()), (2, 200));
    let mut segment = segment(&["/books/1", "/users/1", "/films/1 /books/2"]);
    for count in [3, 4] {
        for ids in &sessions {
            patterns.try_on(&segment, ids, Use::Follow);
            assert_eq!(patterns.places(ids[0], &segment, Use::Follow), &[0, 2, 3][..count - 1]);
            assert_eq!(patterns.places(ids[1], &segment, Use::Follow), [2]);
        }
        assert_eq!(patterns.tried, 2 * count);
        if count == 3 {
            segment.extend(2, page(3, &["/books/3"]));
        }
    }
    for ids in &sessions {
        patterns.remove(ids, Use::Follow);
    }
    assert_eq!((patterns.count(), patterns.held()), (0, (0, 0)));
}

#[test]
fn what_a_session_may_read_is_tried_on_private_updates_only() {
    let mut patterns = Patterns::default();
    let ids = patterns.add(&mut of(&["/books/:id"]), Use::Read);
    let segment = segment(&["/books/1", "!/books/2", "!/users/1"]);
    patterns.try_on(&segment, &ids, Use::Read);
    assert_eq!((patterns.places(ids[0], &segment, Use::Read), patterns.tried), (&[1][..], 2));
    assert!(patterns.places(ids[0], &segment, Use::Follow).is_empty());
}

/// The worst instance: 128 streams, each with as many patterns as it may have, all different, which all match.
#[test]
fn the_patterns_of_an_instance_and_what_they_match_are_bounded() {
    let mut patterns = Patterns::default();
    let own = |stream: usize| {
        let pattern = |number: usize| format!("/:{}-{stream}-{number}", "x".repeat(200));
        of(&(0..60).map(pattern).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>())
    };
    let streams: Vec<_> = (0..128).map(|stream| patterns.add(&mut own(stream), Use::Follow)).collect();
    let mut largest = 0;
    for number in 1..=3 {
        let segment = Segment::new(&Interest::All(0), number, page(0, &["/x-1-1"; 65]));
        for ids in &streams {
            patterns.try_on(&segment, ids, Use::Follow);
            largest = largest.max(patterns.held().1);
        }
    }
    let (compiled, _) = patterns.held();
    assert!(compiled <= 128 * MAX_PATTERN_BYTES, "{compiled}");
    assert!(largest <= 1_500_000, "{largest}");
}

const TEXTS: [&str; 5] = ["/books/:id", "/:kind/1", "{+any}/2", "/books/1", "https://*.example/books/(\\d+)"];
const TOPICS: [&str; 6] = ["/books/1", "/books/2", "!/films/1", "!/films/2 /books/1", "https://a.example/books/2", "x"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_what_the_patterns_match(
        sessions in prop::collection::vec(prop::collection::vec(0..TEXTS.len(), 0..4), 1..5),
        pages in prop::collection::vec(prop::collection::vec(0..TOPICS.len(), 0..90), 1..4),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<bool>()), 1..40),
    ) {
        let mut patterns = Patterns::default();
        let texts = |list: &[usize]| of(&list.iter().map(|text| TEXTS[*text]).collect::<Vec<_>>());
        let sessions: Vec<(Selector, Vec<PatternId>, Vec<PatternId>)> = sessions.iter().map(|list| {
            let mut selector = texts(list);
            let follow = patterns.add(&mut selector, Use::Follow);
            let read = patterns.add(&mut selector, Use::Read);
            (selector, follow, read)
        }).collect();
        let mut pages = pages.iter().map(|page| page.iter().map(|topic| TOPICS[*topic]).collect::<Vec<_>>());
        let mut segment = segment(&pages.next().unwrap());
        for (index, grows, reads) in order {
            if let Some(more) = pages.next().filter(|_| grows) {
                segment.extend(2, page(segment.through(), &more));
            }
            let (selector, follow, read) = index.get(&sessions);
            let (ids, of) = if reads { (read, Use::Read) } else { (follow, Use::Follow) };
            patterns.try_on(&segment, ids, of);
            for (id, pattern) in ids.iter().zip(selector.patterns()) {
                let matches = |topic: &str| pattern.matches(&crate::pattern::Parsed::new(topic));
                let expected: Vec<usize> = segment.entries().iter().enumerate()
                    .filter(|(_, entry)| (!reads || entry.private) && entry.topics().any(matches))
                    .map(|(place, _)| place).collect();
                prop_assert_eq!(patterns.places(*id, &segment, of), &expected[..]);
            }
            patterns.held();
        }
    }
}
