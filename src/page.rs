//! `GET /`: one self-contained page.

use http::HeaderValue;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use spin_sse_hub::reply::{self, Reply};

use crate::lean::lean;

const PAGE: &str = lean!(include_str!("page.html"), b"//", b"/*");

/// The page, whose own script and style may run and nothing else: `nonce` marks them.
pub fn page(nonce: u128) -> Reply {
    let nonce = format!("{nonce:032x}");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let body = PAGE.replace("{{nonce}}", &nonce);
    let mut reply = reply::typed(StatusCode::OK, "text/html; charset=utf-8", body);
    let headers = reply.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}
