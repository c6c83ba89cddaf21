//! What a token allows, from its claims.

use crate::request::json::Json;
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
}

impl Grant {
    /// Reads the claim `mercure`, with the lists `publish` and `subscribe`, and the claim `authorization_details` of
    /// the Mercure protocol; a token with both allows what either says, one with neither allows nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidClaim`]: whatever a claim says that the hub cannot follow makes the whole token invalid. To
    /// follow the rest would be to grant something else than its issuer said.
    pub(crate) fn from_claims(claims: &Json, expires: Option<u64>) -> Result<Grant, InvalidClaim> {
        let mut topics = Topics::default();
        if let Some(mercure) = claims.get("mercure") {
            topics.add_mercure(mercure).ok_or(InvalidClaim("mercure"))?;
        }
        if let Some(details) = claims.get("authorization_details") {
            for detail in details.as_list().ok_or(DETAILS)? {
                topics.add_detail(detail).ok_or(DETAILS)?;
            }
        }
        let selector =
            |topics: Vec<String>| Selector::new(topics).map_err(|_| InvalidClaim("mercure or authorization_details"));
        Ok(Grant { publish: selector(topics.publish)?, subscribe: selector(topics.subscribe)?, expires })
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
}

impl Topics {
    fn add_mercure(&mut self, mercure: &Json) -> Option<()> {
        if !mercure.is_object() {
            return None;
        }
        for (name, topics) in [("publish", &mut self.publish), ("subscribe", &mut self.subscribe)] {
            // Issuers that have nothing to list write null.
            if let Some(listed) = mercure.get(name).filter(|listed| **listed != Json::Null) {
                topics.extend(texts(listed)?);
            }
        }
        Some(())
    }

    fn add_detail(&mut self, detail: &Json) -> Option<()> {
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
        Selector::new(topics.clone()).ok()?;
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
        Grant::from_claims(&Json::read(claims.as_bytes()).unwrap(), None)
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
