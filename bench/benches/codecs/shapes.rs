//! What is encoded and decoded, by name.

use bytes::Bytes;

/// How a stream is cut that comes over a network.
const READ: usize = 16 * 1024;

/// The parts of one event, as its author has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub name: Option<String>,
    pub id: Option<String>,
    pub data: String,
}

/// Events of one kind, as many as make a batch worth timing.
pub struct Shape {
    pub name: &'static str,
    pub what: &'static str,
    pub events: Vec<Fields>,
    /// How many comments there are before each event.
    pub comments: usize,
    /// How the decoders get the stream.
    slice: usize,
}

fn shape(name: &'static str, what: &'static str, count: usize, event: impl Fn(usize) -> Fields) -> Shape {
    Shape { name, what, events: (0..count).map(event).collect(), comments: 0, slice: READ }
}

fn named(number: usize, data: String) -> Fields {
    Fields { name: Some("update".to_owned()), id: Some((1_000_000 + number).to_string()), data }
}

fn unnamed(data: String) -> Fields {
    Fields { data, ..Fields::default() }
}

fn json(number: usize) -> Fields {
    let mut data = format!(r#"{{"user":{number},"state":"moved","text":""#);
    data += &"a few words, ".repeat(30);
    data.truncate(298);
    named(number, data + "\"}")
}

/// The shapes that are encoded, and decoded from slices of 16 KiB.
pub fn all() -> Vec<Shape> {
    let page = |end: &'static str| move |number| named(number, vec!["x".repeat(101); 40].join(end));
    let heartbeat = shape("heartbeat", "100 comments, an event", 20, |_| unnamed("still here".to_owned()));
    vec![
        shape("token", "20 B", 2_000, |number| unnamed(format!("token number {number:7}"))),
        shape("json", "300 B, one line", 300, json),
        shape("page", "4 KiB, 40 lines", 40, page("\n")),
        shape("crlf", "4 KiB, 40 lines, CRLF", 40, page("\r\n")),
        shape("blob", "64 KiB, one line", 8, |number| named(number, "b".repeat(64 * 1024))),
        Shape { comments: 100, ..heartbeat },
    ]
}

/// The shapes that make a decoder slow that looks at anything twice.
pub fn drips() -> Vec<Shape> {
    let huge = |name, kib: usize| Shape {
        slice: 64,
        ..shape(name, "one line in slices of 64 B", 1, move |_| unnamed("h".repeat(kib * 1024)))
    };
    vec![
        Shape { slice: 1, ..shape("byte_drip", "300 B, byte by byte", 30, json) },
        huge("huge_line_drip", 64),
        huge("huge_line_drip x4", 256),
        huge("huge_line_drip x15", 960),
    ]
}

impl Shape {
    /// The same with one event.
    pub fn only(&self, event: &Fields) -> Shape {
        Shape { events: vec![event.clone()], ..*self }
    }

    /// The stream, in slices. Line by line in plain code, so that no encoder under test has made it.
    pub fn stream(&self) -> Vec<Bytes> {
        let mut text = String::new();
        for event in &self.events {
            text += &": \n\n".repeat(self.comments);
            for (field, value) in [("id", &event.id), ("event", &event.name)] {
                text += &value.as_ref().map_or(String::new(), |value| format!("{field}: {value}\n"));
            }
            // CRLF between the lines is CRLF everywhere.
            let end = if event.data.contains('\r') { "\r\n" } else { "\n" };
            for line in event.data.split(end) {
                text += &format!("data: {line}{end}");
            }
            text += end;
        }
        Bytes::from(text).chunks(self.slice).map(Bytes::copy_from_slice).collect()
    }

    /// What a receiver gets: each line break as LF, and an id until there is another.
    pub fn received(&self) -> Vec<Fields> {
        let receive = |event: &Fields| Fields {
            name: Some(event.name.clone().unwrap_or("message".to_owned())),
            id: Some(event.id.clone().unwrap_or_default()),
            data: event.data.replace("\r\n", "\n"),
        };
        self.events.iter().map(receive).collect()
    }
}
