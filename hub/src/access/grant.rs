//! What a token allows, from its claims.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::pattern::{Base, Kind};
use crate::request::json::{self, Json};
use crate::topic::matcher::{MatchType, Matcher};
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

    /// The payload of a subscription that has this text as its matcher: a JSON text. The first detail that matches it
    /// counts, also if it has none.
    pub(crate) fn payload(&self, matcher: &str) -> Option<Rc<str>> {
        self.details.iter().find(|detail| detail.topics.matches(matcher))?.payload.clone()
    }

    /// Reads the claim `mercure`, with the lists `publish` and `subscribe`, and the claim `authorization_details` of
    /// the Mercure protocol; a token with both allows what either says, one with neither allows nothing. For issuers
    /// whose claims must have the name of a URL, `mercure` is `https://mercure.rocks/`, which goes first.
    ///
    /// `text` is what the claims were read from. Relative patterns are resolved against `base`, the hub's URL.
    ///
    /// # Errors
    ///
    /// [`InvalidClaim`]: whatever a claim says that the hub cannot follow makes the whole token invalid. To
    /// follow the rest would be to grant something else than its issuer said.
    pub(crate) fn from_claims(
        claims: &Json,
        text: &str,
        expires: Option<u64>,
        base: Option<&Base>,
    ) -> Result<Grant, InvalidClaim> {
        let mut grant = Grant::from_details(claims, text, expires, base)?;
        for name in ["https://mercure.rocks/", "mercure"] {
            if let Some(mercure) = claims.get(name) {
                let text = json::text_of(claims, text, name).unwrap_or_default();
                grant.add_mercure(mercure, text, base).ok_or(InvalidClaim(name))?;
                break;
            }
        }
        Ok(grant)
    }

    /// Reads the claim `authorization_details` alone.
    ///
    /// # Errors
    ///
    /// As [`from_claims`](Grant::from_claims).
    pub(crate) fn from_details(
        claims: &Json,
        text: &str,
        expires: Option<u64>,
        base: Option<&Base>,
    ) -> Result<Grant, InvalidClaim> {
        let mut grant = Grant::new(Selector::none(), Selector::none()).until(expires);
        if let Some(details) = claims.get("authorization_details") {
            let text = json::text_of(claims, text, "authorization_details").unwrap_or_default();
            for (detail, text) in details.as_list().ok_or(DETAILS)?.iter().zip(json::parts(text)) {
                grant.add_detail(detail, text, base).ok_or(DETAILS)?;
            }
        }
        if grant.details.iter().all(|detail| detail.payload.is_none()) {
            grant.details = Vec::new();
        }
        Ok(grant)
    }

    /// `None` is a claim that cannot be followed.
    fn add_mercure(&mut self, mercure: &Json, text: &str, base: Option<&Base>) -> Option<()> {
        if !mercure.is_object() {
            return None;
        }
        for (name, selector) in [("publish", &mut self.publish), ("subscribe", &mut self.subscribe)] {
            // Issuers that have nothing to list write null.
            if let Some(listed) = mercure.get(name).filter(|listed| **listed != Json::Null) {
                selector.extend(&selected(listed, of_older_hubs, base)?).ok()?;
            }
        }
        // For all subscriptions that no detail has said something about.
        if let Some(payload) = json::text_of(mercure, text, "payload").filter(|text| *text != "null") {
            self.details.push(Detail { topics: Selector::ALL, payload: Some(payload.into()) });
        }
        Some(())
    }

    /// `None` is a detail that cannot be followed.
    fn add_detail(&mut self, detail: &Json, text: &str, base: Option<&Base>) -> Option<()> {
        if detail.get("type")?.as_str()? != DETAIL {
            // What it allows is for others to know.
            return Some(());
        }
        let actions = detail.get("actions")?.as_list().filter(|actions| !actions.is_empty())?;
        let actions = actions.iter().map(Json::as_str).collect::<Option<Vec<_>>>()?;
        // Also when none of its actions is known: it has to be valid all the same.
        let topics = selected(detail.get("topics")?, matcher, base).filter(|topics| !topics.is_empty())?;
        if detail.get("payload").is_some_and(|payload| !payload.is_object()) {
            return None;
        }
        for action in &actions {
            match *action {
                "publish" => self.publish.extend(&topics).ok()?,
                "subscribe" => self.subscribe.extend(&topics).ok()?,
                // Actions of later versions of the protocol grant nothing, and harm nothing.
                _ => {}
            }
        }
        if actions.contains(&"subscribe") {
            let payload = json::text_of(detail, text, "payload").map(Rc::from);
            self.details.push(Detail { topics, payload });
        }
        Some(())
    }
}

