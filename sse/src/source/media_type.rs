//! The type of a response.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// The essence of the response's type, such as `text/html`, in lower case.
///
/// Fetch, "extract a MIME type": of several values the last that is a type counts. A parameter such as `charset` is no
/// part of the essence.
pub(crate) fn essence(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(CONTENT_TYPE).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(values_of).filter_map(parse).last()
}

/// The parts of a header's value, which commas outside of quotes separate.
fn values_of(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |character| {
        let separates = character == ',' && !quoted;
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && character == '\\' && !escaped;
        separates
    })
}

fn parse(value: &str) -> Option<String> {
    let essence = value.split(';').next()?.trim_matches([' ', '\t', '\r', '\n']);
    let (kind, subtype) = essence.split_once('/')?;
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    (is_token(kind) && is_token(subtype) && essence != "*/*").then(|| essence.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_last_type_counts_without_its_parameters() {
        for (values, expected) in [
            (&["text/event-stream"][..], Some("text/event-stream")),
            (&["Text/Event-Stream"], Some("text/event-stream")),
            (&["text/event-stream;charset=utf-8"], Some("text/event-stream")),
            (&[" text/event-stream ; charset=\"a,b/c\""], Some("text/event-stream")),
            (&["text/event-stream; a=\"\\\",text/html\""], Some("text/event-stream")),
            (&["text/html, text/event-stream"], Some("text/event-stream")),
            (&["text/html", "text/event-stream"], Some("text/event-stream")),
            (&["text/event-stream", "text/html"], Some("text/html")),
            (&["text/event-stream", "nothing"], Some("text/event-stream")),
            (&["text/event-stream, */*"], Some("text/event-stream")),
            (&["text/event-streams"], Some("text/event-streams")),
            (&["text /event-stream"], None),
            (&["text/"], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            assert_eq!(essence(&headers).as_deref(), expected, "{values:?}");
        }
    }
}
