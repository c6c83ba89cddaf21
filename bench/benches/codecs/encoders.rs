//! The encoders, each through its public interface, made to do the same work: from texts to the bytes of a stream.
//!
//! What an interface wants to own is made for it before the clock runs.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::response::sse;
use axum::response::{IntoResponse, Sse};
use futures::stream::iter;
use futures_codec::Encoder as _;
use http_body::Body;
use spin_sse::{Event, Id, Name, encode_comment};

use crate::shapes::{Fields, Shape};

/// Takes what was encoded: to look at it, or to throw it away.
pub type Sink<'a> = &'a mut dyn FnMut(&[u8]);

/// Encodes the events of a shape into a sink and says how long it took.
pub type Encode = fn(&'static Shape, Sink) -> Duration;

/// Who has no way to encode a comment when its author wants one.
pub const WITHOUT_COMMENTS: [&str; 2] = ["sse-stream", "sse-codec"];

pub const ALL: [(&str, Encode); 5] =
    [("spin-sse", spin_sse), ("axum", axum), ("sse-stream", sse_stream), ("russe", russe), ("sse-codec", sse_codec)];

/// What a chunk is in `Stream::publish_all`: when it is full it is written, and its buffer used again.
const CHUNK: usize = 16 * 1024;

fn parts(event: &Fields) -> (Option<&str>, Option<&str>, &str) {
    (event.name.as_deref(), event.id.as_deref(), &event.data)
}

pub fn spin_sse(shape: &Shape, sink: Sink) -> Duration {
    let mut out = grown(shape.events.iter().map(|event| event.data.len()).max().unwrap_or(0));
    let start = Instant::now();
    for event in &shape.events {
        for _ in 0..shape.comments {
            encode_comment("", &mut out);
        }
        let (name, id, data) = parts(event);
        let mut encoded = Event::new(data);
        if let Some(name) = name {
            encoded = encoded.name(Name::new(name).expect("a name"));
        }
        if let Some(id) = id {
            encoded = encoded.id(Id::new(id).expect("an id"));
        }
        encoded.encode(&mut out);
        if out.len() >= CHUNK {
            sink(&out);
            out.clear();
        }
    }
    sink(&out);
    start.elapsed()
}

/// A buffer in which events of this size have been before: a stream keeps it, and its memory has been touched.
fn grown(size: usize) -> Vec<u8> {
    let mut out = vec![1; 2 * (CHUNK + size)];
    out.clear();
    out
}

/// The limit: as many bytes, from as many places, into such a buffer.
pub fn memcpy(encoded: &[Vec<u8>], sink: Sink) -> Duration {
    let mut out = grown(encoded.iter().map(Vec::len).max().unwrap_or(0));
    let start = Instant::now();
    for event in encoded {
        out.extend_from_slice(black_box(event));
        if out.len() >= CHUNK {
            sink(&out);
            out.clear();
        }
    }
    sink(&out);
    start.elapsed()
}

fn axum(shape: &'static Shape, sink: Sink) -> Duration {
    let encode = |event: &Fields| {
        let (name, id, data) = parts(event);
        let mut encoded = sse::Event::default();
        if let Some(id) = id {
            encoded = encoded.id(id);
        }
        if let Some(name) = name {
            encoded = encoded.event(name);
        }
        Ok::<_, Infallible>(encoded.data(data))
    };
    let comment = || Ok(sse::Event::default().comment(""));
    let start = Instant::now();
    if shape.comments == 0 {
        frames(Sse::new(iter(shape.events.iter().map(encode))).into_response().into_body(), sink);
    } else {
        let blocks = shape
            .events
            .iter()
            .flat_map(move |event| std::iter::repeat_with(comment).take(shape.comments).chain([encode(event)]));
        frames(Sse::new(iter(blocks)).into_response().into_body(), sink);
    }
    start.elapsed()
}

fn sse_stream(shape: &'static Shape, sink: Sink) -> Duration {
    let block = |event: &Fields| sse_stream::Sse {
        event: event.name.clone(),
        id: event.id.clone(),
        data: Some(event.data.clone()),
        retry: None,
    };
    let events: Vec<_> = shape.events.iter().map(block).map(Ok::<_, Infallible>).collect();
    let start = Instant::now();
    frames(sse_stream::SseBody::new(iter(events)), sink);
    start.elapsed()
}

fn russe(shape: &'static Shape, sink: Sink) -> Duration {
    let message = |event: &Fields| {
        russe::Event::Message(russe::Message {
            data: event.data.clone().into(),
            event: event.name.clone().map(Into::into),
            id: event.id.clone().map(Into::into),
            retry: None,
        })
    };
    let comments = |_| russe::Event::Comment("".into());
    let events: Vec<_> =
        shape.events.iter().flat_map(|event| (0..shape.comments).map(comments).chain([message(event)])).collect();
    let start = Instant::now();
    for event in events {
        sink(event.into_bytestring().expect("a valid event").as_bytes());
    }
    start.elapsed()
}

fn sse_codec(shape: &'static Shape, sink: Sink) -> Duration {
    let message = |event: &Fields| {
        let (name, id, data) = parts(event);
        sse_codec::Event::message(name.unwrap_or("message"), data, id)
    };
    let events: Vec<_> = shape.events.iter().map(message).collect();
    let mut codec = sse_codec::SSECodec::default();
    let start = Instant::now();
    let mut out = bytes::BytesMut::new();
    for event in events {
        codec.encode(event, &mut out).expect("a valid event");
        if out.len() >= CHUNK {
            sink(&out);
            out.clear();
        }
    }
    sink(&out);
    start.elapsed()
}

fn frames(body: impl Body<Data = bytes::Bytes>, sink: Sink) {
    let mut body = pin!(body);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut context) {
        if let Some(bytes) = frame.data_ref() {
            sink(bytes);
        }
    }
}