/// What a list of matchers selects; `None` when one of them cannot be followed.
fn selected(list: &Json, read: fn(&Json) -> Option<Matcher>, base: Option<&Base>) -> Option<Selector> {
    Selector::of(list.as_list()?.iter().map(read).collect::<Option<Vec<_>>>()?, base).ok()
}

/// An entry of the claim `mercure`: a topic, a URI Template when it has a brace, or an object as in details, which hubs
/// of the first 1.0 alphas read here.
fn of_older_hubs(entry: &Json) -> Option<Matcher> {
    match entry.as_str() {
        Some(text) => Some(Matcher::of_older_hubs(text.to_owned())),
        None => matcher(entry),
    }
}

/// A topic matcher object. `*` is every topic whatever its type, also one that is not supported.
fn matcher(object: &Json) -> Option<Matcher> {
    let text = object.get("match")?.as_str()?;
    let make = match object.get("match_type").map(Json::as_str) {
        None | Some(Some("exact")) => Matcher::Exact,
        Some(Some("urlpattern")) => Matcher::UrlPattern,
        Some(Some(_)) if text == "*" => Matcher::Exact,
        Some(_) => return None,
    };
    Some(make(text.to_owned()))
}

/// The list of the claim `mercure` that makes this selector.
pub(crate) fn claim(selector: &Selector) -> Value {
    let entry = |(kind, text): (MatchType, &str)| match kind {
        MatchType::Exact if !text.contains('{') => text.into(),
        MatchType::Pattern(Kind::UriTemplate) => text.into(),
        kind => json!({ "match": text, "match_type": kind.name() }),
    };
    selector.matchers().map(entry).collect()
}

