//! Where a client that comes back left off.

use http::{HeaderMap, Uri};

/// Query parameters that carry the last event id of a client that cannot set the header, the first that is not empty wins.
const PARAMETERS: [&str; 3] = ["last_event_id", "lastEventID", "lastEventId"];

/// The id of the last event that this client got: from the `Last-Event-ID` header, else from the query parameter
/// `last_event_id`, `lastEventID` or `lastEventId`. `None` when there is none or it is empty.
///
/// The header wins. A browser sends it on its own when it reconnects; the parameter is for the first request of a page,
/// which cannot set headers, and for `EventSource` replacements. The parameter is read as a form is: percent-encoded UTF-8,
/// `+` for a space.
///
/// The text is whatever the client sent, and need not be an id that you ever gave out. Bytes that are not UTF-8 become
/// U+FFFD: a client with an unreadable past is still one that has a past, not a new one.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Uri};
///
/// let uri = Uri::from_static("/sse?lastEventID=caf%C3%A9+1");
/// let mut headers = HeaderMap::new();
/// assert_eq!(spin_sse::last_event_id(&headers, &uri).as_deref(), Some("café 1"));
///
/// headers.insert("last-event-id", HeaderValue::from_static("42"));
/// assert_eq!(spin_sse::last_event_id(&headers, &uri).as_deref(), Some("42"));
/// ```
///
/// Source: HTML, "The `Last-Event-ID` header", whose value is UTF-8 and not ASCII.
pub fn last_event_id(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    from_header(headers).or_else(|| from_query(uri.query()?))
}

fn from_header(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("last-event-id")?.as_bytes();
    (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned())
}

fn from_query(query: &str) -> Option<String> {
    PARAMETERS.iter().find_map(|parameter| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(name, value)| name == parameter && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    })
}
