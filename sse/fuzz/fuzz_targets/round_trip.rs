//! An encoded event decodes to the same event.
#![no_main]
use spin_sse::{Decoder, Event, Frame, Id, Message, Name};

libfuzzer_sys::fuzz_target!(|input: (&str, &str, &str)| {
    let (Ok(name), Ok(id)) = (Name::new(input.0), Id::new(input.1)) else { return };
    let mut bytes = Vec::new();
    Event::new(input.2).name(name).id(id).encode(&mut bytes);
    let data = input.2.replace("\r\n", "\n").replace('\r', "\n");
    let name = if input.0.is_empty() { "message" } else { input.0 };
    let event = Frame::Event(Message { data: &data, name, last_event_id: input.1 });
    assert_eq!(Decoder::new().next(&mut &bytes[..]), Ok(Some(event)));
});
