//! A stream decodes to the same frames, however it is cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let decode = |size| {
        let (mut decoder, mut frames) = (spin_sse::Decoder::new().limit(99), Vec::new());
        for mut slice in input.1.chunks(size) {
            while let Ok(Some(frame)) = decoder.next(&mut slice) {
                frames.push(format!("{frame:?}"));
            }
        }
        (frames, decoder.last_event_id().to_owned())
    };
    assert_eq!(decode(usize::from(input.0) + 1), decode(usize::MAX));
});
