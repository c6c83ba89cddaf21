//! A URI Template and a topic: no panic, in linear time and little memory, and what is expanded matches.
#![no_main]
use spin_sse_hub::internals::{Base, Kind, Parsed, Pattern};

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let base = Base::parse("https://hub.example/").unwrap();
    let Ok(pattern) = Pattern::parse(Kind::UriTemplate, input.0, &base) else { return };
    assert!(pattern.size() < 3_400);
    let (matches, steps) = pattern.steps(&Parsed::new(input.1));
    assert!(steps <= 2 * (pattern.size() - input.0.len()) * (input.1.len() + 1));
    assert!(pattern.matches(&Parsed::new(input.0)));
    if !input.0.contains('{') {
        assert_eq!(matches, input.0 == input.1);
    }
    // A variable that is not defined leaves nothing of its expression.
    let mut rest = input.0;
    let mut expanded = String::new();
    while let Some((literal, after)) = rest.split_once('{') {
        let Some((expression, after)) = after.split_once('}') else { return };
        let plain = |byte: u8| byte.is_ascii_alphabetic() || b",*".contains(&byte);
        let is_plain = !expression.is_empty() && expression.bytes().all(plain);
        if !is_plain || expression.split(',').any(|name| name.trim_end_matches('*').is_empty() || name.contains("**") || name.find('*').is_some_and(|at| at + 1 < name.len())) {
            return;
        }
        expanded += literal;
        rest = after;
    }
    expanded += rest;
    let literal = |byte: u8| byte.is_ascii_alphanumeric() || b"/:.?#&=,;".contains(&byte);
    if expanded.bytes().all(literal) {
        assert!(pattern.matches(&Parsed::new(&expanded)), "{input:?}");
    }
});
