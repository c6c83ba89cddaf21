//! Bytes to events. Each stream is decoded in every way to cut it: see `cuts`.

use std::time::Duration;

use spin_sse::{Decoder, Event, Frame, Message};

use crate::util::{cuts, decodes, event, feed, leaves_id, message, retry, says, says_nothing};

/// With this limit the stream gives these events and then fails, or does not fail, however it is cut.
#[track_caller]
fn limited(limit: usize, stream: impl AsRef<[u8]>, data: &[&str], fails: bool) {
    for slices in cuts(stream.as_ref()) {
        let (mut decoder, mut seen) = (Decoder::new().limit(limit), Vec::new());
        let result = slices.iter().try_for_each(|slice| feed(&mut decoder, slice, &mut seen));
        let expected: Vec<_> = data.iter().copied().map(message).collect();
        assert_eq!((seen, result.is_err()), (expected, fails), "cut into {slices:?}");
    }
}

#[track_caller]
fn within(limit: usize, stream: impl AsRef<[u8]>, data: &[&str]) {
    limited(limit, stream, data, false);
}

#[track_caller]
fn too_large(limit: usize, stream: impl AsRef<[u8]>, data: &[&str]) {
    limited(limit, stream, data, true);
}

#[test]
fn an_empty_line_dispatches() {
    says("data: x\n\n", "x");
    decodes("data: x\n\ndata: y\n\n", &[message("x"), message("y")]);
    says("\n\ndata: x\n\n\n\n", "x");
}

#[test]
fn half_an_event_at_the_end_is_dropped() {
    says_nothing("");
    says_nothing("data: x");
    says_nothing("data: x\n");
    says_nothing("data: x\nid: 1\n");
    says("data: x\n\ndata: y\n", "x");
    leaves_id("id: 1\ndata: x\n", "");
    says_nothing("retry: 5");
}

#[test]
fn cr_and_lf_and_crlf_end_lines() {
    says("data: x\r\r", "x");
    says("data: x\r\n\r\n", "x");
    says("data: x\r\n\n", "x");
    says("data: x\n\r\n", "x");
    says("data: x\n\r", "x");
    says("data: x\r\ndata: y\rdata: z\n\n", "x\ny\nz");
    says_nothing("data: x\r\n");
    decodes("data: x\r\n\r\ndata: y\r\n\r\n", &[message("x"), message("y")]);
    decodes("data: x\r\rdata: y\r\r\n", &[message("x"), message("y")]);
}

#[test]
fn cr_dispatches_without_waiting_for_lf() {
    let mut decoder = Decoder::new();
    let mut input = &b"data: x\r\n\r"[..];
    assert!(matches!(decoder.next(&mut input), Ok(Some(Frame::Event(Message { data: "x", .. })))));
    let mut input = &b"\ndata: y\n\r"[..];
    assert!(matches!(decoder.next(&mut input), Ok(Some(Frame::Event(Message { data: "y", .. })))));
}

#[test]
fn one_space_after_the_colon_is_removed() {
    says("data:x\n\n", "x");
    says("data:  x \n\n", " x ");
    says("data:\tx\n\n", "\tx");
    says("data: x\ndata:y\ndata:  z\n\n", "x\ny\n z");
    decodes("event:  n\nid:  1\ndata\n\n", &[event(" n", "", " 1")]);
}

#[test]
fn a_value_may_contain_colons() {
    says("data: a:b: c\n\n", "a:b: c");
    says("data::\n\n", ":");
    says("data: :\n\n", ":");
}

#[test]
fn empty_data_is_dispatched() {
    says("data\n\n", "");
    says("data:\n\n", "");
    says("data: \n\n", "");
    says("data\ndata\n\n", "\n");
    says("data: x\ndata\n\n", "x\n");
    says("data\ndata: x\n\n", "\nx");
}

#[test]
fn fields_may_come_in_any_order() {
    let seen = [retry(5), event("n", "x\ny", "1")];
    decodes("retry: 5\nid: 1\nevent: n\ndata: x\ndata: y\n\n", &seen);
    decodes("data: x\nretry: 5\ndata: y\nevent: n\nid: 1\n\n", &seen);
    decodes("data: x\nevent: n\ndata: y\nid: 1\nretry: 5\n\n", &seen);
}

#[test]
fn the_name_is_of_one_event() {
    decodes("event: n\ndata: x\n\ndata: y\n\n", &[event("n", "x", ""), message("y")]);
    decodes("event: n\n\ndata: x\n\n", &[message("x")]);
    decodes("event: n\nevent: m\ndata: x\n\n", &[event("m", "x", "")]);
    says("event: n\nevent\ndata: x\n\n", "x");
    says("event\ndata: x\n\n", "x");
    says("event: message\ndata: x\n\n", "x");
}