/// The claim of this name is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidClaim(pub &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(claims: &str) -> Result<Grant, InvalidClaim> {
        Grant::from_claims(&Json::read(claims.as_bytes()).unwrap(), claims, None, None)
    }

    /// Each matcher as its kind and its text, the kind being left out for exact ones.
    fn matchers(selector: &Selector) -> Vec<String> {
        let text = |(kind, text): (MatchType, &str)| match kind {
            MatchType::Exact => text.to_owned(),
            kind => format!("{} {text}", kind.name()),
        };
        selector.matchers().map(text).collect()
    }

    #[track_caller]
    fn grants(claims: &str, publish: &[&str], subscribe: &[&str]) {
        let grant = read(claims).unwrap();
        assert_eq!((&*matchers(&grant.publish), &*matchers(&grant.subscribe)), (&*owned(publish), &*owned(subscribe)));
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
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
        grants(r#"{"mercure":{"publish":["a"],"subscribe":["b","*"]}}"#, &["a"], &["b", "*"]);
        grants(r#"{"mercure":{"publish":["b","a"],"payload":{"x":1}}}"#, &["b", "a"], &[]);
        grants(r#"{"mercure":{"publish":null,"subscribe":[]}}"#, &[], &[]);
    }

    #[test]
    fn an_entry_of_the_claim_mercure_is_a_template_if_it_has_a_brace_or_an_object_with_a_type() {
        grants(
            r#"{"mercure":{"publish":["*"],"subscribe":["https://example.com/{id}","a"]}}"#,
            &["*"],
            &["uritemplate https://example.com/{id}", "a"],
        );
        grants(
            r#"{"mercure":{"publish":[{"match":"{id}"},{"match":"/a","match_type":"exact","payload":{}}]}}"#,
            &["{id}", "/a"],
            &[],
        );
        grants(r#"{"mercure":{"subscribe":[{"match":"/:id","match_type":"urlpattern"}]}}"#, &[], &["urlpattern /:id"]);
        for entry in [r#"{}"#, "null", r#"{"match":1}"#, r#"{"match":"a","match_type":"uritemplate"}"#] {
            invalid(&format!(r#"{{"mercure":{{"subscribe":["a",{entry}]}}}}"#));
        }
    }

    #[test]
    fn a_list_of_the_claim_mercure_is_read_back_as_it_was() {
        let base = Base::parse("https://hub.example/.well-known/mercure");
        let matchers = [
            Matcher::Exact("{id}".to_owned()),
            Matcher::Exact("a".to_owned()),
            Matcher::UrlPattern("/:id".to_owned()),
            Matcher::UriTemplate("https://example.com/{id}".to_owned()),
        ];
        for matchers in [&matchers[..], &[Matcher::UrlPattern("*".to_owned())], &[]] {
            let selector = Selector::of(matchers.iter().cloned(), base.as_ref()).unwrap();
            let claims = json!({ "mercure": { "subscribe": claim(&selector) } }).to_string();
            let json = Json::read(claims.as_bytes()).unwrap();
            let grant = Grant::from_claims(&json, &claims, None, base.as_ref()).unwrap();
            assert_eq!(grant.subscribe, selector);
        }
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
        grants(&detail(r#""actions":["subscribe"],"topics":[{"match":"*","match_type":"x"}]"#), &[], &["*"]);
        grants(
            &detail(r#""actions":["publish"],"topics":[{"match":"/:id","match_type":"urlpattern"},{"match":"{id}"}]"#),
            &["urlpattern /:id", "{id}"],
            &[],
        );
    }

    #[test]
    fn both_claims_add_up() {
        let details = detail(r#""actions":["publish"],"topics":[{"match":"b"}]"#);
        grants(&details.replacen('{', r#"{"mercure":{"publish":["a"]},"#, 1), &["b", "a"], &[]);
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
    fn a_payload_is_for_the_subscriptions_whose_text_its_topics_match_as_if_that_were_a_topic() {
        let detail = |topic: &str, payload: &str| {
            format!(
                r#"{{"type":"https://mercure.rocks/authorization-detail","actions":["subscribe"],"topics":[{topic}],"payload":{payload}}}"#
            )
        };
        // Those of the protocol's example, and a relative one.
        let claims = format!(
            r#"{{"authorization_details":[{},{},{},{}]}}"#,
            detail(r#"{"match":"https://example.com/foo"}"#, r#"{"a":1}"#),
            detail(r#"{"match":"https://example.com/bar/:id","match_type":"urlpattern"}"#, r#"{"b":1}"#),
            detail(r#"{"match":"/books/:id","match_type":"urlpattern"}"#, r#"{"c":1}"#),
            detail(r#"{"match":"*"}"#, r#"{"d":1}"#),
        );
        let base = Base::parse("https://hub.example/.well-known/mercure");
        let json = Json::read(claims.as_bytes()).unwrap();
        let grant = Grant::from_claims(&json, &claims, None, base.as_ref()).unwrap();
        for (matcher, payload) in [
            ("https://example.com/foo", "a"),
            ("https://example.com/bar/:id", "b"),
            ("https://example.com/bar/1", "b"),
            ("https://example.com/bar/{id}", "b"),
            ("https://example.com/bar/:id/x", "d"),
            ("/books/:id", "c"),
            ("https://hub.example/books/:other", "c"),
            ("https://example.com/foo/", "d"),
            ("*", "d"),
        ] {
            assert_eq!(grant.payload(matcher).as_deref(), Some(&*format!(r#"{{"{payload}":1}}"#)), "{matcher}");
        }
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
            r#""actions":["publish"],"topics":[{"match":"a"},{"match":"b","match_type":"uritemplate"}]"#,
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
