//! The cases of the standard's own tests, see `hub/testdata/README.md`.

use std::collections::HashMap;

use serde_json::Value;

use crate::pattern::program::Program;
use crate::pattern::url::{self, Url, default_port};
use crate::pattern::urlpattern::component::Component;
use crate::pattern::urlpattern::constructor::Parts;
use crate::pattern::urlpattern::{self, assemble, escape};

const CASES: &str = include_str!("../../../testdata/urlpattern.json");

/// How many cases there are, and how many of them this engine is not for.
const COUNT: usize = 352;
const OUT_OF_SCOPE: [(&str, usize); 3] =
    [("ignoreCase", 5), ("a host that is not ASCII", 3), ("a base that is no hub", 1)];

#[test]
fn the_cases_of_the_standard_hold() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert_eq!(cases.len(), COUNT);
    let in_scope = cases.iter().filter(|case| out_of_scope(case).is_none());
    let failed: Vec<String> = in_scope
        .map(|case| (case, result(case)))
        .filter(|(case, result)| *result != case["result"])
        .map(|(case, result)| format!("{result}: {case}"))
        .collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn only_these_cases_of_the_standard_are_out_of_scope() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    for (reason, count) in OUT_OF_SCOPE {
        assert_eq!(cases.iter().filter(|case| out_of_scope(case) == Some(reason)).count(), count, "{reason}");
    }
}

/// Why a case is none for this engine.
fn out_of_scope(case: &Value) -> Option<&'static str> {
    let [ignore_case, host, base] = OUT_OF_SCOPE.map(|(reason, _)| reason);
    let (pattern, inputs) = (case["pattern"].to_string(), case["inputs"].to_string());
    if pattern.contains("ignoreCase") {
        return Some(ignore_case);
    }
    if ["{\"hostname\":\"café.com\"}", "//🚲.com"].iter().any(|host| inputs.contains(host)) {
        return Some(host);
    }
    inputs.contains("data-urls-cannot-be-base-urls").then_some(base)
}

fn result(case: &Value) -> Value {
    let Some(program) = pattern(&case["pattern"]) else { return "no pattern".into() };
    if case.get("inputs").is_none() {
        return "a pattern".into();
    }
    match input(&case["inputs"]) {
        Some(Some(input)) => program.matches(input.as_bytes()).into(),
        Some(None) => false.into(),
        None => "no input".into(),
    }
}

/// What a constructor of patterns makes of its arguments.
fn pattern(arguments: &Value) -> Option<Program> {
    let [first, rest @ ..] = &arguments.as_array().unwrap()[..] else { return assemble(&Parts::default()).ok() };
    match (first, rest) {
        (Value::String(text), []) => {
            urlpattern::constructor::parse(text).ok()?.protocol?;
            urlpattern::compile(text, &Url::default()).ok()
        }
        (Value::String(text), [Value::String(base)]) => urlpattern::compile(text, &url::parse(base, None)?).ok(),
        (Value::Object(_), []) => assemble(&parts(&process(first, true)?)).ok(),
        _ => None,
    }
}

/// What a test of a pattern makes of its arguments: `None` is an error, and `Some(None)` what cannot match.
fn input(arguments: &Value) -> Option<Option<String>> {
    let [first, rest @ ..] = &arguments.as_array().unwrap()[..] else { return Some(Some("\n".repeat(8))) };
    match (first, rest) {
        (Value::String(text), []) => Some(url::parse(text, None).as_ref().and_then(urlpattern::components)),
        (Value::String(text), [Value::String(base)]) => {
            let base = url::parse(base, None);
            Some(base.and_then(|base| url::parse(text, Some(&base))).as_ref().and_then(urlpattern::components))
        }
        (Value::Object(_), []) => Some(canonical(first)),
        _ => None,
    }
}

const NAMES: [&str; 8] = ["protocol", "hostname", "port", "pathname", "search", "hash", "username", "password"];

type Init = HashMap<&'static str, String>;

fn parts(init: &Init) -> Parts<'_> {
    let get = |name| init.get(name).map(String::as_str);
    Parts {
        protocol: get("protocol"),
        username: get("username"),
        password: get("password"),
        hostname: get("hostname"),
        port: get("port"),
        pathname: get("pathname"),
        search: get("search"),
        hash: get("hash"),
    }
}

/// The components that an object describes, as a topic has them. `None`: it describes none that there is.
fn canonical(object: &Value) -> Option<String> {
    let init = process(object, false)?;
    let protocol = Component::Protocol.canonical(init.get("protocol").map_or("", String::as_str)).ok()?;
    let mut text = String::new();
    for name in NAMES {
        let value = init.get(name).map_or("", String::as_str);
        let component = match name {
            "protocol" => Component::Protocol,
            "hostname" => Component::Hostname,
            "port" => Component::Port,
            "pathname" if protocol.is_empty() || default_port(&protocol).is_some() => Component::Pathname,
            "pathname" => Component::OpaquePathname,
            "search" => Component::Search,
            "hash" => Component::Hash,
            _ => Component::Userinfo,
        };
        let value = component.canonical(value).ok()?;
        let is_default = name == "port" && Some(Some(value.as_str())) == port(&protocol).as_ref().map(Option::as_deref);
        text.push_str(if is_default { "" } else { &value });
        text.push('\n');
    }
    Some(text)
}

fn port(protocol: &str) -> Option<Option<String>> {
    default_port(protocol).map(|port| port.map(|port| port.to_string()))
}

/// "process a URLPatternInit", but for what is canonical.
fn process(object: &Value, is_pattern: bool) -> Option<Init> {
    let mut init = Init::new();
    for name in NAMES {
        if let Some(value) = object[name].as_str() {
            init.insert(name, value.to_owned());
        }
    }
    let has = |names: &[&str]| names.iter().any(|name| !object[name].is_null());
    let inherited = |text: &str| if is_pattern { escape(text) } else { text.to_owned() };
    if let Some(base) = object["baseURL"].as_str() {
        let base = url::parse(base, None)?;
        let values = [
            &base.scheme,
            &base.host,
            &base.port.map_or(String::new(), |port| port.to_string()),
            &base.path,
            &base.query,
            &base.fragment,
        ];
        for (at, value) in values.iter().enumerate() {
            if !has(&NAMES[..=at]) {
                init.insert(NAMES[at], inherited(value));
            }
        }
        if !is_pattern && !has(&["protocol", "hostname", "port", "username"]) {
            init.insert("username", base.username.clone());
            if !has(&["password"]) {
                init.insert("password", base.password.clone());
            }
        }
        let starts: &[&str] = if is_pattern { &["/", "\\/", "{/"] } else { &["/"] };
        let relative = |path: &&str| !starts.iter().any(|start| path.starts_with(start)) && base.path.starts_with('/');
        if let Some(path) = object["pathname"].as_str().filter(relative) {
            let folder = &base.path[..=base.path.rfind('/').unwrap()];
            init.insert("pathname", inherited(folder) + path);
        }
    }
    if let Some(protocol) = init.get_mut("protocol").filter(|protocol| protocol.ends_with(':')) {
        protocol.pop();
    }
    for (name, sign) in [("search", '?'), ("hash", '#')] {
        if let Some(value) = init.get_mut(name).filter(|value| value.starts_with(sign)) {
            value.remove(0);
        }
    }
    Some(init)
}
