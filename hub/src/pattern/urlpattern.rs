//! URL Patterns, as the [URL Pattern Living Standard](https://urlpattern.spec.whatwg.org/) has them, to programs.

pub(crate) mod component;
pub(crate) mod tokenizer;

pub(crate) mod parser;

pub(crate) mod constructor;

use crate::pattern::builder::Builder;
use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::{ACCEPT, END, Program, SEPARATOR};
use crate::pattern::url::{Url, default_port};
use crate::pattern::urlpattern::component::Component;
use crate::pattern::urlpattern::constructor::{Parts, is_special};

/// Compiles a pattern. `base` is what one without a scheme is relative to.
///
/// # Errors
///
/// When it is not valid, or too complex.
pub(crate) fn compile(text: &str, base: &Url) -> Result<Program, InvalidPattern> {
    let parts = constructor::parse(text)?;
    // Only a relative pattern has a base: with it the standard would look for the path of `urn\:x` in the hub's folder.
    if parts.protocol.is_some() {
        return assemble(&parts);
    }
    // What of "process a URLPatternInit" applies: such a pattern begins with a path, a query or a fragment.
    let (host, path, query) = (escape(&base.host), escape(&base.path), escape(&base.query));
    let port = base.port.map(|port| port.to_string()).unwrap_or_default();
    let is_absolute = |path: &str| ["/", "\\/", "{/"].iter().any(|start| path.starts_with(start));
    let pathname = match parts.pathname {
        None => path,
        Some(pathname) if is_absolute(pathname) => pathname.to_owned(),
        Some(pathname) => {
            let folder = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or_default();
            [folder, pathname].concat()
        }
    };
    assemble(&Parts {
        protocol: Some(&base.scheme),
        hostname: Some(&host),
        port: Some(&port),
        pathname: Some(&pathname),
        search: parts.search.or_else(|| parts.pathname.is_none().then_some(&*query)),
        ..parts
    })
}

/// The program for these components.
pub(crate) fn assemble(parts: &Parts<'_>) -> Result<Program, InvalidPattern> {
    let protocol = parts.protocol.map_or("*", |protocol| protocol.strip_suffix(':').unwrap_or(protocol));
    let hostname = parts.hostname.unwrap_or("*");
    let is_ipv6 = hostname.len() > 1 && ["[", "{[", "\\["].iter().any(|start| hostname.starts_with(start));
    let port = match (parts.port, default_port(protocol)) {
        (Some(port), Some(Some(default))) if port == default.to_string() => "",
        (port, _) => port.unwrap_or("*"),
    };
    let path = if is_special(protocol)? { Component::Pathname } else { Component::OpaquePathname };
    // In the order in which a topic is written down for them: those that differ most come first.
    let components = [
        (Component::Protocol, protocol),
        (if is_ipv6 { Component::Ipv6 } else { Component::Hostname }, hostname),
        (Component::Port, port),
        (path, parts.pathname.unwrap_or("*")),
        (Component::Search, parts.search.map_or("*", |search| search.strip_prefix('?').unwrap_or(search))),
        (Component::Hash, parts.hash.map_or("*", |hash| hash.strip_prefix('#').unwrap_or(hash))),
        (Component::Userinfo, parts.username.unwrap_or("*")),
        (Component::Userinfo, parts.password.unwrap_or("*")),
    ];
    // The last ones are mostly free: the program ends before them.
    let free = components.iter().rev().take_while(|(_, pattern)| *pattern == "*").count();
    let mut builder = Builder::default();
    for (component, pattern) in components.iter().take(components.len().saturating_sub(free)) {
        parser::compile(pattern, *component, &mut builder)?;
        builder.push(&[SEPARATOR]);
    }
    builder.finish(if free > 0 { ACCEPT } else { END })
}

/// What a pattern is tried on: the components of a topic, with the separator after each.
pub(crate) fn components(topic: &Url) -> Option<String> {
    if !topic.host.is_ascii() {
        return None;
    }
    let port = topic.port.map(|port| port.to_string()).unwrap_or_default();
    let components = [
        &topic.scheme,
        &topic.host,
        &port,
        &topic.path,
        &topic.query,
        &topic.fragment,
        &topic.username,
        &topic.password,
    ];
    let mut text = String::with_capacity(components.iter().map(|component| component.len().saturating_add(1)).sum());
    for component in components {
        text.push_str(component);
        text.push(char::from(SEPARATOR));
    }
    Some(text)
}

/// "escape a pattern string"
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "+*?:{}()\\".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
