//! The credentials of a request: where its token is.

use std::fmt;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use crate::request::form;
use crate::request::refusal::{Challenge, Refusal};

/// Cookies that hold a token: the one that the Mercure protocol recommends, then the one of older clients.
const COOKIES: [&[u8]; 2] = [b"__Secure-mercure_access_token", b"mercureAuthorization"];
/// Parameters in which clients of other hubs, and of OAuth 2, put a token.
const PARAMETERS: [&[u8]; 2] = [b"access_token", b"authorization"];

/// The token of a request, not checked yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credentials<'h> {
    /// The token.
    pub token: &'h str,
    /// Whether it came by itself, in a cookie: any page can make a browser send that.
    pub ambient: bool,
}

/// A token is as good as a password: it is not printed.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("ambient", &self.ambient).finish_non_exhaustive()
    }
}

/// Finds the token of a request: from `Authorization: Bearer`, else from a cookie, never from the URL.
///
/// # Errors
///
/// 400 when there is an `Authorization` that is something else, whatever the cookies are, or when the query has a
/// token: passed over, it would look as if there were no private updates.
pub(crate) fn find<'h>(headers: &'h HeaderMap, query: Option<&str>) -> Result<Option<Credentials<'h>>, Refusal> {
    if form::pairs(query.unwrap_or_default().as_bytes()).any(|(name, _)| PARAMETERS.contains(&&*name)) {
        return Err(malformed("a token in the URL is not accepted: send it as authorization: Bearer, or in a cookie"));
    }
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (field, second) = (fields.next(), fields.next());
    if second.is_some() {
        return Err(malformed("there is more than one authorization: send one, with Bearer and a token"));
    }
    match field {
        Some(field) => {
            let token = field.to_str().ok().and_then(bearer);
            let token =
                token.ok_or_else(|| malformed("authorization is something else: send Bearer, a space and a token"))?;
            Ok(Some(Credentials { token, ambient: false }))
        }
        None => match COOKIES.iter().find_map(|name| cookie(headers, name)) {
            Some(value) => {
                let token = str::from_utf8(value).ok().filter(|token| is_token(token));
                let token =
                    token.ok_or_else(|| malformed("the cookie does not hold a token: set it anew, or delete it"))?;
                Ok(Some(Credentials { token, ambient: true }))
            }
            None => Ok(None),
        },
    }
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
        let found = find(&headers, Some("match=a")).unwrap();
        assert_eq!(found.map(|found| (found.token, found.ambient)), expected, "{fields:?}");
    }

    #[track_caller]
    fn refused(fields: &[(&'static str, &str)], query: Option<&str>, sentence: &str) {
        let headers = headers(fields);
        let refusal = find(&headers, query).unwrap_err();
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

    #[test]
    fn a_token_in_the_url_is_refused() {
        for query in ["match=a&authorization=a.b.c", "access_token=a.b.c", "access_token", "access%5Ftoken=x"] {
            refused(&[], Some(query), "a token in the URL is not accepted");
            refused(&[("authorization", "Bearer a")], Some(query), "a token in the URL is not accepted");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(
            format!("{:?}", Credentials { token: "secret", ambient: true }),
            "Credentials { ambient: true, .. }"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_header_makes_it_panic(value in prop::collection::vec(32..=255_u8, 0..40), query in ".*") {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            for name in [AUTHORIZATION, COOKIE] {
                let _ = find(&HeaderMap::from_iter([(name, value.clone())]), Some(&query));
            }
        }
    }
}
