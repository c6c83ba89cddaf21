//! What the subscription API can be asked for, and what it answers.

use percent_encoding::percent_decode_str;

use crate::log::presence::Listing;
use crate::presence::follows::segment;
use crate::request::json::quoted;
use crate::topic::reserved::path_of;

/// How long the document of a collection is at most, about. Strangers choose how long those of subscriptions are, up to
/// some KB, and all of it is in the memory of the instance.
const MOST: usize = 4 * 1_024 * 1_024;

/// Subscriptions: all, those of a matcher, or one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// The topic to authorize: the path, as it was asked for.
    pub(crate) topic: String,
    /// The topics of its subscriptions are from this one on, and before the other.
    pub(crate) range: (String, String),
    /// Whether it is one subscription.
    pub(crate) is_one: bool,
    /// The path of the hub.
    pub(crate) hub: String,
}

impl Resource {
    /// Whether a path is one of the API, and not the hub's own. There may be nothing at it.
    pub(crate) fn is_in_api(path: &str, hub_url: Option<&str>) -> bool {
        hub_url.map(path_of) != Some(path) && path.split('/').any(|segment| segment == "subscriptions")
    }

    /// Which one has this path; `None` for what is none. Where the hub's URL is known, its path takes the place of that
    /// which the request has.
    ///
    /// The specification, "Subscription API": the path of the hub's URL, followed by `/subscriptions`,
    /// `/subscriptions/{match_type}/{match}` or `/subscriptions/{match_type}/{match}/{subscriber}`.
    pub(crate) fn find(path: &str, hub_url: Option<&str>) -> Option<Resource> {
        let known = hub_url.map(path_of);
        let mut ends = vec![];
        let mut end = path.len();
        while let Some(slash) = path.get(..end).and_then(|path| path.rfind('/')) {
            ends.push(slash);
            end = slash;
            if ends.len() == 4 {
                break;
            }
        }
        // A matcher may be called `subscriptions`, too: the longest counts.
        let is_root = |slash: usize, rest: usize| {
            let rest_of_path = path.get(slash..).unwrap_or_default();
            let mut segments = rest_of_path.split('/').skip(1);
            segments.next() == Some("subscriptions")
                && segments.clone().count() == rest
                && segments.all(|segment| !segment.is_empty())
        };
        let (slash, rest) = [(3, 3), (2, 2), (0, 0)]
            .into_iter()
            .filter_map(|(place, rest)| Some((*ends.get(place)?, rest)))
            .find(|(slash, rest)| is_root(*slash, *rest))?;
        let (before, below) = path.split_at_checked(slash)?;
        let hub = known.unwrap_or(before);
        let mut topic = format!("{hub}/subscriptions");
        for text in below.split('/').skip(2) {
            // As the hub writes it, whatever the client encodes.
            let text = percent_decode_str(text).decode_utf8().ok()?;
            topic.push('/');
            topic.push_str(&segment(&text));
        }
        let is_one = rest == 3;
        let range = match is_one {
            // No topic has such a character.
            true => (topic.clone(), format!("{topic}\u{1}")),
            // What follows `/`.
            false => (format!("{topic}/"), format!("{topic}0")),
        };
        Some(Resource { topic: format!("{hub}{below}"), range, is_one, hub: hub.to_owned() })
    }

