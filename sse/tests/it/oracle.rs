//! The HTML Standard's "Parsing" and "Interpreting an event stream", step by step on a whole stream: slow and plain.

use std::time::Duration;

use crate::util::{Decoded, Seen, event};

pub(crate) fn decode(stream: &[u8]) -> Decoded {
    // "Streams must be decoded using the UTF-8 decode algorithm", which "strips one leading UTF-8 Byte Order Mark
    // (BOM)".
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);

    // CRLF, LF and CR all end a line. The text after the last line end is no line, and is discarded.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop();

    let mut seen = Vec::new();
    let (mut data, mut name) = (String::new(), String::new());
    let (mut id, mut last_event_id) = (String::new(), String::new());
    for line in lines {
        if line.is_empty() {
            last_event_id.clone_from(&id);
            if !data.is_empty() {
                data.pop();
                seen.push(event(if name.is_empty() { "message" } else { &name }, &data, &last_event_id));
            }
            data.clear();
            name.clear();
            continue;
        }
        if line.starts_with(':') {
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.to_owned(),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => id = value.to_owned(),
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                seen.push(Seen::Retry(Duration::from_millis(value.parse().unwrap_or(u64::MAX))));
            }
            _ => {}
        }
    }
    (seen, last_event_id)
}
