//! The decoders, each through its public interface, on the same slices of the same stream.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use futures::stream::iter;
use futures_codec::Decoder as _;
use spin_sse::Frame;

/// Takes an event: name, data, id.
pub type Sink<'a> = &'a mut dyn FnMut(&str, &str, &str);

pub type Decode = fn(&[Bytes], Sink);

pub const ALL: [(&str, Decode); 6] = [
    ("spin-sse", spin_sse),
    ("sse-stream", sse_stream),
    ("sseer", sseer),
    ("eventsource-stream", eventsource_stream),
    ("russe", russe),
    ("sse-codec", sse_codec),
];

pub fn spin_sse(slices: &[Bytes], sink: Sink) {
    let mut decoder = spin_sse::Decoder::new();
    for slice in slices {
        let mut input = &slice[..];
        while let Some(frame) = decoder.next(&mut input).expect("events within the limit") {
            if let Frame::Event(event) = frame {
                sink(event.name, event.data, event.last_event_id);
            }
        }
    }
}

/// Each byte looked at once: what copying the stream costs.
pub fn memcpy(slices: &[Bytes], sink: &mut dyn FnMut(&[u8])) {
    let mut buffer = Vec::with_capacity(64 * 1024);
    for slice in slices {
        buffer.clear();
        buffer.extend_from_slice(slice);
        sink(&buffer);
    }
}

/// Of an event without an id it says so, and of one without a name.
fn sse_stream(slices: &[Bytes], sink: Sink) {
    each(sse_stream::SseByteStream::new(whole(slices)), |event| {
        let event = event.expect("a valid stream");
        let name = event.event.as_deref().unwrap_or("message");
        sink(name, event.data.as_deref().unwrap_or_default(), event.id.as_deref().unwrap_or_default());
    });
}

fn sseer(slices: &[Bytes], sink: Sink) {
    each(sseer::EventStream::new(whole(slices)), |event| {
        let event = event.expect("a valid stream");
        sink(&event.event, &event.data, &event.id);
    });
}

fn eventsource_stream(slices: &[Bytes], sink: Sink) {
    each(eventsource_stream::EventStream::new(whole(slices)), |event| {
        let event = event.expect("a valid stream");
        sink(&event.event, &event.data, &event.id);
    });
}

fn russe(slices: &[Bytes], sink: Sink) {
    let mut decoder = russe::Decoder::default();
    let mut buffer = BytesMut::new();
    for slice in slices {
        buffer.extend_from_slice(slice);
        while let Some(event) = tokio_util::codec::Decoder::decode(&mut decoder, &mut buffer).expect("a valid stream") {
            if let russe::Event::Message(event) = event {
                let name = event.event.as_deref().unwrap_or("message");
                sink(name, &event.data, event.id.as_deref().unwrap_or_default());
            }
        }
    }
}

fn sse_codec(slices: &[Bytes], sink: Sink) {
    let mut codec = sse_codec::SSECodec::default();
    let mut buffer = BytesMut::new();
    for slice in slices {
        buffer.extend_from_slice(slice);
        while let Some(event) = codec.decode(&mut buffer).expect("a valid stream") {
            if let sse_codec::Event::Message { id, event, data } = event {
                sink(&event, &data, id.as_deref().unwrap_or_default());
            }
        }
    }
}

fn whole(slices: &[Bytes]) -> impl Stream<Item = Result<Bytes, Infallible>> {
    iter(slices.iter().cloned().map(Ok))
}

/// Every item of a stream that never waits.
fn each<S: Stream>(stream: S, mut item: impl FnMut(S::Item)) {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(next)) = stream.as_mut().poll_next(&mut context) {
        item(next);
    }
}
