//! Events and their parts.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use spin_sse::{Event, Id, InvalidId, InvalidName, Name};

#[track_caller]
fn refuses_id(text: &str) {
    assert_eq!(Id::new(text), Err(InvalidId));
}

#[track_caller]
fn refuses_name(text: &str) {
    assert_eq!(Name::new(text), Err(InvalidName));
}

#[track_caller]
fn id_reads(id: impl Into<Id<'static>>, text: &str) {
    let id = id.into();
    assert_eq!((id.as_str(), id.to_string().as_str()), (text, text));
}

#[test]
fn an_id_has_no_nul_and_no_line_break() {
    refuses_id("\0");
    refuses_id("1\0");
    refuses_id("1\n");
    refuses_id("\r2");
    refuses_id("1\r\ndata: injected");
    id_reads(Id::new("\u{85}é\t ").unwrap(), "\u{85}é\t ");
    id_reads(Id::new("").unwrap(), "");
}

#[test]
fn a_name_has_no_line_break() {
    refuses_name("\n");
    refuses_name("n\r");
    refuses_name("n\r\ndata: injected");
    assert_eq!(Name::new("a\0b").unwrap().as_str(), "a\0b");
}

#[test]
fn a_literal_name_loses_its_line_breaks() {
    assert_eq!(Name::from("two\r\nlines").as_str(), "two  lines");
}

#[test]
fn constants_are_checked_by_the_compiler() {
    const ID: Id = Id::from_static("é");
    const NAME: Name = Name::from_static("é");
    assert_eq!((ID.as_str(), NAME.as_str()), ("é", "é"));
}

#[test]
fn an_integer_is_an_id() {
    id_reads(0, "0");
    id_reads(-1, "-1");
    id_reads(10_u8, "10");
    id_reads(u16::MAX, "65535");
    id_reads(u32::MAX, "4294967295");
    id_reads(u64::MAX, "18446744073709551615");
    id_reads(i8::MIN, "-128");
    id_reads(i16::MIN, "-32768");
    id_reads(i32::MIN, "-2147483648");
    id_reads(i64::MIN, "-9223372036854775808");
    id_reads(i64::MAX, "9223372036854775807");
}

#[test]
fn ids_are_equal_by_their_text() {
    assert_eq!(Id::from(42), Id::from_static("42"));
    assert_eq!(HashSet::from([Id::from(42), Id::from_static("42"), Id::from(42_u64)]).len(), 1);
    assert_ne!(Id::from(42), Id::from_static("042"));
}

#[test]
fn parts_print_as_their_text() {
    assert_eq!(format!("{:>4}|{:<3}|", Id::from(42), Name::from("n")), "  42|n  |");
    assert_eq!(format!("{:?} {:?}", Id::from(42), Name::from("n")), r#"Id("42") Name("n")"#);
    assert_eq!(InvalidId.to_string(), "an event id cannot contain NUL, CR or LF");
    assert_eq!(InvalidName.to_string(), "an event name cannot contain CR or LF");
}

#[test]
fn what_was_set_can_be_read() {
    let event = Event::new("x").name("n").id(1).retry(Duration::from_secs(1));
    let parts = event.as_parts();
    assert_eq!(parts.data, Some("x"));
    assert_eq!(parts.name.map(Name::as_str), Some("n"));
    assert_eq!(parts.id.map(Id::as_str), Some("1"));
    assert_eq!(parts.retry, Some(Duration::from_secs(1)));
    assert_eq!(Event::without_data(), Event::default());
    assert_eq!(Event::new("x").name("").as_parts().name, None);
}

#[test]
fn an_owned_event_outlives_its_parts() {
    let owned = {
        let text = String::from("text");
        let (id, name) = (Id::new(&text).unwrap(), Name::new(Cow::from(&text)).unwrap());
        Event::new(&text).id(id).name(name).into_owned()
    };
    assert_eq!(owned, Event::new("text").id(Id::from_static("text")).name("text"));
}

#[test]
fn borrowed_data_goes_with_parts_of_any_lifetime() {
    let text = String::from("x");
    let event = Event::new(text.as_str()).id(7_u64).name("literal");
    assert_eq!(event.into_owned().as_parts().data, Some("x"));
}
