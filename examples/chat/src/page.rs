//! `GET /`: one self-contained page.

use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use spin_sse_hub::reply::{self, Reply};

const PAGE: &str = include_str!("page.html");

/// The page, whose own script and style may run and nothing else: `nonce` marks them. The id of a chat is a secret that
/// is in the page's URL, so no other site is told that URL.
pub fn page(nonce: u128) -> Reply {
    let nonce = format!("{nonce:032x}");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut reply = reply::typed(StatusCode::OK, "text/html; charset=utf-8", PAGE.replace("{{nonce}}", &nonce));
    let headers = reply.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_its_own_script_and_no_other() {
        let reply = page(7);
        let policy = reply.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'nonce-00000000000000000000000000000007'"), "{policy}");
        assert_eq!(PAGE.matches("{{nonce}}").count(), 2);
        for outside in ["src=\"", "https://", "@import", "style=\""] {
            assert!(!PAGE.contains(outside), "{outside}");
        }
    }
}
