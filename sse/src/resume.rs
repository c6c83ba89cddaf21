//! The last event that a client received before it reconnected.

use http::{HeaderMap, Uri};

/// Query parameters for a client that cannot set the header. The first that is not empty wins.
///
/// Replacements of `EventSource` add one of the first three when they come back. The last may still be in the address
/// with which they came first.
const PARAMETERS: [&str; 4] = ["lastEventId", "lastEventID", "Last-Event-ID", "last_event_id"];

/// The id of the last event that the client received.
///
/// It comes from the `Last-Event-ID` header, else from the query parameter `lastEventId`, `lastEventID`,
/// `Last-Event-ID` or `last_event_id`. It is `None` when there is no such header or parameter, or when all are empty.
///
/// The header wins. A browser sends the header by itself when it reconnects. The parameter is for the first request of
/// a page, which cannot set headers, and for replacements of `EventSource`. The parameter is decoded as a form is:
/// percent-encoded UTF-8, `+` for a space.
///
/// The text is what the client sent. It need not be an id that the server ever sent. Bytes that are not UTF-8 become
/// U+FFFD, because a client with an unreadable id is still not a new client.
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
/// Source: HTML, "The `Last-Event-ID` header". The value of the header is UTF-8, not ASCII.
pub fn last_event_id(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    from_header(headers).or_else(|| last_event_id_in(uri.query()?.as_bytes()))
}

fn from_header(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("last-event-id")?.as_bytes();
    (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned())
}

/// The id of the last event that the client received, from a form: a query, or a body with the same parameters. It is
/// as in [`last_event_id`], without the header.
pub fn last_event_id_in(form: &[u8]) -> Option<String> {
    PARAMETERS.iter().find_map(|parameter| {
        form_urlencoded::parse(form)
            .find(|(name, value)| name == parameter && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    })
}