    /// The document of a collection, up to its subscriptions, which [`add`] adds. `]}` ends it.
    pub(crate) fn document(&self) -> String {
        format!(r#"{{"id":{},"type":"subscriptions","subscriptions":["#, quoted(&self.topic))
    }
}

/// Adds subscriptions to the document of a collection. Returns whether there is room for more.
pub(crate) fn add(document: &mut String, listings: &[Listing]) -> bool {
    for listing in listings {
        if document.len().saturating_add(listing.document.len()) > MOST {
            return false;
        }
        if !document.ends_with('[') {
            document.push(',');
        }
        document.push_str(&listing.document);
        document.push_str("true}");
    }
    true
}

/// What follows the last of these subscriptions.
pub(crate) fn next(listings: &[Listing]) -> Option<String> {
    listings.last().map(|listing| format!("{}\u{1}", listing.topic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(path: &str, topic: &str, first: &str, end: &str) {
        let found = Resource::find(path, None).unwrap();
        let range = (first.to_owned(), end.to_owned());
        assert_eq!((found.topic.as_str(), found.range), (topic, range));
    }

    #[test]
    fn all_those_of_a_matcher_and_one_can_be_asked_for() {
        is("/hub/subscriptions", "/hub/subscriptions", "/hub/subscriptions/", "/hub/subscriptions0");
        is(
            "/hub/subscriptions/exact/a%2Fb",
            "/hub/subscriptions/exact/a%2Fb",
            "/hub/subscriptions/exact/a%2Fb/",
            "/hub/subscriptions/exact/a%2Fb0",
        );
        is(
            "/a/b/subscriptions/exact/*/urn:uuid:1",
            "/a/b/subscriptions/exact/*/urn:uuid:1",
            "/a/b/subscriptions/exact/%2A/urn%3Auuid%3A1",
            "/a/b/subscriptions/exact/%2A/urn%3Auuid%3A1\u{1}",
        );
        is("/subscriptions", "/subscriptions", "/subscriptions/", "/subscriptions0");
        is(
            "/h/subscriptions/exact/subscriptions",
            "/h/subscriptions/exact/subscriptions",
            "/h/subscriptions/exact/subscriptions/",
            "/h/subscriptions/exact/subscriptions0",
        );
    }

    #[test]
    fn what_is_something_else_is_none() {
        for path in [
            "/.well-known/mercure",
            "",
            "/",
            "subscriptions",
            "/hub/subscriptions/",
            "/hub/subscriptions/exact",
            "/hub/subscriptions//a",
            "/hub/subscriptions/exact/a/",
            "/hub/subscriptions/exact/a/b/c",
            "/hub/subscriptionsx",
            "/hub/subscriptions/exact/%FF",
        ] {
            assert_eq!(Resource::find(path, None), None, "{path}");
        }
    }

    #[test]
    fn the_path_of_the_hubs_url_takes_the_place_of_the_requests() {
        let found = Resource::find("/inside/subscriptions/exact/a", Some("https://h/outside/")).unwrap();
        assert_eq!((found.topic.as_str(), found.hub.as_str()), ("/outside/subscriptions/exact/a", "/outside"));
        assert_eq!(found.range.0, "/outside/subscriptions/exact/a/");
        assert!(!Resource::is_in_api("/x/subscriptions", Some("https://h/x/subscriptions")), "this is the hub");
        assert!(Resource::is_in_api("/x/subscriptions", None) && Resource::is_in_api("/x/subscriptions/a", None));
        assert!(!Resource::is_in_api("/x/subscription", None));
    }

    fn listing(name: &str) -> Listing {
        Listing { topic: name.to_owned(), document: format!(r#"{{"id":"{name}","active":"#) }
    }

    #[test]
    fn a_collection_lists_the_documents_of_the_updates() {
        let mut document = Resource::find("/h/subscriptions", None).unwrap().document();
        assert!(add(&mut document, &[]));
        assert_eq!(document, r#"{"id":"/h/subscriptions","type":"subscriptions","subscriptions":["#);
        assert!(add(&mut document, &[listing("a"), listing("b")]) && add(&mut document, &[listing("c")]));
        let listed = r#"[{"id":"a","active":true},{"id":"b","active":true},{"id":"c","active":true}"#;
        assert!(document.ends_with(listed), "{document}");
    }

    #[test]
    fn a_collection_has_4_mib_of_subscriptions_at_most() {
        for length in [100, 9_000, 100_000] {
            let mut document = Resource::find("/h/subscriptions", None).unwrap().document();
            let page = vec![listing(&"x".repeat(length)); 50];
            while add(&mut document, &page) {
                assert!(document.len() < MOST);
            }
            let room = MOST.saturating_sub(document.len());
            assert!(room < page[0].document.len() && document.len() < MOST + 10, "{room}");
            assert!(document.ends_with(r#"x","active":true}"#));
        }
    }
}
