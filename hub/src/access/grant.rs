//! What a token allows, from its claims.

use std::rc::Rc;

use crate::request::json::{self, Json};
use crate::topic::selector::Selector;

const DETAIL: &str = "https://mercure.rocks/authorization-detail";
const DETAILS: InvalidClaim = InvalidClaim("authorization_details");

/// What a token allows, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The topics it may publish to.
    pub publish: Selector,
    /// The topics whose private updates it may read.
    pub subscribe: Selector,
    /// The unix second at which it ends.
    pub expires: Option<u64>,
    /// What its issuer says about its subscriptions; nothing, if there is no payload.
    pub(crate) details: Vec<Detail>,
}

/// What an issuer says about the subscriptions to some topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Detail {
    topics: Selector,
    /// The text of a JSON value, as it is in the token.
    payload: Option<Rc<str>>,
}

impl Grant {
    /// A grant without an end.
    pub fn new(publish: Selector, subscribe: Selector) -> Grant {
        Grant { publish, subscribe, expires: None, details: Vec::new() }
    }

    /// The same, until this unix second.
    #[must_use]
    pub fn until(self, expires: impl Into<Option<u64>>) -> Grant {
        Grant { expires: expires.into(), ..self }
    }

    #[cfg_attr(not(test), allow(dead_code, reason = "what subscription events will tell"))]
    /// The payload of a subscription that has this text as its matcher: a JSON text. The first detail that matches it
    /// counts, also if it has none.
    pub(crate) fn payload(&self, matcher: &str) -> Option<Rc<str>> {
        self.details.iter().find(|detail| detail.topics.matches(matcher))?.payload.clone()
    }

    /// Reads the claim `mercure`, with the lists `publish` and `subscribe`, and the claim `authorization_details` of
    /// the Mercure protocol; a token with both allows what either says, one with neither allows nothing. For issuers
    /// whose claims must have the name of a URL, `mercure` is `https://mercure.rocks/`, which goes first.
    ///
    /// `text` is what the claims were read from.
    ///
    /// # Errors
    ///
    /// [`InvalidClaim`]: whatever a claim says that the hub cannot follow makes the whole token invalid. To
    /// follow the rest would be to grant something else than its issuer said.
    pub(crate) fn from_claims(claims: &Json, text: &str, expires: Option<u64>) -> Result<Grant, InvalidClaim> {
        let mut topics = Topics::default();
        topics.add_details(claims, text)?;
        for name in ["https://mercure.rocks/", "mercure"] {
            if let Some(mercure) = claims.get(name) {
                let text = json::text_of(claims, text, name).unwrap_or_default();
                topics.add_mercure(mercure, text).ok_or(InvalidClaim(name))?;
                break;
            }
        }
        topics.grant(expires)
    }

    /// Reads the claim `authorization_details` alone.
    ///
    /// # Errors
    ///
    /// As [`from_claims`](Grant::from_claims).
    pub(crate) fn from_details(claims: &Json, text: &str, expires: Option<u64>) -> Result<Grant, InvalidClaim> {
        let mut topics = Topics::default();
        topics.add_details(claims, text)?;
        topics.grant(expires)
    }
}

/// The claim of this name is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidClaim(pub &'static str);

/// The topics that the claims list, as far as they were read; `None` from its methods is a claim that cannot be
/// followed.
#[derive(Default)]
struct Topics {
    publish: Vec<String>,
    subscribe: Vec<String>,
    details: Vec<Detail>,
}

impl Topics {
    fn grant(self, expires: Option<u64>) -> Result<Grant, InvalidClaim> {
        let selector =
            |topics: Vec<String>| Selector::new(topics).map_err(|_| InvalidClaim("mercure or authorization_details"));
        let Topics { publish, subscribe, mut details } = self;
        if details.iter().all(|detail| detail.payload.is_none()) {
            details = Vec::new();
        }
        Ok(Grant { publish: selector(publish)?, subscribe: selector(subscribe)?, expires, details })
    }

    fn add_mercure(&mut self, mercure: &Json, text: &str) -> Option<()> {
        if !mercure.is_object() {
            return None;
        }
        for (name, topics) in [("publish", &mut self.publish), ("subscribe", &mut self.subscribe)] {
            // Issuers that have nothing to list write null.
            if let Some(listed) = mercure.get(name).filter(|listed| **listed != Json::Null) {
                topics.extend(texts(listed)?);
            }
        }
        // For all subscriptions that no detail has said something about.
        if let Some(payload) = json::text_of(mercure, text, "payload").filter(|text| *text != "null") {
            self.details.push(Detail { topics: Selector::ALL, payload: Some(payload.into()) });
        }
        Some(())
    }

    fn add_details(&mut self, claims: &Json, text: &str) -> Result<(), InvalidClaim> {
        let Some(details) = claims.get("authorization_details") else { return Ok(()) };
        let text = json::text_of(claims, text, "authorization_details").unwrap_or_default();
        for (detail, text) in details.as_list().ok_or(DETAILS)?.iter().zip(json::parts(text)) {
            self.add_detail(detail, text).ok_or(DETAILS)?;
        }
        Ok(())
    }

