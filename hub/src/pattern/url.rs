//! The parser of the [URL Standard](https://url.spec.whatwg.org/#url-parsing), without the tables of Unicode that map
//! the domains that are not ASCII: see [`Url::host`].

pub(crate) mod encode;
pub(crate) mod ip;

pub(crate) mod host;
pub(crate) mod path;

use std::borrow::Cow;

use crate::pattern::url::encode::encode;
use crate::pattern::url::path::{OTHER, WEB};

/// The special schemes, and their default ports.
const SPECIAL: [(&str, Option<u16>); 6] =
    [("http", Some(80)), ("https", Some(443)), ("ws", Some(80)), ("wss", Some(443)), ("ftp", Some(21)), ("file", None)];

/// A URL, its parts as they are written canonically. What it has not is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) username: String,
    pub(crate) password: String,
    /// Not ASCII if it is a domain that is not: then it is as it was given.
    pub(crate) host: String,
    /// `None`, too, if it is the default of the scheme.
    pub(crate) port: Option<u16>,
    /// A slash before each segment, or a path that is opaque: `uuid:1` of `urn:uuid:1`.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) fragment: String,
}

/// The special schemes.
pub(crate) fn special_schemes() -> impl Iterator<Item = &'static str> {
    SPECIAL.iter().map(|(scheme, _)| *scheme)
}

/// The default port of a scheme: `None` if the scheme is not special.
pub(crate) fn default_port(scheme: &str) -> Option<Option<u16>> {
    SPECIAL.iter().find(|(special, _)| *special == scheme).map(|(_, port)| *port)
}

/// Parses a URL. `base`, for a text that is relative, is a URL of the schemes `http` or `https`.
pub(crate) fn parse(text: &str, base: Option<&Url>) -> Option<Url> {
    let text = text.trim_matches(|character| character <= ' ');
    let text = without_breaks(text);
    let (before, fragment) = text.split_once('#').map_or((&*text, None), |(before, after)| (before, Some(after)));
    let (before, query) = before.split_once('?').map_or((before, None), |(before, after)| (before, Some(after)));
    let mut url = match split_scheme(before) {
        Some((scheme, rest)) => absolute(scheme.to_ascii_lowercase(), rest, base)?,
        None => relative(before, base?)?,
    };
    if url.is_opaque(before) && before.ends_with(' ') && (query.is_some() || fragment.is_some()) {
        url.path.pop();
        url.path.push_str("%20");
    }
    if let Some(query) = query {
        let special = default_port(&url.scheme).is_some();
        url.query = encode(query, if special { encode::SPECIAL_QUERY } else { encode::QUERY });
    }
    url.fragment = fragment.map(|fragment| encode(fragment, encode::FRAGMENT)).unwrap_or_default();
    Some(url)
}

/// A text without the tabs and line breaks that the standard ignores anywhere.
pub(crate) fn without_breaks(text: &str) -> Cow<'_, str> {
    match text.contains(['\t', '\n', '\r']) {
        true => Cow::Owned(text.replace(['\t', '\n', '\r'], "")),
        false => Cow::Borrowed(text),
    }
}

/// `scheme:rest`, where the scheme is one.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

fn absolute(scheme: String, rest: &str, base: Option<&Url>) -> Option<Url> {
    let mut url = Url { scheme, ..Url::default() };
    if url.scheme == "file" {
        url.file(rest)?;
    } else if default_port(&url.scheme).is_some() {
        if let Some(base) = base.filter(|base| base.scheme == url.scheme && !rest.starts_with("//")) {
            return relative(rest, base);
        }
        url.authority(rest.trim_start_matches(WEB), WEB)?;
    } else if let Some(authority) = rest.strip_prefix("//") {
        url.authority(authority, OTHER)?;
    } else if let Some(segments) = rest.strip_prefix('/') {
        path::push(&mut url.path, segments, &url.scheme, false);
    } else {
        encode::push(&mut url.path, rest, encode::CONTROL);
    }
    Some(url)
}

/// "relative state" and "relative slash state".
fn relative(rest: &str, base: &Url) -> Option<Url> {
    let mut url = base.clone();
    if let Some(after) = rest.strip_prefix(WEB) {
        if after.starts_with(WEB) {
            url = Url { scheme: url.scheme, ..Url::default() };
            url.authority(after.trim_start_matches(WEB), WEB)?;
            return Some(url);
        }
        url.path.clear();
        url.query.clear();
        path::push(&mut url.path, after, &url.scheme, true);
    } else if !rest.is_empty() {
        path::shorten(&mut url.path, &url.scheme);
        url.query.clear();
        path::push(&mut url.path, rest, &url.scheme, true);
    }
    Some(url)
}

impl Url {
    /// "authority state" to "path start state": what follows the slashes.
    fn authority(&mut self, text: &str, slashes: &[char]) -> Option<()> {
        let special = slashes == WEB;
        let (authority, path) = text.split_at(text.find(slashes).unwrap_or(text.len()));
        let (credentials, host) =
            authority.rsplit_once('@').map_or((None, authority), |(before, after)| (Some(before), after));
        if let Some(credentials) = credentials {
            let (username, password) = credentials.split_once(':').unwrap_or((credentials, ""));
            self.username = encode(username, encode::USERINFO);
            self.password = encode(password, encode::USERINFO);
        }
        let mut in_brackets = false;
        let colon = host.find(|character| {
            match character {
                '[' => in_brackets = true,
                ']' => in_brackets = false,
                _ => {}
            }
            character == ':' && !in_brackets
        });
        let (host, port) = host.split_at(colon.unwrap_or(host.len()));
        if host.is_empty() && (special || credentials.is_some() || colon.is_some()) {
            return None;
        }
        self.host = host::parse(host, special)?;
        self.port = parse_port(port.strip_prefix(':').unwrap_or_default(), &self.scheme)?;
        if special || !path.is_empty() {
            path::push(&mut self.path, path.strip_prefix(slashes).unwrap_or(path), &self.scheme, special);
        }
        Some(())
    }

    /// "file state" to "file host state": what follows `file:`.
    fn file(&mut self, rest: &str) -> Option<()> {
        let mut path = rest.strip_prefix(WEB).unwrap_or(rest);
        if let Some(after) = rest.strip_prefix(WEB).and_then(|rest| rest.strip_prefix(WEB)) {
            let (host, segments) = after.split_at(after.find(WEB).unwrap_or(after.len()));
            path = after;
            if !path::is_drive(host) {
                if !host.is_empty() {
                    self.host = host::parse(host, true)?;
                }
                if self.host == "localhost" {
                    self.host.clear();
                }
                path = segments.strip_prefix(WEB).unwrap_or(segments);
            }
        }
        path::push(&mut self.path, path, &self.scheme, true);
        Some(())
    }

    /// Whether its path is opaque, where it was parsed from `text`.
    fn is_opaque(&self, text: &str) -> bool {
        let after_scheme = text.get(self.scheme.len()..).and_then(|rest| rest.strip_prefix(':'));
        default_port(&self.scheme).is_none() && after_scheme.is_some_and(|rest| !rest.starts_with('/'))
    }
}

/// The port of a URL: digits, or nothing for the default one, which is `None`.
pub(crate) fn parse_port(digits: &str, scheme: &str) -> Option<Option<u16>> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.is_empty() {
        return Some(None);
    }
    let port = digits.parse().ok()?;
    Some(Some(port).filter(|_| default_port(scheme) != Some(Some(port))))
}
