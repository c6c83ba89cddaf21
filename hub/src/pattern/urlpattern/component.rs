//! What the components of a URL Pattern differ in: how fixed text is made canonical, and what a group matches by itself
//! (URL Pattern, "encoding callbacks" and "options").

use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::{ANY, Set, one};
use crate::pattern::url::{self, encode, host, path};

/// A component, as far as it is treated in its own way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Component {
    Protocol,
    /// A user name or a password.
    Userinfo,
    Hostname,
    /// A host name that begins with a bracket.
    Ipv6,
    Port,
    Pathname,
    /// The path of a URL whose scheme is not special.
    OpaquePathname,
    Search,
    Hash,
}

impl Component {
    /// What a named group matches one or more of.
    pub(crate) fn segment(self) -> Set {
        match self {
            Component::Hostname | Component::Ipv6 => ANY & !one(b'.'),
            Component::Pathname => ANY & !one(b'/'),
            _ => ANY,
        }
    }

    /// The character that belongs to a group before which it stands.
    pub(crate) fn prefix(self) -> &'static str {
        if self == Component::Pathname { "/" } else { "" }
    }

    /// A piece of fixed text as it is in a canonical URL.
    ///
    /// # Errors
    ///
    /// When no URL has it there.
    pub(crate) fn canonical(self, text: &str) -> Result<String, InvalidPattern> {
        if text.is_empty() {
            return Ok(String::new());
        }
        if self == Component::Userinfo {
            return Ok(encode::encode(text, encode::USERINFO));
        }
        let text = &*url::without_breaks(text);
        Ok(match self {
            Component::Protocol => protocol(text)?,
            Component::Hostname => hostname(text)?,
            Component::Ipv6 => ipv6(text)?,
            Component::Port => port(text)?,
            Component::Pathname => pathname(text),
            Component::OpaquePathname => opaque(text),
            Component::Search => encode::encode(text, encode::SPECIAL_QUERY),
            Component::Hash | Component::Userinfo => encode::encode(text, encode::FRAGMENT),
        })
    }
}

/// "canonicalize a protocol"
fn protocol(text: &str) -> Result<String, InvalidPattern> {
    let mut dummy = text.to_owned();
    dummy.push_str("://dummy.invalid/");
    let url = url::parse(&dummy, None);
    url.map(|url| url.scheme).ok_or(InvalidPattern(
        "the URL pattern begins with what is no scheme: a scheme has ASCII letters, digits, + - and . before the colon",
    ))
}

/// "canonicalize a hostname"
fn hostname(text: &str) -> Result<String, InvalidPattern> {
    const INVALID: InvalidPattern =
        InvalidPattern("the URL pattern has a host that no URL has: look for a character that no host can have");
    let mut in_brackets = false;
    let end = text.find(|character| {
        match character {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
        "/?#\\".contains(character) || (character == ':' && !in_brackets)
    });
    let (text, rest) = text.split_at(end.unwrap_or(text.len()));
    if rest.starts_with(':') || text.is_empty() {
        return Err(INVALID);
    }
    let host = host::parse(text, true).ok_or(INVALID)?;
    if host.is_ascii() {
        return Ok(host);
    }
    Err(InvalidPattern(
        "the URL pattern has a host that is not ASCII: write it as DNS has it, as in xn--bcher-kva.example",
    ))
}

/// "canonicalize an IPv6 hostname"
fn ipv6(text: &str) -> Result<String, InvalidPattern> {
    let is_address = |character: char| character.is_ascii_hexdigit() || "[]:".contains(character);
    if text.chars().all(is_address) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(InvalidPattern("the URL pattern has a host in brackets that is no IPv6 address"))
}

/// "canonicalize a port". The default port of a scheme is left out elsewhere, where the scheme is known.
fn port(text: &str) -> Result<String, InvalidPattern> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).map_or(text, |end| text.split_at(end).0);
    let port: Option<u16> = digits.parse().ok();
    port.map(|port| port.to_string()).ok_or(InvalidPattern(
        "the URL pattern has a port that is no number up to 65535: write the number, * or nothing",
    ))
}

/// "canonicalize a pathname"
fn pathname(text: &str) -> String {
    let mut canonical = String::new();
    if let Some(text) = text.strip_prefix('/') {
        path::push(&mut canonical, text, "https", true);
        return canonical;
    }
    // What begins in the middle of a segment. The sign keeps a dot at its beginning from being a whole one.
    let mut padded = String::from("-");
    padded.push_str(text);
    path::push(&mut canonical, &padded, "https", true);
    canonical.split_off(canonical.len().min(2))
}

/// "canonicalize an opaque pathname"
fn opaque(text: &str) -> String {
    let end = text.find(['?', '#']);
    let (path, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut canonical = encode::encode(path, encode::CONTROL);
    if !rest.is_empty() && canonical.ends_with(' ') {
        canonical.pop();
        canonical.push_str("%20");
    }
    canonical
}
