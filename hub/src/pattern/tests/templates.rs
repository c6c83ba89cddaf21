//! URI Templates, against the regular expressions that hubs before 1.0 make of them.

use proptest::prelude::*;
use regex::Regex;

use crate::pattern::Parsed;
use crate::pattern::tests::verbs::{matches, matches_not, template};

#[test]
fn a_template_matches_what_hubs_before_1_0_have_it_match() {
    let books = template("https://example.com/books/{id}");
    matches(&books, &["https://example.com/books/1", "https://example.com/books/", "https://example.com/books/{id}"]);
    matches(&books, &["https://example.com/books/a,b~%C3%A9"]);
    matches_not(
        &books,
        &["https://example.com/books/1/2", "https://example.com/books/é", "https://EXAMPLE.com/books/1"],
    );
    matches_not(
        &books,
        &["https://example.com/books/a=b", "https://example.com/books/%zz", "https://example.com/books/1 "],
    );
    matches(&template("{+path}/x"), &["a/b/x", "/x", "http://h/x"]);
    matches(&template("x{#y}{.z*}{/a,b}"), &["x", "x#", "x#!$.a.b.c/1/2", "x#y.a=1"]);
    matches_not(&template("x{/a,b}"), &["x/1/2/3", "x/a=1"]);
    matches(&template("x{?a,b}{;c}{&d:3}"), &["x?a=1&b=2;c&d=long", "x?a=1&b=2", "x?&"]);
    matches(&template("é{a}"), &["é1", "é"]);
    matches_not(&template("é{a}"), &["e1", "É"]);
}

#[test]
fn a_text_that_is_no_template_matches_itself_only() {
    for text in [
        "{",
        "}",
        "{}",
        "{a",
        "a}b{c}",
        "{a b}",
        "{a..b}",
        "{.}",
        "{=a}",
        "{a:0}",
        "{a:10000}",
        "{a:}",
        "{a*:1}",
        "{a,}",
        "%zz{a}",
        "{%2}",
    ] {
        let pattern = template(text);
        matches(&pattern, &[text]);
        matches_not(&pattern, &["", "a", "ab"]);
    }
    for text in ["{a.b}", "{%41_}", "{a:1,b*}", "{+a:9999}", "'{a}"] {
        assert!(template(text).matches(&Parsed::new(text.trim_end_matches('}').split('{').next().unwrap())), "{text}");
    }
}

/// The regular expression that the library of those hubs makes of an expression with these variables.
fn expression(operator: &str, variables: &[(&str, bool)]) -> String {
    let (first, separator) = match operator {
        "#" => ("#", ","),
        "." => (".", "."),
        "/" => ("/", "/"),
        ";" => (";", ";"),
        "?" => ("?", "&"),
        "&" => ("&", "&"),
        _ => ("", ","),
    };
    let named = [";", "?", "&"].contains(&operator);
    let value = |named: bool| {
        let class = match (operator, named) {
            ("+" | "#", _) => r"!#$&-,/:;=?@\[\]",
            (_, true) => ",=",
            _ => ",",
        };
        format!("(?:[{class}\\-._~0-9A-Za-z]|%[0-9A-Fa-f]{{2}})*")
    };
    let exploded = variables.iter().any(|(_, exploded)| *exploded);
    let mut text = regex::escape(first) + &value(named || variables[0].1);
    if variables.len() > 1 || exploded {
        let count = if exploded { "*".to_owned() } else { format!("{{0,{}}}", variables.len() - 1) };
        text += &format!("(?:{}{}){count}", regex::escape(separator), value(named || exploded));
    }
    format!("(?:{text})?")
}

fn part() -> impl Strategy<Value = (String, String)> {
    let literal = prop::sample::select(vec!["a", "/", "?", "x=", "%41", "é", ".", ","]);
    let literal = literal.prop_map(|text| (text.to_owned(), regex::escape(text)));
    let operator = prop::sample::select(vec!["", "+", "#", ".", "/", ";", "?", "&"]);
    let variable = (prop::sample::select(vec!["a", "b.c", "d:3"]), prop::bool::ANY);
    let variables = prop::collection::vec(variable, 1..4);
    let braces = (operator, variables).prop_map(|(operator, mut variables)| {
        for (name, exploded) in &mut variables {
            *exploded &= !name.contains(':');
        }
        let list: Vec<String> =
            variables.iter().map(|(name, e)| format!("{name}{}", if *e { "*" } else { "" })).collect();
        (format!("{{{operator}{}}}", list.join(",")), expression(operator, &variables))
    });
    prop_oneof![literal, braces]
}

fn topic() -> impl Strategy<Value = String> {
    let part =
        prop::sample::select(vec!["a", "/", "?", "=", "%41", "%", "é", ".", ",", "&", ";", "#", "!", "b", "x=", " "]);
    prop::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_template_matches_as_its_regular_expression(parts in prop::collection::vec(part(), 1..4), topics in prop::collection::vec(topic(), 20)) {
        let (texts, regexps): (Vec<String>, Vec<String>) = parts.into_iter().unzip();
        let (pattern, regexp) = (template(&texts.concat()), Regex::new(&format!("^(?:{})$", regexps.concat())).unwrap());
        for topic in topics {
            let expected = regexp.is_match(&topic) || topic == pattern.text();
            prop_assert_eq!(pattern.matches(&Parsed::new(&topic)), expected, "{} {}", pattern.text(), topic);
        }
    }
}