#[test]
fn the_id_stays_in_force() {
    decodes("id: 1\ndata: x\n\ndata: y\n\n", &[event("message", "x", "1"), event("message", "y", "1")]);
    decodes("id: 1\ndata: x\n\nid\ndata: y\n\n", &[event("message", "x", "1"), message("y")]);
    decodes("data: x\nid: 1\nid: 2\n\n", &[event("message", "x", "2")]);
}

#[test]
fn a_block_without_data_sets_the_id() {
    says_nothing("id: 1\n\n");
    leaves_id("id: 1\n\n", "1");
    leaves_id("id: 1\n\nid\n\n", "");
    leaves_id("id: 1\n\nid: 2\n", "1");
    decodes("id: 1\n\ndata: x\n\n", &[event("message", "x", "1")]);
}

#[test]
fn an_id_with_nul_is_ignored() {
    leaves_id("id: 1\n\nid: 2\0x\n\n", "1");
    leaves_id("id: \0\n\n", "");
    decodes("id: 1\nid: \0\ndata: a\0b\n\n", &[event("message", "a\0b", "1")]);
}

#[test]
fn retry_is_all_digits() {
    decodes("retry: 5\n\n", &[retry(5)]);
    decodes("retry:05\n", &[retry(5)]);
    decodes("retry: 0\nretry: 1\n", &[retry(0), retry(1)]);
    says_nothing("retry: +5\n\n");
    says_nothing("retry: -5\n\n");
    says_nothing("retry:  5\n\n");
    says_nothing("retry: 5 \n\n");
    says_nothing("retry: 5.0\n\n");
    says_nothing("retry: 0x5\n\n");
    says_nothing("retry: ٥\n\n");
    says_nothing("retry: \n\nretry\n\n");
    decodes("retry: 18446744073709551615\n", &[retry(u64::MAX)]);
    decodes("retry: 18446744073709551616\n", &[retry(u64::MAX)]);
    decodes("retry: 99999999999999999999999999\n", &[retry(u64::MAX)]);
}

#[test]
fn comments_are_ignored() {
    says_nothing(":\n\n: x\n\n:data: x\n\n");
    says(":\ndata: x\n:\ndata: y\n: z\n\n", "x\ny");
    says(":\r\ndata: x\r\n\r\n", "x");
}

#[test]
fn unknown_fields_are_ignored() {
    says_nothing("x\n\nx: y\n\ndat: x\n\ndatax: y\n\ndatadata: x\n\nData: x\n\n data: x\n\ndata : x\n\n");
    leaves_id("i: 1\n\nidx: 1\n\nID: 1\n\n", "");
    says("eventx: n\nretryx: 5\nretr: 5\neven: n\ndata: x\n\n", "x");
}

#[test]
fn one_byte_order_mark_is_removed_at_the_start() {
    says("\u{FEFF}data: x\n\n", "x");
    says("\u{FEFF}\ndata: x\n\n", "x");
    says("\u{FEFF}: comment\ndata: x\n\n", "x");
    says_nothing("\u{FEFF}\u{FEFF}data: x\n\n");
    says_nothing("\n\u{FEFF}data: x\n\n");
    says("data: \u{FEFF}x\n\n", "\u{FEFF}x");
    says_nothing("\u{FEFF}");
}

#[test]
fn half_a_byte_order_mark_is_text() {
    says_nothing(b"\xEF\xBBdata: x\n\n");
    says_nothing(b"\xEFdata: x\n\n");
    says(b"\xEF\xBB\ndata: x\n\n", "x");
    says(b"\xEF\n\ndata: x\n\n", "x");
    says_nothing(b"\xEF\xBB:\n\xEF\xBB");
}

#[test]
fn what_is_not_utf8_is_replaced() {
    says(b"data: a\xFFb\n\n", "a\u{FFFD}b");
    says(b"data: \xC3\ndata: \xA9\n\n", "\u{FFFD}\n\u{FFFD}");
    says(b"data: \xF0\x9F\x99\n\n", "\u{FFFD}");
    says(b"data: \xED\xA0\x80\n\n", "\u{FFFD}\u{FFFD}\u{FFFD}");
    says("data: é€🙂\n\n", "é€🙂");
    decodes(b"event: \xFF\nid: \xC3\ndata: \xE2\x82\n\n", &[event("\u{FFFD}", "\u{FFFD}", "\u{FFFD}")]);
    says_nothing(b"\xFFdata: x\n\n");
    decodes(b"data: \xFF\n\ndata: x\n\n", &[message("\u{FFFD}"), message("x")]);
}

