//! Who may do what: what a grant covers.

use crate::access::grant::Grant;
use crate::request::refusal::{Challenge, Refusal};
use crate::topic::update::Update;

/// Whether whoever has this grant may publish all of these updates.
///
/// # Errors
///
/// 401 without a grant; 403 that names the first topic it does not cover, be it the canonical one or another.
pub(crate) fn may_publish(grant: Option<&Grant>, updates: &[Update]) -> Result<(), Refusal> {
    let Some(grant) = grant else {
        return Err(Refusal::token(Challenge::Missing, "publishing needs a token: send one as authorization: Bearer"));
    };
    let mut topics = updates.iter().flat_map(Update::topics);
    match topics.find(|topic| !grant.publish.matches(topic.as_str())) {
        Some(topic) => Err(Refusal::token(
            Challenge::InsufficientScope,
            format!("the token does not cover publishing to {:?}: get one that does", topic.as_str()),
        )),
        None => Ok(()),
    }
}

/// Whether whoever has this grant may subscribe at all; `anonymous` lets those without one.
///
/// # Errors
///
/// 401.
pub(crate) fn may_subscribe(grant: Option<&Grant>, anonymous: bool) -> Result<(), Refusal> {
    if anonymous || grant.is_some() {
        return Ok(());
    }
    Err(Refusal::token(
        Challenge::Missing,
        "subscribing needs a token here: send one as authorization: Bearer, or in a cookie",
    ))
}

/// Whether whoever has this grant may be told who follows what: that, as a topic, is to be covered.
///
/// # Errors
///
/// 401 without a grant; 403.
pub(crate) fn may_list(grant: Option<&Grant>, topic: &str) -> Result<(), Refusal> {
    let Some(grant) = grant else {
        return Err(Refusal::token(
            Challenge::Missing,
            "who follows what is told to holders of a token: send one as authorization: Bearer, or in a cookie",
        ));
    };
    if grant.subscribe.matches(topic) {
        return Ok(());
    }
    Err(Refusal::token(
        Challenge::InsufficientScope,
        format!("the token does not cover subscribing to {topic:?}: get one that does"),
    ))
}

/// Whether an update may be read: anyone may read a public one, and a private one who is `granted` one of its topics.
pub(crate) fn may_read(private: bool, granted: impl FnOnce() -> bool) -> bool {
    !private || granted()
}

#[cfg(test)]
mod tests {
    use spin_sse::Event;

    use super::*;
    use crate::topic::selector::Selector;

    fn selector(topics: &[&str]) -> Selector {
        Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap()
    }

    #[track_caller]
    fn publishes(covered: Option<&[&str]>, updates: &[&[&str]], expected: Result<(), (u16, Challenge, &str)>) {
        let grant = covered.map(|topics| Grant::new(selector(topics), Selector::ALL));
        let updates = updates.iter().map(|topics| {
            let update = Update::new(topics[0], Event::new("")).unwrap();
            topics[1..].iter().fold(update, |update, topic| update.also(*topic).unwrap())
        });
        match (may_publish(grant.as_ref(), &updates.collect::<Vec<_>>()), expected) {
            (Ok(()), Ok(())) => {}
            (Err(refusal), Err((status, challenge, sentence))) => {
                assert_eq!((refusal.status.as_u16(), refusal.challenge), (status, Some(challenge)));
                assert!(refusal.reason.contains(sentence), "{refusal}");
            }
            (result, expected) => panic!("{result:?} is not {expected:?}"),
        }
    }

    #[test]
    fn who_follows_what_is_for_who_may_subscribe_to_that() {
        let topic = "/.well-known/mercure/subscriptions/exact/a";
        let refused = may_list(None, topic).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.challenge), (401, Some(Challenge::Missing)));
        let grant = |topics: &[&str]| {
            let subscribe = Selector::new(topics.iter().map(|topic| (*topic).to_owned())).unwrap();
            Grant::new(Selector::ALL, subscribe)
        };
        let refused = may_list(Some(&grant(&["/.well-known/mercure/subscriptions", "a"])), topic).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.challenge), (403, Some(Challenge::InsufficientScope)));
        for covers in [topic, "*"] {
            assert_eq!(may_list(Some(&grant(&[covers])), topic), Ok(()));
        }
    }

    #[test]
    fn publishing_needs_a_grant_for_every_topic_of_every_update() {
        publishes(Some(&["a", "b"]), &[&["a"], &["b", "a"]], Ok(()));
        publishes(Some(&["*"]), &[&["a", "b"]], Ok(()));
        publishes(None, &[&["a"]], Err((401, Challenge::Missing, "publishing needs a token")));
        publishes(Some(&[]), &[&["a"]], Err((403, Challenge::InsufficientScope, r#"publishing to "a""#)));
        publishes(Some(&["a"]), &[&["a", "b"]], Err((403, Challenge::InsufficientScope, r#"publishing to "b""#)));
        publishes(
            Some(&["a"]),
            &[&["a"], &["a"], &["c"]],
            Err((403, Challenge::InsufficientScope, r#"publishing to "c""#)),
        );
    }

    #[test]
    fn a_private_update_needs_a_grant() {
        assert!(may_read(false, || false) && may_read(true, || true) && !may_read(true, || false));
    }

    #[test]
    fn subscribing_without_a_token_is_for_the_hub_to_allow() {
        let grant = Grant::new(Selector::none(), Selector::none());
        assert_eq!(may_subscribe(None, true), Ok(()));
        assert_eq!(may_subscribe(Some(&grant), false), Ok(()));
        let refusal = may_subscribe(None, false).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.challenge), (401, Some(Challenge::Missing)));
    }
}
