//! Pages of other origins: which may read what the hub answers, and publish with a cookie.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HOST, ORIGIN, REFERER,
    VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use crate::request::refusal::Refusal;

/// The methods of the hub.
pub(crate) const METHODS: &str = "GET, HEAD, QUERY, POST, OPTIONS";

const REQUEST_HEADERS: &str = "authorization, content-type, last-event-id, prefer, cache-control";
const RESPONSE_HEADERS: &str = "mercure-last-event-id, mercure-id, preference-applied, link";
/// How many seconds a browser may remember a preflight: Chromium remembers none for longer.
const MAX_AGE: &str = "7200";

/// The origins whose pages may use the hub: the variable `cors_origins`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// All, but without credentials.
    any: bool,
    /// These, with credentials; as browsers write them.
    listed: Vec<String>,
}

impl Origins {
    /// Reads the variable: nothing for none, `*` for all, or origins with commas or spaces between them.
    ///
    /// # Errors
    ///
    /// One sentence that names the variable and what is wrong.
    pub fn parse(variable: &str) -> Result<Origins, String> {
        let texts = || variable.split([',', ' ', '\t', '\r', '\n']).filter(|text| !text.is_empty());
        if texts().any(|text| text == "*") {
            return match texts().count() {
                1 => Ok(Origins { any: true, listed: Vec::new() }),
                _ => Err("variable cors_origins must be * alone, or a list without it".to_owned()),
            };
        }
        let listed = texts().map(|text| {
            let sentence =
                || format!("variable cors_origins must list origins such as https://example.com, not {text:?}");
            origin(text).filter(|(_, path)| path.is_empty()).map(|(origin, _)| origin).ok_or_else(sentence)
        });
        Ok(Origins { any: false, listed: listed.collect::<Result<_, _>>()? })
    }

    /// Adds to a response what lets the page that asked read it, if it may.
    ///
    /// Credentials are for listed origins only: with `*`, any page could read with the cookie of its visitor.
    pub fn allow(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.any {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else if !self.listed.is_empty() {
            // Also to who is not listed: a cache must not give that answer to who is.
            response.append(VARY, HeaderValue::from_static("origin"));
            let Some(origin) = single(request, ORIGIN).filter(|origin| self.lists(origin.as_bytes())) else { return };
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        } else {
            return;
        }
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
    }

    /// The answer to OPTIONS, 204: what the hub can do and, in answer to a preflight, what the page may have sent.
    pub fn preflight(&self, request: &HeaderMap) -> http::Response<()> {
        let mut response = http::Response::new(());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static(METHODS));
        self.allow(request, headers);
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
            headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
        }
        response
    }

    /// Whether a publication with a token from a cookie comes from a page of a listed origin or of the hub itself. A
    /// browser sends the cookie for any page, so that the page's origin is all there is to tell who wants to publish.
    ///
    /// The origin is that of `Origin` or, without one, of `Referer`. The hub's own is its host with https; with http
    /// only if the hub does not know that it was reached by https, as it does not behind a proxy. `*` lists no origin.
    ///
    /// # Errors
    ///
    /// 403, also when there is no origin.
    pub fn may_publish(&self, request: &HeaderMap, uri: &Uri, hub_url: Option<&str>) -> Result<(), Refusal> {
        let source = match request.contains_key(ORIGIN) {
            true => single(request, ORIGIN),
            false => single(request, REFERER),
        };
        let source = source.and_then(|source| origin(source.to_str().ok()?)).map(|(source, _)| source);
        let hub = hub_url.and_then(origin).map(|(hub, _)| hub);
        let may = |source: String| {
            self.lists(source.as_bytes()) || hub.is_some_and(|hub| hub == source) || is_own(&source, request, uri)
        };
        if source.is_some_and(may) {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "this page may not publish with a cookie: list its origin in cors_origins, or send authorization: Bearer",
        ))
    }

    fn lists(&self, origin: &[u8]) -> bool {
        self.listed.iter().any(|listed| listed.as_bytes() == origin)
    }
}

fn is_own(source: &str, request: &HeaderMap, uri: &Uri) -> bool {
    let host = uri.authority().map(|authority| authority.as_str());
    let Some(host) = host.or_else(|| single(request, HOST)?.to_str().ok()) else { return false };
    let own = |scheme: &str| origin(&format!("{scheme}://{host}")).is_some_and(|(own, _)| own == source);
    own("https") || (uri.scheme_str() != Some("https") && own("http"))
}