    fn add_detail(&mut self, detail: &Json, text: &str) -> Option<()> {
        if detail.get("type")?.as_str()? != DETAIL {
            // What it allows is for others to know.
            return Some(());
        }
        let actions = texts(detail.get("actions")?).filter(|actions| !actions.is_empty())?;
        let topics = detail.get("topics")?.as_list().filter(|topics| !topics.is_empty())?;
        let topics = topics.iter().map(matched).collect::<Option<Vec<_>>>()?;
        if detail.get("payload").is_some_and(|payload| !payload.is_object()) {
            return None;
        }
        // Also when none of its actions is known: it has to be valid all the same.
        let selector = Selector::new(topics.clone()).ok()?;
        if actions.iter().any(|action| action == "subscribe") {
            let payload = json::text_of(detail, text, "payload").map(Rc::from);
            self.details.push(Detail { topics: selector, payload });
        }
        for action in actions {
            match &*action {
                "publish" => self.publish.extend(topics.iter().cloned()),
                "subscribe" => self.subscribe.extend(topics.iter().cloned()),
                // Actions of later versions of the protocol grant nothing, and harm nothing.
                _ => {}
            }
        }
        Some(())
    }
}

fn texts(list: &Json) -> Option<Vec<String>> {
    list.as_list()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

/// The topic that a topic matcher matches. `*` is every topic whatever its type, also one that is not supported.
fn matched(matcher: &Json) -> Option<String> {
    let topic = matcher.get("match")?.as_str()?;
    match matcher.get("match_type").map(Json::as_str) {
        None | Some(Some("exact")) => Some(topic.to_owned()),
        Some(Some(_)) if topic == "*" => Some(topic.to_owned()),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(claims: &str) -> Result<Grant, InvalidClaim> {
        Grant::from_claims(&Json::read(claims.as_bytes()).unwrap(), claims, None)
    }

    #[track_caller]
    fn grants(claims: &str, publish: &[&str], subscribe: &[&str]) {
        let grant = read(claims).unwrap();
        assert_eq!(grant.publish.topics().collect::<Vec<_>>(), publish);
        assert_eq!(grant.subscribe.topics().collect::<Vec<_>>(), subscribe);
    }

    #[track_caller]
    fn invalid(claims: &str) {
        let Err(InvalidClaim(_)) = read(claims) else { panic!("{claims}") };
    }

    fn detail(members: &str) -> String {
        format!(r#"{{"authorization_details":[{{"type":"https://mercure.rocks/authorization-detail",{members}}}]}}"#)
    }

    #[test]
    fn the_claim_mercure_lists_topics() {
        grants(r#"{"mercure":{"publish":["a"],"subscribe":["b","*"]}}"#, &["a"], &["*"]);
        grants(r#"{"mercure":{"publish":["b","a"],"payload":{"x":1}}}"#, &["a", "b"], &[]);
        grants(r#"{"mercure":{"publish":null,"subscribe":[]}}"#, &[], &[]);
        grants(r#"{"mercure":{"subscribe":["https://example.com/{id}"]}}"#, &[], &["https://example.com/{id}"]);
    }

    #[test]
    fn a_token_without_these_claims_allows_nothing() {
        grants("{}", &[], &[]);
        grants(r#"{"scope":"publish","publish":["a"]}"#, &[], &[]);
        grants(r#"{"mercure":{}}"#, &[], &[]);
        grants(r#"{"authorization_details":[]}"#, &[], &[]);
        grants(r#"{"authorization_details":[{"type":"other","actions":1}]}"#, &[], &[]);
    }

    #[test]
    fn details_list_actions_and_topics() {
        grants(&detail(r#""actions":["publish"],"topics":[{"match":"a"}]"#), &["a"], &[]);
        grants(
            &detail(
                r#""actions":["subscribe","publish","x"],"topics":[{"match":"a","match_type":"exact"},{"match":"b"}],"payload":{}"#,
            ),
            &["a", "b"],
            &["a", "b"],
        );
        grants(&detail(r#""actions":["x"],"topics":[{"match":"a"}]"#), &[], &[]);
        grants(&detail(r#""actions":["subscribe"],"topics":[{"match":"*","match_type":"urlpattern"}]"#), &[], &["*"]);
    }

    #[test]
    fn both_claims_add_up() {
        let details = detail(r#""actions":["publish"],"topics":[{"match":"b"}]"#);
        grants(&details.replacen('{', r#"{"mercure":{"publish":["a"]},"#, 1), &["a", "b"], &[]);
    }

    #[test]
    fn the_claim_with_the_name_of_a_url_goes_before_the_other() {
        grants(r#"{"https://mercure.rocks/":{"publish":["a"]}}"#, &["a"], &[]);
        grants(
            r#"{"mercure":{"publish":["b"],"subscribe":["b"]},"https://mercure.rocks/":{"publish":["a"]}}"#,
            &["a"],
            &[],
        );
        invalid(r#"{"mercure":{"publish":["b"]},"https://mercure.rocks/":null}"#);
        invalid(r#"{"https://mercure.rocks/":{"publish":"a"}}"#);
        grants(r#"{"https://mercure.rocks":{"publish":["a"]}}"#, &[], &[]);
    }

    #[test]
    fn the_first_detail_that_matches_a_subscription_has_its_payload() {
        let detail = |actions: &str, topic: &str, payload: &str| {
            format!(
                r#"{{"type":"https://mercure.rocks/authorization-detail","actions":[{actions}],"topics":[{{"match":"{topic}"}}]{payload}}}"#
            )
        };
        let claims = format!(
            r#"{{"mercure":{{"subscribe":["m"],"payload":[1.50]}},"authorization_details": [ {}, {} ,{},{},{}] }}"#,
            detail(r#""publish""#, "p", r#","payload":{"no":1}"#),
            detail(r#""subscribe""#, "a,]}\\\"", r#","payload": {"\u00e9,\\": [1e2, 12345678901234567890.10]} "#),
            detail(r#""subscribe""#, "b", ""),
            detail(r#""x","subscribe""#, "b", r#","payload":{"second":1}"#),
            r#"{"type":"other","payload":{"other":1}}"#,
        );
        let grant = read(&claims).unwrap();
        let payload = |matcher: &str| grant.payload(matcher).map(|payload| payload.to_string());
        assert_eq!(payload("a,]}\"").as_deref(), Some(r#"{"\u00e9,\\": [1e2, 12345678901234567890.10]}"#));
        assert_eq!(payload("b"), None);
        // That of the older claim is for what is left.
        assert_eq!((payload("p").as_deref(), payload("m").as_deref()), (Some("[1.50]"), Some("[1.50]")));
        let default = format!(r#"{{"authorization_details":[{}]}}"#, detail(r#""subscribe""#, "*", r#","payload":{}"#));
        assert_eq!(read(&default).unwrap().payload("anything").as_deref(), Some("{}"));
    }

    #[test]
    fn without_a_payload_nothing_is_kept_for_it() {
        let claims = detail(r#""actions":["subscribe"],"topics":[{"match":"a"}]"#);
        assert!(read(&claims).unwrap().details.is_empty());
        assert!(read(r#"{"mercure":{"subscribe":["a"],"payload":null}}"#).unwrap().details.is_empty());
    }

    #[test]
    fn a_claim_that_cannot_be_followed_makes_the_token_invalid() {
        for mercure in [
            "null",
            "[]",
            "\"*\"",
            r#"{"publish":"*"}"#,
            r#"{"publish":{}}"#,
            r#"{"subscribe":["a",1]}"#,
            r#"{"publish":[""]}"#,
            r#"{"publish":["a\n"]}"#,
        ] {
            invalid(&format!(r#"{{"mercure":{mercure}}}"#));
        }
        for details in ["null", "{}", "[1]", "[{}]", r#"[{"type":1}]"#] {
            invalid(&format!(r#"{{"authorization_details":{details}}}"#));
        }
        for members in [
            r#""actions":["publish"]"#,
            r#""topics":[{"match":"a"}]"#,
            r#""actions":[],"topics":[{"match":"a"}]"#,
            r#""actions":["publish",1],"topics":[{"match":"a"}]"#,
            r#""actions":"publish","topics":[{"match":"a"}]"#,
            r#""actions":["publish"],"topics":[]"#,
            r#""actions":["publish"],"topics":["a"]"#,
            r#""actions":["publish"],"topics":[{"match":1}]"#,
            r#""actions":["publish"],"topics":[{"match":""}]"#,
            r#""actions":["publish"],"topics":[{"match":"a"},{"match_type":"exact"}]"#,
            r#""actions":["publish"],"topics":[{"match":"a"},{"match":"b","match_type":"urlpattern"}]"#,
            r#""actions":["publish"],"topics":[{"match":"a","match_type":"Exact"}]"#,
            r#""actions":["publish"],"topics":[{"match":"a","match_type":null}]"#,
            r#""actions":["publish"],"topics":[{"match":"*","match_type":1}]"#,
            r#""actions":["publish"],"topics":[{"match":"a"}],"payload":1"#,
            r#""actions":["x"],"topics":[{"match":"a\u200b"}]"#,
        ] {
            invalid(&detail(members));
        }
        let good =
            r#"{"type":"https://mercure.rocks/authorization-detail","actions":["publish"],"topics":[{"match":"a"}]}"#;
        invalid(&format!(
            r#"{{"authorization_details":[{good},{{"type":"https://mercure.rocks/authorization-detail"}}]}}"#
        ));
    }

    #[test]
    fn a_token_lists_at_most_100_topics_for_each_action() {
        let list = |count: usize| (0..count).map(|number| format!("\"{number}\"")).collect::<Vec<_>>().join(",");
        assert!(read(&format!(r#"{{"mercure":{{"publish":[{0}],"subscribe":[{0}]}}}}"#, list(100))).is_ok());
        invalid(&format!(r#"{{"mercure":{{"publish":[{}]}}}}"#, list(101)));
    }
}
