//! The laws of [`Presence`], as one test that every backend passes.

use super::*;
use crate::log::presence::{Arrival, Attended, Changes, LIST, Listing, Presence, SWEEP};
use crate::log::relay::HolderId;

const HOUR: Duration = Duration::from_secs(3_600);

/// Checks all laws; `open` makes a new, empty log, and `lapse` lets the lease of a holder be over.
pub(crate) fn check<L: Log + Presence>(open: impl Fn() -> L, lapse: impl Fn(&L, HolderId)) {
    what_begins_and_ends_is_said_once_and_in_order(&open());
    changes_that_are_made_again_change_nothing(&open());
    who_comes_back_with_its_ticket_is_the_same_subscriber(&open());
    a_ticket_is_good_once_and_for_the_same_subscriptions(&open());
    of_two_that_show_a_ticket_one_comes_back(&open());
    a_ticket_is_good_before_its_holder_let_go(&open());
    a_grace_that_is_over_ends_once(&open());
    a_holder_has_its_own_only(&open());
    a_holder_that_names_all_ends_the_rest(&open());
    a_lease_that_is_over_ends_what_was_held_once(&open(), &lapse);
    a_holder_that_comes_late_finds_out_and_begins_anew(&open(), &lapse);
    a_lease_that_is_over_is_forgotten(&open(), &lapse);
    a_renewal_alone_ends_what_is_over(&open(), &lapse);
    what_is_over_ends_in_bounded_steps(&open(), &lapse);
    subscriptions_are_listed_by_their_topics(&open());
    texts_are_kept_byte_for_byte(&open());
}

/// A subscriber that follows `names`.
fn arrival(subscriber: &str, names: &[&str]) -> Arrival {
    let listing = |name: &&str| Listing {
        topic: format!("/hub/{name}/{subscriber}"),
        document: format!("{{\"match\":\"{name}\",\"active\":"),
    };
    Arrival {
        subscriber: subscriber.to_owned(),
        ticket: format!("ticket-{subscriber}"),
        back: None,
        what: names.join(" "),
        listings: names.iter().map(listing).collect(),
    }
}

/// One that says it is `back`, and shows a ticket.
fn returning(subscriber: &str, names: &[&str], back: &str, shown: &str) -> Arrival {
    Arrival { back: Some((back.to_owned(), shown.to_owned())), ..arrival(subscriber, names) }
}

fn come(holder: HolderId, arrivals: &[Arrival]) -> Changes {
    Changes { holder, arrivals: arrivals.to_vec(), ..Changes::default() }
}

fn leave(holder: HolderId, subscribers: &[&str]) -> Changes {
    Changes { holder, ended: owned(subscribers), ..Changes::default() }
}

fn release(holder: HolderId, subscribers: &[&str], grace: Duration) -> Changes {
    Changes { holder, released: owned(subscribers), grace, ..Changes::default() }
}

