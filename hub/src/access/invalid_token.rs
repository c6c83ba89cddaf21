//! Why a token is not valid.

use std::error::Error;
use std::fmt;

use crate::access::grant::InvalidClaim;
use crate::request::refusal::{Challenge, Refusal};

/// Why a token is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidToken {
    /// It is not three parts of base64url, two of them JSON objects.
    Malformed,
    /// It has more than 64 KiB.
    TooLarge,
    /// Its header or its claims have two members of the same name.
    Twice,
    /// Its algorithm is none that the hub knows.
    Algorithm,
    /// It relies on an extension.
    Critical,
    /// It is a token for something else.
    Type,
    /// The hub has no key of that name or for that algorithm.
    Key,
    /// It was not signed with a key of the hub, or changed since.
    Signature,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
    /// It is of another issuer.
    Issuer,
    /// It is for another hub.
    Audience,
    /// This claim is not as it must be.
    Claim(&'static str),
}

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidToken::Malformed => "the token is no JSON Web Token in compact form",
            InvalidToken::TooLarge => "the token has more than 64 KiB",
            InvalidToken::Twice => "the token has two members of the same name in one object",
            InvalidToken::Algorithm => "the token has another alg than HS256, ES256, EdDSA and RS256",
            InvalidToken::Critical => "the token relies on crit, which is not supported",
            InvalidToken::Type => "the token has another typ than at+jwt, or JWT where there is no jwt_issuer",
            InvalidToken::Key => "the hub has no key for the token's kid and alg",
            InvalidToken::Signature => "the token was not signed with a key of the hub",
            InvalidToken::NotYet => "the token is not valid yet, by its nbf",
            InvalidToken::Expired => "the token has expired, by its exp",
            InvalidToken::Issuer => "the token has another iss than jwt_issuer",
            InvalidToken::Audience => "the token has another aud than hub_url",
            InvalidToken::Claim(name) => return write!(f, "the token has a claim {name} that is not as it must be"),
        })
    }
}

impl Error for InvalidToken {}

impl From<InvalidClaim> for InvalidToken {
    fn from(InvalidClaim(name): InvalidClaim) -> InvalidToken {
        InvalidToken::Claim(name)
    }
}

/// One sentence for all of them: who tries tokens out does not learn how far they got.
impl From<InvalidToken> for Refusal {
    fn from(_: InvalidToken) -> Refusal {
        let reason = "the token is not valid: check its key, typ, alg, iss, aud, exp, nbf and claims";
        Refusal::token(Challenge::InvalidToken, reason)
    }
}
