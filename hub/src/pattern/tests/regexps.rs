use crate::pattern::tests::verbs::{base, matches, matches_not, refused, url_pattern};
use crate::pattern::{Kind, Pattern};

#[track_caller]
fn group(regexp: &str, yes: &[&str], no: &[&str]) {
    let pattern = url_pattern(&format!("https://h/({regexp})"));
    let topics = |texts: &[&str]| texts.iter().map(|text| format!("https://h/{text}")).collect::<Vec<_>>();
    matches(&pattern, &topics(yes).iter().map(String::as_str).collect::<Vec<_>>());
    matches_not(&pattern, &topics(no).iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_group_has_the_regular_expressions_of_javascript() {
    group("a|bc|", &["a", "bc", ""], &["b", "abc"]);
    group("(?:a|b)*c+", &["c", "abbacc"], &["ab", "acb"]);
    group("(?<name>a)?.", &["ab", "b"], &["", "abc"]);
    group("a{2}b{1,}c{0,2}d{0}", &["aab", "aabbbcc"], &["ab", "aabccc", "aabd"]);
    group("(?:ab?){2,3}", &["aa", "abab", "aabab"], &["ab", "aaaa"]);
    group("a*?b+?c??", &["b", "aabbc"], &["a"]);
    group(r"\d\D\w\W\S", &["1aa-b"], &["aaaab", "1aaab"]);
    group(r"\x61\u0062\u{63}\t?\cA?\0?", &["abc"], &["ab"]);
    group(r"[a-c][^a-c][\d_][\-\]]", &["ax1-", "cy_]"], &["aa1-"]);
    group(r"[[a-z]--[aeiou]][\w&&\d][\w--\d]", &["b1a"], &["a1a", "bba", "b11"]);
    group("[]|[^]", &["a", "/"], &[""]);
    group(r"\/a\.b", &["/a.b"], &["/axb"]);
    group(r"a$|^b", &["a"], &["b"]);
    group(r"a\b.\Bb?", &["a-", "a-"], &["ab", "a-b"]);
    group(r"\u{e9}|\u00e9", &[], &["é", "e"]);
}

#[test]
fn an_assertion_is_about_the_component() {
    matches(&url_pattern(r"https://(^a$)(^)?/*"), &["https://a/"]);
    matches_not(&url_pattern(r"https://h/(^a)"), &["https://h/a"]);
    matches(&url_pattern(r"https://h/(a$)\?(^b\B)c"), &["https://h/a?bc"]);
    matches(&url_pattern(r"https://h/*(\b\b:*)b"), &["https://h/b", "https://h/a-b"]);
    matches_not(&url_pattern(r"https://h/*(\b\b:*)b"), &["https://h/ab"]);
}

#[test]
fn what_takes_more_than_linear_time_is_refused() {
    for around in ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)"] {
        refused(&format!("https://h/(a{around})"), "looks around");
    }
    refused(r"https://h/((?:a)\1)", "refers to another one");
    refused(r"https://h/(\k<a>)", "refers to another one");
    refused(r"https://h/(\p{L})", "property of Unicode");
    refused("https://h/((?i:a))", "flags of a part");
}

#[test]
fn what_is_no_regular_expression_is_refused() {
    for regexp in ["*a", "a**", "a{", "a{1", "a{2,1}", "a{,2}", "a}", "a]", "(?:a", "(?<>a)", "^*", "a|+", "a{1}{2}"] {
        let error = Pattern::parse(Kind::UrlPattern, &format!("https://h/({regexp})"), &base()).unwrap_err();
        assert!(error.to_string().contains("group"), "{regexp}: {error}");
    }
    for class in [
        "[a",
        "[b-a]",
        "[a-]",
        "[-a]",
        r"[\d-a]",
        "[a&&]",
        "[a&&b--c]",
        "[ab&&c]",
        "[a-b--c]",
        "[a&&bc]",
        "[{]",
        "[!!]",
    ] {
        refused(&format!("https://h/({class})"), "class");
    }
    for escape in [r"\a", r"\-", r"\x6", r"\u{110000}", r"\u{}", r"\c1", r"\00"] {
        refused(&format!("https://h/({escape})"), "backslash in a group");
    }
}
