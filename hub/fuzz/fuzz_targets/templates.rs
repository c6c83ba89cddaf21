//! A URI Template and a topic, a line each: no panic, in linear time and little memory, and what it is expanded to
//! matches.
//!
//! `cargo +nightly fuzz run -s none templates`: 86 million runs in 89 minutes on shared cores found nothing.
#![no_main]
use spin_sse_hub::internals::{Base, Kind, Parsed, Pattern};

libfuzzer_sys::fuzz_target!(|input: &str| {
    let Some((text, topic)) = input.split_once('\n') else { return };
    let base = Base::parse("https://hub.example/").unwrap();
    let Ok(pattern) = Pattern::parse(Kind::UriTemplate, text, &base) else { return };
    assert!(pattern.size() < 3_400);
    let (matches, steps) = pattern.steps(&Parsed::new(topic));
    assert!(steps <= 2 * (pattern.size() - text.len()) * (topic.len() + 1));
    assert!(pattern.matches(&Parsed::new(text)));
    if !text.contains('{') {
        assert_eq!(matches, text == topic);
    }
    if let Some(expanded) = without_variables(text) {
        assert!(pattern.matches(&Parsed::new(&expanded)), "{expanded:?}");
    }
});

/// What a template is expanded to when no variable is defined: nothing is left of its expressions. `None`: it is
/// perhaps no template.
fn without_variables(text: &str) -> Option<String> {
    let mut pieces = text.split('{');
    let mut expanded = pieces.next()?.to_owned();
    for piece in pieces {
        let (expression, literal) = piece.split_once('}')?;
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !expression.split(',').all(|variable| is_name(variable.strip_suffix('*').unwrap_or(variable))) {
            return None;
        }
        expanded += literal;
    }
    let is_literal = |byte: u8| byte.is_ascii_alphanumeric() || b"/:.?#&=,;".contains(&byte);
    expanded.bytes().all(is_literal).then_some(expanded)
}
