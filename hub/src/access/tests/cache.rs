//! When the keys of a set that is elsewhere are fetched.

use super::signer::Signer;
use crate::access::key::Key;
use crate::access::key_cache::{KeyCache, Next};
use crate::access::token::{Mode, Unverified};

const SECOND: u64 = 1_000_000_000;

struct Stage {
    cache: KeyCache,
    signer: Signer,
    /// In seconds.
    now: u64,
}

impl Stage {
    fn new() -> Stage {
        Stage { cache: KeyCache::default(), signer: Signer::ed_dsa(), now: 0 }
    }

    /// What is to be done about a token of the key `id`.
    #[track_caller]
    fn next(&mut self, id: &str, expected: &str) {
        let token = self.signer.token(&format!(r#"{{"alg":"EdDSA","kid":"{id}"}}"#), "{}");
        let token = Unverified::read(&token, Mode::Compatible).unwrap();
        let next = match self.cache.next(&token, self.now * SECOND) {
            Next::Use(keys) => keys.iter().map(|key| key.id.clone().unwrap()).collect(),
            Next::Fetch => "fetch".to_owned(),
            Next::Wait => "wait".to_owned(),
            Next::Unavailable => "unavailable".to_owned(),
        };
        assert_eq!(next, expected);
    }

    fn fetched(&mut self, ids: Option<&str>) {
        let key = |id: char| Key { id: Some(id.to_string()), ..self.signer.key() };
        self.cache.fetched(ids.map(|ids| ids.chars().map(key).collect()), self.now * SECOND);
    }
}

#[test]
fn the_set_is_fetched_once_for_all_who_wait() {
    let mut stage = Stage::new();
    stage.next("a", "fetch");
    stage.next("a", "wait");
    stage.next("b", "wait");
    stage.fetched(Some("ab"));
    stage.next("a", "ab");
    stage.next("b", "ab");
}

#[test]
fn an_unknown_key_has_the_set_fetched_again_at_most_once_a_minute() {
    let mut stage = Stage::new();
    stage.next("a", "fetch");
    stage.fetched(Some("a"));
    stage.next("b", "fetch");
    // Those of known keys do not wait for it.
    stage.next("a", "a");
    stage.next("b", "wait");
    stage.fetched(Some("ab"));
    stage.next("b", "ab");
    for now in [0, 1, 59] {
        stage.now = now;
        stage.next("c", "ab");
    }
    stage.now = 60;
    stage.next("c", "fetch");
    stage.fetched(None);
    stage.next("c", "ab");
    stage.next("b", "ab");
}

#[test]
fn a_set_that_cannot_be_fetched_is_asked_for_again_after_a_second() {
    let mut stage = Stage::new();
    stage.next("a", "fetch");
    stage.fetched(None);
    stage.next("a", "unavailable");
    stage.now = 1;
    stage.next("a", "fetch");
    stage.fetched(Some("a"));
    stage.next("a", "a");
}

#[test]
fn a_set_without_a_key_takes_all_back_and_is_asked_for_again_after_a_second() {
    let mut stage = Stage::new();
    stage.next("a", "fetch");
    stage.fetched(Some("a"));
    stage.next("b", "fetch");
    stage.fetched(Some(""));
    stage.next("a", "unavailable");
    stage.now = 1;
    stage.next("a", "fetch");
    stage.fetched(Some("b"));
    stage.next("a", "b");
}

#[test]
fn a_set_is_fetched_again_after_ten_minutes_and_kept_if_it_cannot_be() {
    let mut stage = Stage::new();
    stage.next("a", "fetch");
    stage.fetched(Some("a"));
    stage.now = 599;
    stage.next("a", "a");
    stage.now = 600;
    stage.next("a", "fetch");
    stage.next("a", "a");
    stage.fetched(None);
    stage.next("a", "a");
    stage.now = 1_200;
    stage.next("a", "fetch");
    // The key was taken back.
    stage.fetched(Some("b"));
    stage.next("a", "fetch");
    stage.fetched(Some("b"));
    stage.next("a", "b");
}
