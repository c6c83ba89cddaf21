//! The credentials of a request: where its token is.

use std::borrow::Cow;
use std::fmt;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use crate::access::token::Mode;
use crate::access::tokens::Tokens;
use crate::request::form;
use crate::request::refusal::{Challenge, Refusal};

/// The cookie in which clients of hubs before the protocol's version 1.0 send a token.
const OLD_COOKIE: &str = "mercureAuthorization";
/// The parameter in which they do.
const OLD_PARAMETER: &[u8] = b"authorization";
/// The parameter of OAuth 2, which RFC 9700 forbids.
const PARAMETER: &[u8] = b"access_token";

/// The token of a request, not checked yet.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials<'h> {
    /// The token.
    pub token: Cow<'h, str>,
    /// Whether it came by itself, in a cookie: any page can make a browser send that.
    pub ambient: bool,
}

/// A token is as good as a password: it is not printed.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("ambient", &self.ambient).finish_non_exhaustive()
    }
}

/// Finds the token of a request: in `Authorization: Bearer`, else in the parameter `authorization` of the URL if the
/// hub takes the tokens of older hubs, else in a cookie.
///
/// # Errors
///
/// 400 when there is an `Authorization` that is something else, whatever the cookies are, or when the query has a
/// token that the hub does not take: passed over, it would look as if there were no private updates.
pub(crate) fn find<'h>(
    headers: &'h HeaderMap,
    query: Option<&str>,
    tokens: &Tokens,
) -> Result<Option<Credentials<'h>>, Refusal> {
    let is_old = tokens.mode(None) == Mode::Compatible;
    let parameter = parameter(query.unwrap_or_default(), is_old)?;
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (field, second) = (fields.next(), fields.next());
    if second.is_some() {
        return Err(malformed("there is more than one authorization: send one, with Bearer and a token"));
    }
    if let Some(field) = field {
        let token = field.to_str().ok().and_then(bearer);
        let token =
            token.ok_or_else(|| malformed("authorization is something else: send Bearer, a space and a token"))?;
        return Ok(Some(Credentials { token: token.into(), ambient: false }));
    }
    if let Some(token) = parameter {
        return Ok(Some(Credentials { token: token.into(), ambient: false }));
    }
    let names = [Some(tokens.cookie.as_str()), is_old.then_some(OLD_COOKIE)];
    let Some(value) = names.iter().flatten().find_map(|name| cookie(headers, name.as_bytes())) else { return Ok(None) };
    let token = str::from_utf8(value).ok().filter(|token| is_token(token));
    let token = token.ok_or_else(|| malformed("the cookie does not hold a token: set it anew, or delete it"))?;
    Ok(Some(Credentials { token: token.into(), ambient: true }))
}

/// The token in the URL, where the hub takes such.
fn parameter(query: &str, is_old: bool) -> Result<Option<String>, Refusal> {
    const REFUSED: &str = "a token in the URL is not accepted: send it as authorization: Bearer, or in a cookie";
    let mut found = None;
    for (name, value) in form::pairs(query.as_bytes()) {
        let is_parameter = &*name == OLD_PARAMETER;
        if &*name == PARAMETER || (is_parameter && !is_old) {
            return Err(malformed(REFUSED));
        }
        if is_parameter {
            let token = String::from_utf8(value.into_owned()).ok().filter(|token| is_token(token));
            if token.is_none() || found.is_some() {
                return Err(malformed("the parameter authorization must be there once, and be a token"));
            }
            found = token;
        }
    }
    Ok(found)
}

fn malformed(reason: &str) -> Refusal {
    Refusal::token(Challenge::InvalidRequest, reason)
}

fn bearer(field: &str) -> Option<&str> {
    let (scheme, token) = field.trim().split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("bearer") && is_token(token)).then_some(token)
}