#[test]
fn the_limit_counts_the_fields_of_one_event() {
    within(7, "data: x\n\n", &["x"]);
    too_large(6, "data: x\n\n", &[]);
    within(7, "data: x\n\ndata: y\n\nid: 456\n\n", &["x", "y"]);
    too_large(7, "data: x\n\ndata: yz\n\n", &["x"]);
    too_large(7, "data: x\ny\n\n", &[]);
    within(8, "data: x\r\ny\r\n\r\n", &["x"]);
    too_large(8, "unknown: x", &[]);
    too_large(3, "\u{FEFF}data", &[]);
    within(4, "\u{FEFF}data\n\n", &[""]);
    within(3, b"\xEF\xBBx\n", &[]);
    too_large(2, b"\xEF\xBBx\n", &[]);
    too_large(0, "x", &[]);
    within(0, "\n\r\n:x\n\n", &[]);
}

#[test]
fn the_limit_does_not_count_comments() {
    within(7, ": a long comment\ndata: x\n: and another\n\n", &["x"]);
    let (mut decoder, mut seen) = (Decoder::new().limit(7), Vec::new());
    feed(&mut decoder, b":", &mut seen).unwrap();
    for _ in 0..100 {
        feed(&mut decoder, &[b'x'; 1 << 16], &mut seen).unwrap();
    }
    feed(&mut decoder, b"\ndata: x\n\n", &mut seen).unwrap();
    assert_eq!(seen, [message("x")]);
}

#[test]
fn the_limit_is_1_mib_if_not_set() {
    let block = |size: usize| format!("data: {}\n\n", "x".repeat(size - "data: ".len()));
    let result = |stream: &str| feed(&mut Decoder::new(), stream.as_bytes(), &mut Vec::new());
    assert_eq!(result(&block(1 << 20)), Ok(()));
    let error = result(&block((1 << 20) + 1)).unwrap_err();
    assert_eq!(error.to_string(), "an event is larger than 1048576 bytes");
}

#[test]
fn what_is_too_large_stays_so_until_the_next_connection() {
    let (mut decoder, mut seen) = (Decoder::new().limit(8), Vec::new());
    feed(&mut decoder, b"id: 1\n\n", &mut seen).unwrap();
    for _ in 0..2 {
        assert!(decoder.next(&mut &b"id: 2\ndata: x\n\n"[..]).is_err());
        assert!(decoder.next(&mut &b"\n\n"[..]).is_err());
        assert!(decoder.next(&mut &b":"[..]).is_err());
        assert!(decoder.next(&mut &b""[..]).is_err());
    }
    decoder.reconnect();
    feed(&mut decoder, b"data: x\n\n", &mut seen).unwrap();
    assert_eq!(seen, [event("message", "x", "1")]);
}

#[test]
fn the_next_connection_keeps_the_id_and_nothing_else() {
    let halves: [&[u8]; 8] =
        [b"data: x", b"data: x\n", b"event: n\n", b"id: 2\n", b"id: 2", b": x", b"data: x\r", b"\xEF\xBB"];
    for half in halves {
        let (mut decoder, mut seen) = (Decoder::new(), Vec::new());
        feed(&mut decoder, b"\xEF\xBB\xBFid: 1\n\n", &mut seen).unwrap();
        feed(&mut decoder, half, &mut seen).unwrap();
        decoder.reconnect();
        feed(&mut decoder, b"\xEF\xBB\xBFdata: y\n\n", &mut seen).unwrap();
        assert_eq!(seen, [event("message", "y", "1")], "after {half:?}");
    }
}

#[test]
fn a_client_may_bring_its_id() {
    let (mut decoder, mut seen) = (Decoder::with_last_event_id("1"), Vec::new());
    assert_eq!(decoder.last_event_id(), "1");
    feed(&mut decoder, b"data: x\n\nid\ndata: y\n\n", &mut seen).unwrap();
    assert_eq!(seen, [event("message", "x", "1"), message("y")]);
}

#[test]
fn a_frame_leaves_the_rest_of_the_slice() {
    let mut decoder = Decoder::new();
    let mut input = &b"retry: 5\ndata: x\n\nda"[..];
    assert_eq!(decoder.next(&mut input), Ok(Some(Frame::Retry(Duration::from_millis(5)))));
    assert_eq!(input, b"data: x\n\nda");
    let message = Message { data: "x", name: "message", last_event_id: "" };
    assert_eq!(decoder.next(&mut input), Ok(Some(Frame::Event(message))));
    assert_eq!(input, b"da");
    assert_eq!(decoder.next(&mut input), Ok(None));
    assert_eq!(input, b"");
}

/// Hangs if the time is not linear in the length.
#[test]
fn a_long_line_one_byte_at_a_time_is_decoded_in_time() {
    let mut stream = Vec::new();
    let data = "x".repeat(1 << 20);
    Event::new(&data).encode(&mut stream);
    let (mut decoder, mut seen) = (Decoder::new().limit(2 << 20), Vec::new());
    for byte in stream.chunks(1) {
        feed(&mut decoder, byte, &mut seen).unwrap();
    }
    assert_eq!(seen, [message(&data)]);
}
