//! What a subscriber follows, and the updates and documents that say so.

use std::fmt::Write;
use std::rc::Rc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::log::presence::Listing;
use crate::request::json::quoted;

/// What RFC 6570 encodes in a simple expansion: everything but the unreserved characters.
const VARIABLE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A matcher of a subscriber: a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Follow {
    /// `exact` or another type.
    pub(crate) match_type: &'static str,
    /// The matcher.
    pub(crate) matcher: String,
    /// What the token says of it, a JSON text.
    pub(crate) payload: Option<Rc<str>>,
}

/// All that a subscriber follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Follows {
    /// The topic of all subscriptions.
    root: String,
    follows: Vec<Follow>,
}

/// A text as a segment of a path.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, VARIABLE).to_string()
}

impl Follows {
    /// Of the subscriber of a hub with this path.
    pub(crate) fn new(hub: &str, follows: Vec<Follow>) -> Follows {
        Follows { root: format!("{}/subscriptions", hub.trim_end_matches('/')), follows }
    }

    /// How many subscriptions it takes.
    pub(crate) fn count(&self) -> usize {
        self.follows.len()
    }

    /// A text that is the same for who follows the same, with the same payloads.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.root);
        for Follow { match_type, matcher, payload } in &self.follows {
            // None of them but a payload may be empty or has a line break.
            for text in ["\n", match_type, "\n", matcher, "\n", payload.as_deref().unwrap_or_default()] {
                hash.update(text);
            }
        }
        let mut digest = String::new();
        for byte in hash.finalize().iter().take(16) {
            // A text takes all that is written.
            let _ = write!(digest, "{byte:02x}");
        }
        digest
    }

    /// The subscriptions of a subscriber with this id.
    pub(crate) fn listings(&self, subscriber: &str) -> Vec<Listing> {
        let listing = |Follow { match_type, matcher, payload }: &Follow| {
            let topic = format!("{}/{}/{}/{}", self.root, segment(match_type), segment(matcher), segment(subscriber));
            let payload = payload.as_ref().map_or(String::new(), |payload| {
                // A text in JSON has no line break; what is between two has no meaning.
                format!(r#""payload":{},"#, payload.replace(['\n', '\r'], " "))
            });
            let document = format!(
                r#"{{"id":{},"type":"subscription","match_type":{},"match":{},"subscriber":{},{payload}"active":"#,
                quoted(&topic),
                quoted(match_type),
                quoted(matcher),
                quoted(subscriber),
            );
            Listing { topic, document }
        };
        self.follows.iter().map(listing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::json::Json;

    const SUBSCRIBER: &str = "urn:uuid:bb3de268-05b0-4c65-b44e-8f9acefc29d6";

    fn follow(match_type: &'static str, matcher: &str, payload: Option<&str>) -> Follow {
        Follow { match_type, matcher: matcher.to_owned(), payload: payload.map(Rc::from) }
    }

    fn listing(follow: Follow) -> Listing {
        Follows::new("/.well-known/mercure", vec![follow]).listings(SUBSCRIBER).remove(0)
    }

    #[test]
    fn the_topic_of_a_subscription_is_as_in_the_protocol() {
        let listing = listing(follow("urlpattern", "https://example.com/:selector", Some(r#"{"foo": "bar"}"#)));
        let topic = "/.well-known/mercure/subscriptions/urlpattern/https%3A%2F%2Fexample.com%2F%3Aselector/\
            urn%3Auuid%3Abb3de268-05b0-4c65-b44e-8f9acefc29d6";
        assert_eq!(listing.topic, topic);
        let expected = format!(
            r#"{{"id":"{topic}","type":"subscription","match_type":"urlpattern","match":"https://example.com/:selector","subscriber":"{SUBSCRIBER}","payload":{{"foo": "bar"}},"active":true}}"#
        );
        assert_eq!(listing.document(true), expected);
    }

    #[test]
    fn a_variable_is_encoded_once() {
        for (matcher, encoded) in
            [("*", "%2A"), ("a b%20é", "a%20b%2520%C3%A9"), ("-._~aZ9", "-._~aZ9"), ("{'()!}", "%7B%27%28%29%21%7D")]
        {
            let topic = listing(follow("exact", matcher, None)).topic;
            assert_eq!(topic.split('/').nth(5), Some(encoded));
        }
    }

    #[test]
    fn a_document_is_json_on_one_line_whatever_is_in_it() {
        let listing = listing(follow("exact", "a\"\\\u{e9}\u{7f}", Some("{\n\"a\":\r\n\"\\n\"}")));
        let document = listing.document(false);
        assert!(!document.contains(['\n', '\r']));
        let json = Json::read(document.as_bytes()).unwrap();
        assert_eq!(json.get("match"), Some(&Json::Text("a\"\\\u{e9}\u{7f}".to_owned())));
        assert_eq!(json.get("payload").unwrap().get("a"), Some(&Json::Text("\n".to_owned())));
        assert!(document.ends_with("\"active\":false}"));
    }

    #[test]
    fn who_follows_something_else_or_with_another_payload_has_another_digest() {
        let digest = |hub: &str, follows: &[(&'static str, &str, Option<&str>)]| {
            let follows = follows.iter().map(|(kind, matcher, payload)| follow(kind, matcher, *payload)).collect();
            Follows::new(hub, follows).digest()
        };
        let digests = [
            digest("/h", &[("exact", "a", None)]),
            digest("/g", &[("exact", "a", None)]),
            digest("/h", &[("exact", "b", None)]),
            digest("/h", &[("urlpattern", "a", None)]),
            digest("/h", &[("exact", "a", Some("{}"))]),
            digest("/h", &[("exact", "a", None), ("exact", "b", None)]),
            digest("/h", &[("exact", "ab", None)]),
        ];
        for (at, one) in digests.iter().enumerate() {
            assert_eq!(digests.iter().position(|other| other == one), Some(at));
        }
        assert_eq!(digests[0], digest("/h", &[("exact", "a", None)]));
        assert_eq!(digests[0].len(), 32);
    }
}
