use crate::pattern::tests::verbs::{base, matches, matches_not, refused, url_pattern};
use crate::pattern::{Base, Kind, Parsed, Pattern};

#[test]
fn a_named_group_matches_one_segment() {
    let books = url_pattern("https://example.com/books/:id");
    matches(
        &books,
        &["https://example.com/books/1", "HTTPS://EXAMPLE.com:443/books/é", "https://u:p@example.com/books/1?a#b"],
    );
    matches_not(
        &books,
        &["https://example.com/books/", "https://example.com/books/1/2", "https://example.com/Books/1"],
    );
    matches_not(
        &books,
        &["http://example.com/books/1", "https://example.com:8443/books/1", "https://example.org/books/1"],
    );
    matches(
        &books,
        &["https://example.com/x/../books/1", r"https:\\example.com\books\1", "https://%65xample.com/books/1"],
    );
}

#[test]
fn wildcards_and_modifiers_repeat() {
    matches(&url_pattern("https://*.example.com/*"), &["https://a.b.example.com/", "https://.example.com/x/y"]);
    matches_not(&url_pattern("https://*.example.com/*"), &["https://example.com/"]);
    matches(&url_pattern("https://h/a{/:b}?"), &["https://h/a", "https://h/a/1"]);
    matches(&url_pattern("https://h/a/:b*"), &["https://h/a", "https://h/a/1", "https://h/a/1/2"]);
    matches_not(&url_pattern("https://h/a/:b*"), &["https://h/a/", "https://h/a//1"]);
    matches(&url_pattern("https://h/a/:b+"), &["https://h/a/1", "https://h/a/1/2"]);
    matches_not(&url_pattern("https://h/a/:b+"), &["https://h/a"]);
    matches(&url_pattern("https://h{.x}?/{x:a}+{y}*"), &["https://h/x1x2", "https://h/x1yy"]);
    matches(&url_pattern("http{s}?://h/"), &["http://h", "https://h"]);
    matches(&url_pattern("*://*/*"), &["http://h", "foo://h/a"]);
}

#[test]
fn what_is_relative_is_so_to_the_hub() {
    let subscriptions = url_pattern("/.well-known/mercure/subscriptions/exact/:topic/:subscriber");
    matches(&subscriptions, &["/.well-known/mercure/subscriptions/exact/a%2Fb/urn%3Auuid%3A1"]);
    matches(&subscriptions, &["https://hub.example:8080/.well-known/mercure/subscriptions/exact/a/b"]);
    matches_not(&subscriptions, &["https://hub.example/.well-known/mercure/subscriptions/exact/a/b"]);
    matches(&url_pattern("chat/:room"), &["chat/1", "/.well-known/chat/1"]);
    matches_not(&url_pattern("chat/:room"), &["/chat/1"]);
    matches(&url_pattern("?x"), &["?x", "mercure?x#f", "/.well-known/mercure?x"]);
    matches(&url_pattern("#f"), &["#f", "?q#f"]);
    matches_not(&url_pattern("#f"), &["?x#f"]);
    matches(&url_pattern("https://hub.example:8080/a"), &["/a"]);
}

#[test]
fn a_pattern_with_a_scheme_does_not_depend_on_the_hub() {
    let books = url_pattern(r"urn\:isbn\:*");
    matches(&books, &["urn:isbn:1", "URN:isbn:1?x"]);
    matches_not(&books, &["urn:issn:1", "isbn:1"]);
    matches(&url_pattern("foo://h/:rest"), &["foo://h/a", "foo://h/a/b"]);
}

#[test]
fn a_topic_that_is_no_url_matches_no_pattern() {
    matches_not(&url_pattern("*://*"), &["https://a b/", "https://h:65536/", "//"]);
    matches(&url_pattern(r"*\:*"), &["https://a/", "urn:x"]);
    // The tables that map these hosts are not compiled in.
    matches_not(&url_pattern("*://*/*"), &["https://é.example/"]);
    matches(&url_pattern("https://xn--9ca.example/*"), &["https://xn--9CA.example/"]);
}

#[test]
fn what_is_no_pattern_is_refused_with_what_to_change() {
    refused("https://h/:", "write \\: for a colon");
    refused("https://h/\\", "ends in a backslash");
    refused("https://h/(", "write \\( for a parenthesis");
    refused("https://h/((a))", "whose own groups begin with (?:");
    refused("https://h/{a", "not closed");
    refused("https://h/{a{b}}", "more than one group");
    refused("https://h/a+", "after what it cannot follow");
    refused("https://h/:a/:a", "two groups of one name");
    refused("https://é.example/", "xn--bcher-kva.example");
    refused("https://a b/", "a host that no URL has");
    refused("https://h:99999/", "up to 65535");
    refused(r"https://[\:\:g]/", "no IPv6 address");
    matches(&url_pattern(r"https://[\:\:1]/"), &["https://[::0:1]/"]);
    refused("a b://h/", "no scheme");
    assert!(Base::parse("ftp://h/").is_none() && Base::parse("h").is_none() && Base::parse("https://é/").is_none());
}

#[test]
fn a_topic_is_tried_on_patterns_of_other_bases() {
    let (hub, other) = (base(), Base::parse("http://other/x/").unwrap());
    let [here, there] = [&hub, &other].map(|base| Pattern::parse(Kind::UrlPattern, "a", base).unwrap());
    let topic = Parsed::new("a");
    assert!(here.matches(&topic) && there.matches(&topic) && here.matches(&topic));
    assert!(!there.matches(&Parsed::new("/a")) && there.matches(&Parsed::new("/x/a")));
    assert!(here != there && here == here.clone() && here == url_pattern("a") && here != url_pattern("b"));
}