/// The value of a header that is there once.
fn single(headers: &HeaderMap, name: http::HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The origin of a URL as browsers write it, in lower case and without the default port, and what follows it.
fn origin(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character));
    let is_host = !host.is_empty()
        && host.chars().all(|character| character.is_ascii_alphanumeric() || "-._~:[]".contains(character));
    if !is_scheme || !is_host {
        return None;
    }
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let default_port = match &*scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    Some((format!("{scheme}://{host}"), path))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = "https://a.example, http://localhost:8080";

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        fields.iter().map(field).collect()
    }

    fn text(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    /// What is added to the response to a page of `origin`.
    #[track_caller]
    fn added(variable: &str, origin: Option<&str>, expected: &[&str]) {
        let request: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let mut response = HeaderMap::new();
        Origins::parse(variable).unwrap().allow(&headers(&request), &mut response);
        assert_eq!(text(&response), expected);
    }

    #[test]
    fn the_variable_lists_origins_as_browsers_write_them() {
        for variable in ["", "  ", ",", "\n"] {
            assert_eq!(Origins::parse(variable), Ok(Origins::default()));
        }
        assert_eq!(Origins::parse(" * "), Ok(Origins { any: true, listed: vec![] }));
        let listed =
            Origins::parse("HTTPS://A.example:443,http://localhost:8080 http://[::1]:80\ncapacitor://localhost")
                .unwrap()
                .listed;
        assert_eq!(listed, ["https://a.example", "http://localhost:8080", "http://[::1]", "capacitor://localhost"]);
    }

    #[test]
    fn a_variable_that_is_wrong_says_what_it_takes() {
        for text in [
            "example.com",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "null",
            "https://*.example",
            "https://u@a.example",
            "://a",
            "https://é.example",
        ] {
            let sentence = Origins::parse(&format!("https://b.example, {text}")).unwrap_err();
            assert_eq!(
                sentence,
                format!("variable cors_origins must list origins such as https://example.com, not {text:?}")
            );
        }
        for variable in ["*, https://a.example", "* *"] {
            assert_eq!(
                Origins::parse(variable).unwrap_err(),
                "variable cors_origins must be * alone, or a list without it"
            );
        }
    }

    #[test]
    fn by_default_no_page_may_read() {
        added("", None, &[]);
        added("", Some("https://a.example"), &[]);
    }

    #[test]
    fn a_listed_page_may_read_with_credentials_and_no_other() {
        for origin in ["https://a.example", "http://localhost:8080"] {
            added(
                LIST,
                Some(origin),
                &[
                    "access-control-allow-credentials: true",
                    &format!("access-control-allow-origin: {origin}"),
                    "access-control-expose-headers: mercure-last-event-id, mercure-id, preference-applied, link",
                    "vary: origin",
                ],
            );
        }
        for origin in [
            "http://a.example",
            "https://a.example:8443",
            "https://a.example.evil",
            "https://A.example",
            "https://a.example/",
            "null",
            "",
        ] {
            added(LIST, Some(origin), &["vary: origin"]);
        }
        added(LIST, None, &["vary: origin"]);
    }

    #[test]
    fn any_page_may_read_only_without_credentials() {
        for origin in [None, Some("https://b.example"), Some("null")] {
            added(
                "*",
                origin,
                &[
                    "access-control-allow-origin: *",
                    "access-control-expose-headers: mercure-last-event-id, mercure-id, preference-applied, link",
                ],
            );
        }
    }

    #[test]
    fn other_headers_of_the_response_stay() {
        let mut response = headers(&[("vary", "accept"), ("x", "y")]);
        Origins::parse(LIST).unwrap().allow(&headers(&[]), &mut response);
        assert_eq!(text(&response), ["vary: accept", "vary: origin", "x: y"]);
    }

    #[test]
    fn a_preflight_is_answered() {
        let origins = Origins::parse(LIST).unwrap();
        let request = headers(&[("origin", "https://a.example"), ("access-control-request-method", "POST")]);
        let response = origins.preflight(&request);
        assert_eq!(response.status(), 204);
        assert_eq!(
            text(response.headers()),
            [
                "access-control-allow-credentials: true",
                "access-control-allow-headers: authorization, content-type, last-event-id, prefer, cache-control",
                "access-control-allow-methods: GET, HEAD, QUERY, POST, OPTIONS",
                "access-control-allow-origin: https://a.example",
                "access-control-max-age: 7200",
                "allow: GET, HEAD, QUERY, POST, OPTIONS",
                "vary: origin",
            ]
        );
        let other = origins.preflight(&headers(&[("origin", "https://b.example")]));
        assert_eq!(text(other.headers()), ["allow: GET, HEAD, QUERY, POST, OPTIONS", "vary: origin"]);
        assert_eq!(text(Origins::default().preflight(&request).headers()), ["allow: GET, HEAD, QUERY, POST, OPTIONS"]);
    }

    #[track_caller]
    fn publishes(variable: &str, fields: &[(&'static str, &str)], uri: &'static str, expected: bool) {
        let result = Origins::parse(variable).unwrap().may_publish(&headers(fields), &Uri::from_static(uri), None);
        assert_eq!(result.is_ok(), expected, "{variable:?} {fields:?} {uri}");
        if let Err(refusal) = result {
            assert_eq!((refusal.status.as_u16(), refusal.challenge), (403, None));
            assert!(refusal.reason.contains("list its origin in cors_origins"));
        }
    }

    #[test]
    fn a_listed_page_may_publish_with_a_cookie() {
        publishes(LIST, &[("host", "hub.example"), ("origin", "https://a.example")], "/", true);
        publishes(LIST, &[("host", "hub.example"), ("referer", "https://a.example/page?x#y")], "/", true);
        for origin in ["https://b.example", "http://a.example", "null", "", "https://a.example.evil"] {
            publishes(LIST, &[("host", "hub.example"), ("origin", origin)], "/", false);
            publishes(
                LIST,
                &[("host", "hub.example"), ("origin", origin), ("referer", "https://a.example/")],
                "/",
                false,
            );
        }
        publishes(LIST, &[("origin", "https://a.example"), ("origin", "https://a.example")], "/", false);
        publishes(LIST, &[("referer", "https://b.example/https://a.example/")], "/", false);
        publishes(LIST, &[("referer", "https://a.example@b.example/")], "/", false);
        publishes(LIST, &[("host", "hub.example")], "/", false);
        publishes("*", &[("host", "hub.example"), ("origin", "https://a.example")], "/", false);
    }

    #[test]
    fn a_page_of_the_hubs_url_may_publish_with_a_cookie_whatever_the_host_is_by_then() {
        let request = headers(&[("host", "10.0.0.7:3000"), ("origin", "https://hub.example")]);
        for (url, may) in [
            (None, false),
            (Some("https://hub.example/.well-known/mercure"), true),
            (Some("https://Hub.example:443/hub"), true),
            (Some("http://hub.example/hub"), false),
            (Some("https://hub.example.net/hub"), false),
        ] {
            let result = Origins::default().may_publish(&request, &Uri::from_static("/hub"), url);
            assert_eq!(result.is_ok(), may, "{url:?}");
        }
    }

    #[test]
    fn a_page_of_the_hub_itself_may_publish_with_a_cookie() {
        publishes("", &[("host", "hub.example"), ("origin", "https://hub.example")], "/", true);
        publishes("", &[("host", "Hub.example:443"), ("origin", "https://hub.example")], "/", true);
        publishes("", &[("host", "localhost:3000"), ("origin", "http://localhost:3000")], "/", true);
        publishes("", &[("origin", "https://hub.example")], "https://hub.example/x", true);
        publishes("", &[("origin", "http://hub.example")], "http://hub.example/x", true);
        publishes("", &[("origin", "https://hub.example")], "http://hub.example/x", true);
        publishes("", &[("origin", "http://hub.example")], "https://hub.example/x", false);
        publishes("", &[("host", "hub.example"), ("origin", "https://hub.example:8443")], "/", false);
        publishes("", &[("host", "hub.example"), ("origin", "https://evil.hub.example")], "/", false);
        publishes("", &[("origin", "https://hub.example")], "/", false);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_variable_and_no_header_makes_it_panic(variable in ".*", value in prop::collection::vec(32..=255_u8, 0..40)) {
            let origins = Origins::parse(&variable).unwrap_or_default();
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            for name in [ORIGIN, REFERER, HOST] {
                let request = HeaderMap::from_iter([(name, value.clone())]);
                let _ = origins.may_publish(&request, &Uri::from_static("/"), None);
                origins.preflight(&request);
            }
        }

        #[test]
        fn an_origin_is_what_the_standard_says(url in "(https?|HTTP|foo)://[a-z]{1,3}(:80|:443|:1)?(/[a-z]*)?(\\?[a-z]*)?") {
            let expected = url::Url::parse(&url).unwrap().origin();
            let (origin, _) = origin(&url).unwrap();
            if expected.is_tuple() {
                prop_assert_eq!(origin, expected.ascii_serialization());
            }
        }
    }
}
