//! Whose page sends a request.

use http::HeaderMap;

/// Whether a browser says that the page of another site sends a request, which that page could do without the user's
/// knowledge (Fetch Metadata Request Headers, section 2.3). What is no browser does not say where it comes from.
pub fn is_of_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_browsers_say_whose_page_asks() {
        for (site, other) in [
            (None, false),
            (Some("same-origin"), false),
            (Some("none"), false),
            (Some("same-site"), true),
            (Some("cross-site"), true),
        ] {
            let headers = site.map(|site| (http::HeaderName::from_static("sec-fetch-site"), site.parse().unwrap()));
            assert_eq!(is_of_another_site(&headers.into_iter().collect()), other, "{site:?}");
        }
    }
}