/// Changes that say that the holder has these subscribers and no others.
fn naming(subscribers: &[&str], changes: Changes) -> Changes {
    Changes { named: Some(owned(subscribers)), ..changes }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn attend<L: Log + Presence>(log: &L, changes: &Changes) -> Attended {
    now(log.attend(changes)).unwrap()
}

/// What was said: `+` or `-` and the topic below the hub's, of each update.
fn said<L: Log>(log: &L) -> Vec<String> {
    let page = after(log, 0);
    let one = |entry: &Entry| {
        let wire = str::from_utf8(&entry.wire).unwrap();
        assert!(entry.private && wire.contains("\nevent: mercure\ndata: {"), "{wire}");
        let begins = wire.ends_with("\"active\":true}\n\n");
        assert!(begins || wire.ends_with("\"active\":false}\n\n"), "{wire}");
        let topic = entry.topics().next().unwrap().trim_start_matches("/hub/");
        format!("{}{topic}", if begins { '+' } else { '-' })
    };
    page.entries.iter().map(one).collect()
}

fn listed<L: Presence>(log: &L, first: &str, end: &str) -> Vec<String> {
    now(log.listed(first, end)).unwrap().listings.into_iter().map(|listing| listing.topic).collect()
}

fn all<L: Presence>(log: &L) -> Vec<String> {
    listed(log, "/hub/", "/hub0")
}

fn what_begins_and_ends_is_said_once_and_in_order<L: Log + Presence>(log: &L) {
    append(log, 2);
    let attended = attend(log, &come(1, &[arrival("s1", &["a", "b"]), arrival("s2", &["a"])]));
    let (topics, appended) = attended.appended.unwrap();
    assert_eq!(
        (appended.first, attended.held, attended.more),
        (Position { sequence: 3, ..extent(log).end() }, 2, false)
    );
    assert_eq!(topics, ["/hub/a/s1", "/hub/b/s1", "/hub/a/s2"]);
    assert_eq!(sequences(&about(log, &[("/hub/a/s2", 0)])), [5]);
    let attended = attend(log, &leave(1, &["s1", "none"]));
    assert_eq!((attended.held, attended.appended.map(|(topics, _)| topics.len())), (1, Some(2)));
    let mut changes = come(1, &[arrival("s3", &["c"])]);
    changes.ended = owned(&["s2"]);
    attend(log, &changes);
    let said: Vec<_> = sequences(&after(log, 5));
    assert_eq!(said, [6, 7, 8, 9]);
    assert_eq!(all(log), ["/hub/c/s3"]);
    let head = extent(log).head;
    assert_eq!(attend(log, &Changes { holder: 1, ..Changes::default() }).appended, None);
    assert_eq!(extent(log).head, head, "a renewal says nothing");
}

fn changes_that_are_made_again_change_nothing<L: Log + Presence>(log: &L) {
    for _ in 0..2 {
        assert_eq!(attend(log, &come(u64::MAX, &[arrival("s1", &["a"])])).held, 1);
    }
    attend(log, &release(u64::MAX, &["s1"], HOUR));
    attend(log, &release(u64::MAX, &["s1"], Duration::ZERO));
    let back = come(2, &[returning("s2", &["a"], "s1", "ticket-s1")]);
    for _ in 0..2 {
        let attended = attend(log, &back);
        assert_eq!((attended.back, attended.held), (owned(&["ticket-s2"]), 1));
    }
    for _ in 0..2 {
        assert_eq!(attend(log, &leave(2, &["s1"])).held, 0);
    }
    assert_eq!(said(log), ["+a/s1", "-a/s1"]);
}

fn who_comes_back_with_its_ticket_is_the_same_subscriber<L: Log + Presence>(log: &L) {
    attend(log, &come(1, &[arrival("s1", &["a", "b"])]));
    assert_eq!(attend(log, &release(1, &["s1"], HOUR)).held, 0);
    assert_eq!(all(log), ["/hub/a/s1", "/hub/b/s1"], "it is there while it is away");
    let attended = attend(log, &come(2, &[arrival("s2", &["c"]), returning("s3", &["a", "b"], "s1", "ticket-s1")]));
    assert_eq!((attended.back, attended.held), (owned(&["ticket-s3"]), 2));
    assert_eq!(attend(log, &come(1, &[])).held, 0);
    attend(log, &release(2, &["s1"], HOUR));
    let attended = attend(log, &come(1, &[returning("s4", &["a", "b"], "s1", "ticket-s3")]));
    assert_eq!((attended.back, attended.held), (owned(&["ticket-s4"]), 1));
    attend(log, &leave(1, &["s1"]));
    assert_eq!(said(log), ["+a/s1", "+b/s1", "+c/s2", "-a/s1", "-b/s1"]);
}

fn a_ticket_is_good_once_and_for_the_same_subscriptions<L: Log + Presence>(log: &L) {
    attend(log, &come(1, &[arrival("s1", &["a"])]));
    attend(log, &release(1, &["s1"], HOUR));
    let refused = [("s2", "a", "s1", "ticket-s2x"), ("s3", "a", "s", "ticket-s1"), ("s4", "b", "s1", "ticket-s1")];
    for (subscriber, name, back, shown) in refused {
        assert_eq!(attend(log, &come(1, &[returning(subscriber, &[name], back, shown)])).back, owned(&[]));
    }
    assert_eq!(attend(log, &come(2, &[returning("s5", &["a"], "s1", "ticket-s1")])).back, ["ticket-s5"]);
    assert_eq!(attend(log, &come(3, &[returning("s6", &["a"], "s1", "ticket-s1")])).back, owned(&[]));
    assert_eq!(said(log), ["+a/s1", "+a/s2", "+a/s3", "+b/s4", "+a/s6"]);
}

fn of_two_that_show_a_ticket_one_comes_back<L: Log + Presence>(log: &L) {
    attend(log, &come(1, &[arrival("s1", &["a"])]));
    attend(log, &release(1, &["s1"], HOUR));
    let both = ["s2", "s3"].map(|subscriber| returning(subscriber, &["a"], "s1", "ticket-s1"));
    let attended = attend(log, &come(2, &both));
    assert_eq!((attended.back.len(), attended.held, said(log).len()), (1, 2, 2));
}

fn a_ticket_is_good_before_its_holder_let_go<L: Log + Presence>(log: &L) {
    attend(log, &come(1, &[arrival("s1", &["a"])]));
    assert_eq!(attend(log, &come(2, &[returning("s2", &["a"], "s1", "ticket-s1")])).back, ["ticket-s2"]);
    assert_eq!(attend(log, &release(1, &["s1"], Duration::ZERO)).held, 0, "it is another's by now");
    attend(log, &leave(1, &["s1"]));
    assert_eq!(attend(log, &come(2, &[])).held, 1);
    assert_eq!(said(log), ["+a/s1"]);
}

fn a_grace_that_is_over_ends_once<L: Log + Presence>(log: &L) {
    attend(log, &come(1, &[arrival("s1", &["a", "b"]), arrival("s2", &["a"])]));
    attend(log, &release(1, &["s1"], Duration::ZERO));
    let attended = attend(log, &come(2, &[returning("s3", &["a", "b"], "s1", "ticket-s1")]));
    assert_eq!(attended.back, owned(&[]), "it is too late");
    attend(log, &come(3, &[]));
    assert_eq!(said(log), ["+a/s1", "+b/s1", "+a/s2", "-a/s1", "-b/s1", "+a/s3", "+b/s3"]);
}

fn a_holder_has_its_own_only<L: Log + Presence>(log: &L) {
    attend(log, &come(1, &[arrival("s1", &["a"])]));
    assert_eq!(attend(log, &leave(2, &["s1"])).held, 0);
    attend(log, &release(2, &["s1"], Duration::ZERO));
    attend(log, &naming(&[], come(2, &[])));
    assert_eq!((all(log), attend(log, &come(1, &[])).held), (owned(&["/hub/a/s1"]), 1));
}

fn a_holder_that_names_all_ends_the_rest<L: Log + Presence>(log: &L) {
    attend(log, &come(1, &[arrival("s1", &["a"]), arrival("s2", &["a"])]));
    attend(log, &come(2, &[arrival("s3", &["a"])]));
    let changes = naming(&["s2", "s4", "none"], come(1, &[arrival("s4", &["a"])]));
    assert_eq!(attend(log, &changes).held, 2, "who stays is named, and need not come again");
    assert_eq!(said(log), ["+a/s1", "+a/s2", "+a/s3", "-a/s1", "+a/s4"]);
    let mut changes = come(1, &[arrival("s4", &["a"]), returning("s5", &["a"], "s3", "ticket-s3")]);
    (changes.released, changes.grace) = (owned(&["s2"]), HOUR);
    let changes = naming(&["s4", "s5", "s3", "s2"], changes);
    for _ in 0..2 {
        let attended = attend(log, &changes);
        assert_eq!((attended.back, attended.held), (owned(&["ticket-s5"]), 2));
    }
    assert_eq!(said(log).len(), 5, "who comes back, or may, is not among the rest");
}

fn a_lease_that_is_over_ends_what_was_held_once<L: Log + Presence>(log: &L, lapse: &impl Fn(&L, HolderId)) {
    attend(log, &come(1, &[arrival("s1", &["a"]), arrival("s2", &["a"])]));
    attend(log, &come(2, &[arrival("s3", &["a"])]));
    assert_eq!(attend(log, &come(3, &[])).appended, None, "no lease is over");
    assert!(!now(log.listed("/hub/", "/hub0")).unwrap().over);
    lapse(log, 1);
    assert!(now(log.listed("/hub/", "/hub0")).unwrap().over, "who looks can tell");
    attend(log, &come(2, &[arrival("s4", &["a"])]));
    assert!(!now(log.listed("/hub/", "/hub0")).unwrap().over);
    attend(log, &come(3, &[arrival("s5", &["a"])]));
    let mut said = said(log);
    said[3..5].sort();
    assert_eq!(said[3..5], ["-a/s1", "-a/s2"]);
    assert_eq!(said.iter().filter(|one| one.starts_with("-a/s1") || one.starts_with("-a/s2")).count(), 2);
}

fn a_holder_that_comes_late_finds_out_and_begins_anew<L: Log + Presence>(log: &L, lapse: &impl Fn(&L, HolderId)) {
    attend(log, &come(1, &[arrival("s1", &["a"])]));
    lapse(log, 1);
    assert_eq!(attend(log, &come(1, &[])).held, 1, "nobody has noticed");
    lapse(log, 1);
    attend(log, &come(2, &[]));
    assert_eq!(attend(log, &come(1, &[arrival("s2", &["a"])])).held, 1, "it has two");
    let changes = naming(&["s1", "s2"], come(1, &[arrival("s1", &["a"]), arrival("s2", &["a"])]));
    assert_eq!(attend(log, &changes).held, 2);
    assert_eq!(said(log), ["+a/s1", "-a/s1", "+a/s2", "+a/s1"]);
}

fn a_lease_that_is_over_is_forgotten<L: Log + Presence>(log: &L, lapse: &impl Fn(&L, HolderId)) {
    attend(log, &come(1, &[arrival("s1", &["a"]), arrival("s2", &["a"])]));
    attend(log, &release(1, &["s1"], HOUR));
    lapse(log, 1);
    attend(log, &come(2, &[]));
    assert!(!attend(log, &come(2, &[])).more, "there is nothing more to end");
    assert_eq!(said(log), ["+a/s1", "+a/s2", "-a/s2"]);
}

fn a_renewal_alone_ends_what_is_over<L: Log + Presence>(log: &L, lapse: &impl Fn(&L, HolderId)) {
    attend(log, &come(1, &[arrival("s1", &["a"]), arrival("s2", &["a"])]));
    attend(log, &release(1, &["s1"], Duration::ZERO));
    let (topics, _) = attend(log, &come(2, &[])).appended.unwrap();
    assert_eq!(topics, ["/hub/a/s1"]);
    lapse(log, 1);
    let (topics, _) = attend(log, &come(2, &[])).appended.unwrap();
    assert_eq!(topics, ["/hub/a/s2"]);
}

fn what_is_over_ends_in_bounded_steps<L: Log + Presence>(log: &L, lapse: &impl Fn(&L, HolderId)) {
    let many: Vec<_> = (0..SWEEP + 2).map(|number| arrival(&format!("s{number}"), &["a"])).collect();
    assert_eq!(attend(log, &come(1, &many)).held, SWEEP + 2);
    lapse(log, 1);
    let first = attend(log, &come(2, &[]));
    assert_eq!((first.appended.map(|(topics, _)| topics.len()), first.more), (Some(SWEEP), true));
    assert_eq!(attend(log, &come(1, &[])).held, 2, "it is not told that it lost the rest");
    lapse(log, 1);
    let last = attend(log, &come(2, &[]));
    assert_eq!((last.appended.map(|(topics, _)| topics.len()), last.more), (Some(2), false));
    assert_eq!(all(log), owned(&[]));
}

fn subscriptions_are_listed_by_their_topics<L: Log + Presence>(log: &L) {
    assert_eq!(now(log.listed("/hub/", "/hub0")).unwrap().head, extent(log).end());
    attend(log, &come(1, &[arrival("s2", &["b", "a"]), arrival("s1", &["b", "ba"])]));
    assert_eq!(all(log), ["/hub/a/s2", "/hub/b/s1", "/hub/b/s2", "/hub/ba/s1"]);
    assert_eq!(listed(log, "/hub/b/", "/hub/b0"), ["/hub/b/s1", "/hub/b/s2"]);
    assert_eq!(listed(log, "/hub/b/s1", "/hub/b/s1\u{1}"), ["/hub/b/s1"]);
    assert_eq!(listed(log, "/hub/b/s1\u{1}", "/hub0"), ["/hub/b/s2", "/hub/ba/s1"]);
    assert_eq!(listed(log, "/other/", "/other0"), owned(&[]));
    let listed = now(log.listed("/hub/", "/hub0")).unwrap();
    assert_eq!(
        (listed.head, listed.listings[0].document.as_str()),
        (extent(log).end(), "{\"match\":\"a\",\"active\":")
    );
    let many: Vec<_> = (0..LIST).map(|number| arrival(&format!("t{number}"), &["a"])).collect();
    attend(log, &come(1, &many));
    assert_eq!(all(log).len(), LIST);
}

fn texts_are_kept_byte_for_byte<L: Log + Presence>(log: &L) {
    let name = "\u{1F980}%2F' \\\" {\u{1}~";
    let odd = Arrival { what: "'\"\\ \u{e9}".to_owned(), ..arrival("s'\"\\\u{e9}", &[name]) };
    attend(log, &come(1, std::slice::from_ref(&odd)));
    let listings = now(log.listed("/hub/", "/hub0")).unwrap().listings;
    assert_eq!(listings[0].document, odd.listings[0].document);
    attend(log, &release(1, &[&odd.subscriber], HOUR));
    let back = Some((odd.subscriber.clone(), odd.ticket.clone()));
    let attended = attend(log, &come(2, &[Arrival { back, ..Arrival { ticket: "next".to_owned(), ..odd.clone() } }]));
    assert_eq!(attended.back, ["next"]);
    let wire = after(log, 0).entries[0].wire.clone();
    assert_eq!(
        wire,
        format!("id: #{}-1\nevent: mercure\ndata: {}true}}\n\n", extent(log).epoch, odd.listings[0].document)
    );
}