/// RFC 6750, section 2.1: `b64token`.
fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// The first cookie of that name, which is the one with the longest path, unless it is empty.
fn cookie<'h>(headers: &'h HeaderMap, name: &[u8]) -> Option<&'h [u8]> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    let value = pairs.map(<[u8]>::trim_ascii).find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))?;
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    (!unquoted.is_empty()).then_some(unquoted)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        fields.iter().map(field).collect()
    }

    #[track_caller]
    fn finds(fields: &[(&'static str, &str)], expected: Option<(&str, bool)>) {
        let headers = headers(fields);
        let found = find(&headers, Some("match=a"), &Tokens::default()).unwrap();
        assert_eq!(found.as_ref().map(|found| (&*found.token, found.ambient)), expected, "{fields:?}");
    }

    #[track_caller]
    fn refused(fields: &[(&'static str, &str)], query: Option<&str>, sentence: &str) {
        refused_by(&Tokens::default(), fields, query, sentence);
    }

    #[track_caller]
    fn refused_by(tokens: &Tokens, fields: &[(&'static str, &str)], query: Option<&str>, sentence: &str) {
        let headers = headers(fields);
        let refusal = find(&headers, query, tokens).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.challenge), (400, Some(Challenge::InvalidRequest)), "{fields:?}");
        assert!(refusal.reason.contains(sentence), "{refusal}");
    }

    #[test]
    fn the_header_has_the_token() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", " Bearer a.b.c "] {
            finds(&[("authorization", value)], Some(("a.b.c", false)));
        }
        finds(&[("authorization", "Bearer aZ09-._~+/==")], Some(("aZ09-._~+/==", false)));
        finds(&[], None);
    }

    #[test]
    fn a_cookie_has_the_token_when_there_is_no_header() {
        finds(&[("cookie", "mercureAuthorization=a.b.c")], Some(("a.b.c", true)));
        finds(&[("cookie", "x=1; mercureAuthorization=a.b.c; y=é")], Some(("a.b.c", true)));
        finds(&[("cookie", "x=1"), ("cookie", "y=2;mercureAuthorization=\"a.b.c\"")], Some(("a.b.c", true)));
        finds(&[("cookie", "mercureAuthorization=old; __Secure-mercure_access_token=new")], Some(("new", true)));
        finds(&[("cookie", "mercureAuthorization=first; mercureAuthorization=second")], Some(("first", true)));
        finds(&[("cookie", "mercureAuthorization=a"), ("authorization", "Bearer b")], Some(("b", false)));
    }

    #[test]
    fn other_and_empty_cookies_are_no_token() {
        for cookie in [
            "mercureAuthorization=",
            "mercureAuthorization",
            "mercureauthorization=a",
            "xmercureAuthorization=a",
            "mercureAuthorization =a",
            ";;",
            "",
        ] {
            finds(&[("cookie", cookie)], None);
        }
    }

    #[test]
    fn a_header_that_is_something_else_is_refused_whatever_the_cookie() {
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic dTpw",
            "a.b.c",
            "Bearer a b",
            "Bearer a,b",
            "Bearer =",
            "Bearer:a",
            "Bearer é",
            "Bearer \"a\"",
        ] {
            refused(
                &[("authorization", value), ("cookie", "mercureAuthorization=a")],
                None,
                "send Bearer, a space and a token",
            );
        }
        refused(&[("authorization", "Bearer a"), ("authorization", "Bearer a")], None, "more than one authorization");
        refused(&[("cookie", "mercureAuthorization=a b")], None, "the cookie does not hold a token");
        refused(&[("cookie", "mercureAuthorization=é")], None, "the cookie does not hold a token");
    }

    fn strict() -> Tokens {
        Tokens { issuer: Some("https://login.example".to_owned()), ..Tokens::default() }
    }

    #[test]
    fn older_clients_may_have_the_token_in_the_url_and_no_others() {
        const REFUSED: &str = "a token in the URL is not accepted";
        let cookie = headers(&[("cookie", "mercureAuthorization=c")]);
        let bearer = headers(&[("authorization", "Bearer b"), ("cookie", "mercureAuthorization=c")]);
        for (headers, expected) in [(&HeaderMap::new(), "x.y.z"), (&cookie, "x.y.z"), (&bearer, "b")] {
            let found = find(headers, Some("match=a&authorization=x.y%2Ez"), &Tokens::default()).unwrap().unwrap();
            assert_eq!((&*found.token, found.ambient), (expected, false));
        }
        for query in ["authorization=x.y.z", "authorization", "a%75thorization=x"] {
            refused_by(&strict(), &[], Some(query), REFUSED);
            refused_by(&strict(), &[("authorization", "Bearer a")], Some(query), REFUSED);
        }
        for query in ["authorization=", "authorization=x&authorization=x", "authorization=a+b", "authorization=%ff"] {
            refused(&[], Some(query), "the parameter authorization must be there once, and be a token");
        }
        for query in ["match=a&access_token=a.b.c", "access_token", "access%5Ftoken=x"] {
            for tokens in [Tokens::default(), strict()] {
                refused_by(&tokens, &[], Some(query), REFUSED);
                refused_by(&tokens, &[("authorization", "Bearer a")], Some(query), REFUSED);
            }
        }
    }

    #[test]
    fn the_cookie_of_older_clients_counts_only_where_their_tokens_do() {
        let fields = headers(&[("cookie", "mercureAuthorization=old; own=new")]);
        let find = |tokens: &Tokens| {
            let found = find(&fields, None, tokens).unwrap();
            found.map(|found| found.token.into_owned())
        };
        let own = |tokens: Tokens| Tokens { cookie: "own".to_owned(), ..tokens };
        assert_eq!(find(&Tokens::default()), Some("old".to_owned()));
        assert_eq!(find(&strict()), None);
        for tokens in [own(Tokens::default()), own(strict())] {
            assert_eq!(find(&tokens), Some("new".to_owned()));
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(
            format!("{:?}", Credentials { token: "secret".into(), ambient: true }),
            "Credentials { ambient: true, .. }"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_header_makes_it_panic(value in prop::collection::vec(32..=255_u8, 0..40), query in ".*") {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            for name in [AUTHORIZATION, COOKIE] {
                let _ = find(&HeaderMap::from_iter([(name, value.clone())]), Some(&query), &Tokens::default());
            }
        }
    }
}
