use crate::pattern::tests::verbs::{HUB, base, matches, refused, template, url_pattern};
use crate::pattern::{Kind, Parsed, Pattern};

#[test]
fn a_pattern_that_would_take_too_much_is_refused() {
    for regexp in [
        "a{1000}{0,9}",
        "a{99999999999999999999}",
        "(?:(?:a{99}){99}){99}",
        "(?:a?){999}",
        "[b-d]{2000}",
        "(?:a|b){300}",
    ] {
        let text = format!("https://h/({regexp})");
        let error = Pattern::parse(Kind::UrlPattern, &text, &base()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("too complex") || error.contains("regular expression"), "{regexp}: {error}");
    }
    refused(&format!("https://h/{}", "é".repeat(500)), "too complex");
    refused("https://h/(a{0,300})", "too complex");
    refused(&"a".repeat(1_025), "longer than 1024 bytes");
    let deep = |depth: usize| format!("https://h/({}a{})", "(?:".repeat(depth), ")".repeat(depth));
    refused(&deep(33), "32 others");
    matches(&url_pattern(&deep(32)), &["https://h/a"]);
    refused(&format!("https://h/({}a{})", "[".repeat(500), "]".repeat(500)), "class");
    refused(&format!("https://h/{}", "(".repeat(1_000)), "parenthesis");
    assert!(Pattern::parse(Kind::UriTemplate, &"{a,b,c,d,e,f,g}".repeat(60), &base()).is_err());
}

#[test]
fn what_people_write_is_within_the_limits() {
    url_pattern("https://example.com/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/:a/:b/:c?");
    url_pattern(&format!("https://h/{}", "é".repeat(300)));
    url_pattern(&format!("https://h/{}", "{a}?".repeat(250)));
    url_pattern(&format!("https://h/{}", "a".repeat(1_000)));
    url_pattern("https://h/([\\w\\-]{1,64})");
    template("https://example.com/{a,b,c,d,e,f}{?g,h,i*}{#j}");
}

/// Patterns that take exponential time elsewhere, and those with the most ways at once here.
fn evil() -> Vec<Pattern> {
    let regexps = ["(?:a*)*b", "(?:a|a)*b", "(?:a?){99}a{99}", "(?:(?:a+)+)+b", "(?:.*a){90}"];
    let mut evil: Vec<Pattern> = regexps.iter().map(|regexp| url_pattern(&format!("https://h/({regexp})"))).collect();
    evil.push(url_pattern(&format!("https://h/{}", "*a".repeat(250))));
    evil.push(url_pattern(&format!("https://h/{}", "{*}?".repeat(125))));
    evil.push(url_pattern(&format!("https://h/*{}", "a".repeat(1_000))));
    evil.push(template(&"{+a}".repeat(60)));
    evil
}

#[test]
fn matching_takes_linear_time() {
    let topics =
        [format!("https://h/{}", "a".repeat(1_000)), "a".repeat(1_024), format!("https://h/{}", "é".repeat(500))];
    for pattern in evil() {
        for topic in &topics {
            let (_, steps) = pattern.steps(&Parsed::new(topic));
            let bytes = 3 * topic.len() + HUB.len();
            let program = pattern.size() - pattern.text().len();
            assert!(steps <= 2 * program * bytes, "{pattern:?} takes {steps} steps");
        }
    }
}

#[test]
fn as_many_patterns_as_an_instance_can_hold_leave_it_room() {
    let fill = |start: &str, part: &str| {
        let text = start.to_owned() + &part.repeat((1_024 - start.len()) / part.len());
        (1..=text.len())
            .rev()
            .filter_map(|length| Pattern::parse(Kind::UrlPattern, text.get(..length)?, &base()).ok())
            .next()
    };
    for (start, part) in
        [("https://h/", "é"), ("https://h/", "a"), ("https://h/", "{a}?"), ("https://h/", "([b-e])?"), ("/", "*")]
    {
        let size = fill(start, part).unwrap().size();
        assert!(128 * 100 * size < 48 << 20, "{part}: {size}");
    }
}
