//! Events and comments to bytes.

use std::time::Duration;

use spin_sse::{Event, Id, Name, encode_comment, encode_retry};

use crate::util::{Seen, decode, encodes};

#[track_caller]
fn data_encodes(data: &str, block: &str) {
    encodes(&Event::new(data), block);
}

#[track_caller]
fn comment_encodes(text: &str, block: &str) {
    let mut out = Vec::new();
    encode_comment(text, &mut out);
    assert_eq!(out, block.as_bytes());
    assert_eq!(decode([&out[..]]), (Vec::new(), String::new()), "a comment must say nothing");
}

#[test]
fn data_is_one_field_a_line() {
    data_encodes("x", "data: x\n\n");
    data_encodes("x\ny", "data: x\ndata: y\n\n");
    data_encodes("id: 1", "data: id: 1\n\n");
    data_encodes("x\n\ndata: y", "data: x\ndata: \ndata: data: y\n\n");
}

#[test]
fn each_of_cr_and_lf_and_crlf_is_one_line_break() {
    data_encodes("a\rb", "data: a\ndata: b\n\n");
    data_encodes("a\r\nb", "data: a\ndata: b\n\n");
    data_encodes("a\r\rb", "data: a\ndata: \ndata: b\n\n");
    data_encodes("a\n\rb", "data: a\ndata: \ndata: b\n\n");
    data_encodes("a\r\n\r\nb", "data: a\ndata: \ndata: b\n\n");
    data_encodes("a\r\r\nb", "data: a\ndata: \ndata: b\n\n");
}

#[test]
fn other_line_separators_are_text() {
    data_encodes("a\u{85}b\u{2028}c\u{b}d\u{c}e", "data: a\u{85}b\u{2028}c\u{b}d\u{c}e\n\n");
}

#[test]
fn the_last_line_break_survives() {
    data_encodes("a\n", "data: a\ndata: \n\n");
    data_encodes("a\r", "data: a\ndata: \n\n");
    data_encodes("a\r\n", "data: a\ndata: \n\n");
    data_encodes("\n", "data: \ndata: \n\n");
}

#[test]
fn empty_data_survives() {
    data_encodes("", "data: \n\n");
}

#[test]
fn leading_space_survives() {
    data_encodes(" a\n  b\n ", "data:  a\ndata:   b\ndata:  \n\n");
    encodes(&Event::new("").id(Id::new(" 1").unwrap()), "id:  1\ndata: \n\n");
    encodes(&Event::new("").name(Name::new(" n").unwrap()), "event:  n\ndata: \n\n");
}

#[test]
fn fields_precede_the_data() {
    let event = Event::new("x").id(1).name("n").retry(Duration::from_secs(2));
    encodes(&event, "retry: 2000\nid: 1\nevent: n\ndata: x\n\n");
}

#[test]
fn a_block_need_not_have_data() {
    encodes(&Event::without_data().id(5), "id: 5\n\n");
    encodes(&Event::without_data().retry(Duration::from_secs(1)), "retry: 1000\n\n");
    encodes(&Event::without_data(), "\n");
}

#[test]
fn an_empty_id_is_written() {
    encodes(&Event::new("x").id(Id::from_static("")), "id: \ndata: x\n\n");
}

#[test]
fn an_empty_name_is_none() {
    encodes(&Event::new("x").name(""), "data: x\n\n");
    encodes(&Event::new("x").name("n").name(""), "data: x\n\n");
}

#[test]
fn retry_is_in_whole_milliseconds() {
    let retry = |delay, line: &str| {
        encodes(&Event::without_data().retry(delay), &format!("{line}\n"));
        let mut out = Vec::new();
        encode_retry(delay, &mut out);
        assert_eq!(out, line.as_bytes());
    };
    retry(Duration::ZERO, "retry: 0\n");
    retry(Duration::from_micros(1_999), "retry: 1\n");
    retry(Duration::from_millis(u64::MAX), "retry: 18446744073709551615\n");
    retry(Duration::MAX, "retry: 18446744073709551615\n");
}

#[test]
fn a_retry_time_alone_is_applied_before_a_block_ends() {
    let mut out = Vec::new();
    encode_retry(Duration::from_secs(1), &mut out);
    assert_eq!(decode([&out[..]]).0, [Seen::Retry(Duration::from_secs(1))]);
}

#[test]
fn each_line_of_a_comment_is_a_comment() {
    comment_encodes("x", ": x\n");
    comment_encodes("x\ny", ": x\n: y\n");
    comment_encodes("x\rdata: y\r\n\r\ndata: z", ": x\n: data: y\n: \n: data: z\n");
    comment_encodes("x\n\ndata: y\n\n", ": x\n: \n: data: y\n: \n: \n");
    comment_encodes("\0", ": \0\n");
}

#[test]
fn a_comment_ends_no_block_and_swallows_nothing() {
    comment_encodes("", ":\n");
    let mut out = Vec::new();
    encode_comment("", &mut out);
    Event::new("x").encode(&mut out);
    assert_eq!(out, b":\ndata: x\n\n");
}

#[test]
fn a_buffer_with_room_is_not_allocated_anew() {
    let mut out = Vec::with_capacity(4096);
    let before = out.as_ptr();
    let data = "one line\n".repeat(100);
    Event::new(&data).id(u64::MAX).name("name").retry(Duration::MAX).encode(&mut out);
    encode_comment(&data, &mut out);
    assert_eq!(out.as_ptr(), before);
}
