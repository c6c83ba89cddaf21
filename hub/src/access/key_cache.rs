//! The keys of a JWK Set that is elsewhere, as far as they are known here: when to fetch it, and what to use meanwhile.

use std::rc::Rc;

use crate::access::key::Key;
use crate::access::token::Unverified;
use crate::instant::Instant;

const SECOND: Instant = 1_000_000_000;
/// After how long the set is fetched again: a key that is no longer in it is of no use from then on.
const MAX_AGE: Instant = 600 * SECOND;
/// How often tokens of unknown keys, which any stranger can make, have the set fetched at most.
const RENEWAL: Instant = 60 * SECOND;
/// How soon after an attempt that failed comes the next.
const RETRY: Instant = SECOND;

/// What is known of a set.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    keys: Option<Rc<[Key]>>,
    /// When that was fetched, or could not be.
    asked: Option<Instant>,
    /// When a token of an unknown key had it fetched.
    renewed: Option<Instant>,
    fetching: bool,
}

/// What is to be done about a token.
#[derive(Debug)]
pub(crate) enum Next {
    /// Check it with these keys.
    Use(Rc<[Key]>),
    /// Fetch the set, and say what came of it.
    Fetch,
    /// Wait for the fetch that was begun, then ask again.
    Wait,
    /// There are no keys, and there will be none for a moment.
    Unavailable,
}

impl KeyCache {
    pub(crate) fn next(&mut self, token: &Unverified<'_>, now: Instant) -> Next {
        let before = |moment: Option<Instant>, age| moment.is_none_or(|moment| now.saturating_sub(moment) >= age);
        let Some(keys) = &self.keys else {
            return match self.fetching {
                true => Next::Wait,
                false if before(self.asked, RETRY) => self.fetch(),
                false => Next::Unavailable,
            };
        };
        let keys = Rc::clone(keys);
        let is_known = keys.iter().any(|key| token.may_be_of(key));
        if is_known && (self.fetching || !before(self.asked, MAX_AGE)) {
            return Next::Use(keys);
        }
        if self.fetching {
            return Next::Wait;
        }
        if !is_known {
            if !before(self.renewed, RENEWAL) {
                return Next::Use(keys);
            }
            self.renewed = Some(now);
        }
        self.fetch()
    }

    /// Checks what came of a fetch. An older set stays if there is no newer one. A newer one without a key takes all
    /// keys back.
    pub(crate) fn fetched(&mut self, keys: Option<Vec<Key>>, now: Instant) {
        self.fetching = false;
        self.asked = Some(now);
        if let Some(keys) = keys {
            self.keys = (!keys.is_empty()).then(|| keys.into());
        }
    }

    fn fetch(&mut self) -> Next {
        self.fetching = true;
        Next::Fetch
    }
}
