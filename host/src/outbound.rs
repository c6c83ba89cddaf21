//! `allowed_outbound_hosts`: where the component may connect to, and at which addresses it may use UDP.
//!
//! An entry is `scheme://host:port`, each possibly `*`. For UDP the scheme is `udp`, and the host an address, as in
//! `udp://127.0.0.1:*`. One entry is for a socket's own address and for those that it sends to. A socket whose port the
//! system shall choose has port 0, so its entry has `*` as port.

use crate::values::Values;
use anyhow::{Context, Result, anyhow};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use url::{Host, Url};

/// An entry of the manifest. One without variables is known to be right, any other is checked with their values.
#[derive(Debug, PartialEq)]
pub(crate) enum Entry {
    Literal(Rule),
    Template(String),
}

impl Entry {
    pub(crate) fn read(text: &str) -> Result<Self> {
        if text.contains("{{") {
            return Ok(Self::Template(text.into()));
        }
        let rule = Rule::parse(text).map_err(|reason| anyhow!("`{text}` is not an outbound host: {reason}"))?;
        Ok(Self::Literal(rule))
    }

    /// The rule, if the values of the variables give one. An error may be read by others, and shows no secret.
    fn resolve(&self, values: &Values<'_>) -> Result<Option<Rule>> {
        let template = match self {
            Self::Literal(rule) => return Ok(Some(rule.clone())),
            Self::Template(template) => template,
        };
        let bad = || format!("the outbound host `{template}` has a bad template");
        let resolved = values.fill(template).with_context(bad)?;
        // An empty variable is how an application is told to do without this host.
        if matches!(resolved.as_str(), "" | "http://" | "https://") {
            return Ok(None);
        }
        match Rule::parse(&resolved) {
            Ok(rule) => Ok(Some(rule)),
            Err(reason) => {
                let shown = values.show(template)?;
                Err(anyhow!("`{template}`, here `{shown}`, is not an outbound host: {reason}"))
            }
        }
    }
}

/// Where a component may connect to: wherever one of the rules says.
#[derive(Clone, Debug)]
pub(crate) struct Outbound(Arc<[Rule]>);

impl Outbound {
    pub(crate) fn resolve(entries: &[Entry], values: &Values<'_>) -> Result<Self> {
        entries.iter().filter_map(|entry| entry.resolve(values).transpose()).collect::<Result<_>>().map(Self)
    }

    /// Only scheme, host and port of the address count.
    pub(crate) fn allows(&self, address: &Url) -> bool {
        // A URL leaves the host as it was written unless the scheme is one of the web's.
        let Some(Ok(host)) = address.host_str().map(Host::parse) else {
            return false;
        };
        let scheme = address.scheme();
        let port = address.port().or_else(|| well_known_port(scheme));
        self.0.iter().any(|rule| rule.allows(scheme, &host, port))
    }

    /// Whether the component may send requests to its own application.
    pub(crate) fn allows_self(&self) -> bool {
        let by_http = |rule: &Rule| rule.scheme.as_ref().is_none_or(|scheme| scheme == "http" || scheme == "https");
        self.0.iter().any(|rule| by_http(rule) && matches!(rule.hosts, Hosts::Any | Hosts::Own))
    }

    /// Whether a UDP socket may be bound to the address, or send to it.
    pub(crate) fn allows_udp(&self, address: SocketAddr) -> bool {
        let host = match address.ip() {
            IpAddr::V4(address) => Host::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        };
        self.0.iter().any(|rule| rule.allows("udp", &host, Some(address.port())))
    }
}

/// Which addresses an entry stands for: `scheme://host:port`, each of them possibly `*`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    /// `None` is any.
    scheme: Option<String>,
    hosts: Hosts,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq)]
enum Hosts {
    Any,
    Only(Host),
    /// The domains below one; it starts with a dot.
    Below(String),
    /// The application itself, which has no address.
    Own,
}

#[derive(Clone, Debug, PartialEq)]
enum Ports {
    Any,
    Only(u16),
    Within(Range<u16>),
}

impl Rule {
    /// The reason of an error quotes nothing of the text, which may hold secrets.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.trim().split_once("://").ok_or("write it as scheme://host:port")?;
        if scheme != "*" && (scheme.is_empty() || !scheme.chars().all(char::is_alphabetic)) {
            return Err("its scheme must be letters or `*`");
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('/') {
            return Err("it must have no path, and ranges of addresses are only in Spin");
        }
        if rest.contains('@') {
            return Err("it must have no user and no password");
        }
        // The last colon is not always that of a port: an IPv6 address has some of its own.
        let (hosts, port) = match (Hosts::parse(rest), rest.rsplit_once(':')) {
            (Err(_), Some((host, port))) => (Hosts::parse(host)?, port),
            (hosts, _) => (hosts?, ""),
        };
        let ports = Ports::parse(port, scheme)?;
        Ok(Self { scheme: (scheme != "*").then(|| scheme.into()), hosts, ports })
    }

    fn allows(&self, scheme: &str, host: &Host, port: Option<u16>) -> bool {
        self.scheme.as_ref().is_none_or(|only| only == scheme) && self.hosts.allow(host) && self.ports.allow(port)
    }
}

impl Hosts {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        match text {
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::Own),
            _ => {}
        }
        let domain = text.strip_prefix("*.");
        let name = domain.unwrap_or(text);
        if name.contains('*') {
            return Err("a `*` may stand only for the whole host or for its first part, as in *.example.com");
        }
        match Host::parse(name) {
            Ok(host) if domain.is_none() => Ok(Self::Only(host)),
            Ok(Host::Domain(domain)) => Ok(Self::Below(format!(".{domain}"))),
            _ => Err("its host is neither a name nor an address"),
        }
    }

    fn allow(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Only(only), host) => only == host,
            (Self::Below(suffix), Host::Domain(domain)) => domain.ends_with(suffix),
            (Self::Below(_) | Self::Own, _) => false,
        }
    }
}

impl Ports {
    fn parse(text: &str, scheme: &str) -> Result<Self, &'static str> {
        let number = |text: &str| text.parse().map_err(|_| "its port must be a number, a range as in 80..90, or `*`");
        match (text, text.split_once("..")) {
            ("", _) => {
                well_known_port(scheme).map(Self::Only).ok_or("it needs a port: the scheme has no well-known one")
            }
            ("*", _) => Ok(Self::Any),
            (_, Some((start, end))) => Ok(Self::Within(number(start)?..number(end)?)),
            (_, None) => Ok(Self::Only(number(text)?)),
        }
    }

    fn allow(&self, port: Option<u16>) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => port == Some(*only),
            Self::Within(range) => port.is_some_and(|port| range.contains(&port)),
        }
    }
}

/// The ports that Spin knows; `rediss` has none there.
fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "mqtt" => Some(1883),
        "mysql" => Some(3306),
        "postgres" => Some(5432),
        "redis" => Some(6379),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::values::Variable;

    /// What entries without variables allow.
    pub(crate) fn outbound(entries: &[&str]) -> Outbound {
        Outbound(entries.iter().map(|entry| Rule::parse(entry).unwrap()).collect())
    }

    #[track_caller]
    fn allowed(entry: &str, address: &str) -> bool {
        let rule = Rule::parse(entry).unwrap_or_else(|reason| panic!("{entry}: {reason}"));
        Outbound([rule].into()).allows(&Url::parse(address).unwrap())
    }

    #[test]
    fn an_address_is_allowed_by_its_scheme_host_and_port() {
        for (entry, address) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://127.0.0.1", "redis://127.0.0.1/1?protocol=resp3"),
            ("redis://Example.com:6379/", "redis://user:password@EXAMPLE.com"),
            (" redis://example.com ", "redis://:secret@example.com:6379/0"),
            ("redis://[::1]", "redis://[0:0::1]"),
            ("redis://[::1]:7000/", "redis://[::1]:7000"),
            ("redis://*:6379", "redis://anything"),
            ("redis://*.example.com", "redis://a.b.Example.COM"),
            ("redis://h:7000..7010", "redis://h:7000"),
            ("redis://h:7000..7010", "redis://h:7009"),
            ("redis://h:*", "redis://h:1"),
            ("rediss://h:*", "rediss://h"),
            ("rediss://h:6380", "rediss://h:6380"),
            ("*://h:6379", "redis://h"),
            ("*://*:*", "valkey://h"),
            ("https://h", "https://h:443/path"),
        ] {
            assert!(allowed(entry, address), "{entry} {address}");
        }
    }

    #[test]
    fn any_other_address_is_refused() {
        for (entry, address) in [
            ("redis://h:6379", "redis://h:6380"),
            ("redis://h:6379", "rediss://h:6379"),
            ("Redis://h:6379", "redis://h:6379"),
            ("redis://h", "redis://h2"),
            ("redis://h", "redis://h:h@other"),
            ("redis://h", "redis://other/h"),
            ("redis://127.0.0.1", "redis://localhost"),
            ("redis://[::1]", "redis://[::2]"),
            ("redis://*.example.com", "redis://example.com"),
            ("redis://*.example.com", "redis://notexample.com"),
            ("redis://h:7000..7010", "redis://h:7010"),
            ("redis://h:7010..7000", "redis://h:7005"),
            ("rediss://h:6379", "rediss://h"),
            ("redis://self", "redis://self"),
            ("*://*:*", "unix:///run/redis.sock"),
        ] {
            assert!(!allowed(entry, address), "{entry} {address}");
        }
    }

    #[test]
    fn an_address_for_udp_is_allowed_by_its_own_scheme_and_any() {
        for (entry, address, expected) in [
            ("udp://127.0.0.1:*", "127.0.0.1:0", true),
            ("udp://127.0.0.1:*", "127.0.0.1:65535", true),
            ("udp://127.0.0.1:4000..4010", "127.0.0.1:4009", true),
            ("udp://[::1]:*", "[::1]:4000", true),
            ("udp://*:*", "0.0.0.0:0", true),
            ("*://127.0.0.1:*", "127.0.0.1:4000", true),
            ("udp://127.0.0.1:*", "127.0.0.2:4000", false),
            ("udp://127.0.0.1:*", "0.0.0.0:0", false),
            ("udp://127.0.0.1:*", "[::1]:4000", false),
            ("udp://127.0.0.1:4000", "127.0.0.1:0", false),
            ("udp://localhost:*", "127.0.0.1:4000", false),
            ("redis://127.0.0.1:*", "127.0.0.1:6379", false),
            ("udp://self:4000", "127.0.0.1:4000", false),
        ] {
            assert_eq!(outbound(&[entry]).allows_udp(address.parse().unwrap()), expected, "{entry} {address}");
        }
    }

    #[test]
    fn a_bad_entry_is_refused_with_its_reason() {
        for (entry, expected) in [
            ("", "write it as"),
            ("*", "write it as"),
            ("h:6379", "write it as"),
            ("insecure:allow-all", "write it as"),
            ("redis+unix://h:1", "its scheme"),
            ("://h:1", "its scheme"),
            ("{redis,rediss}://h:1", "its scheme"),
            ("redis://h/0", "no path"),
            ("redis://h:6379/0", "no path"),
            ("redis://h//", "no path"),
            ("redis://10.0.0.0/8", "only in Spin"),
            ("redis://user:password@h", "no user"),
            ("redis://", "its host"),
            ("redis://:6379", "its host"),
            ("redis://a b", "its host"),
            ("redis://[::1", "its host"),
            ("redis://*.", "its host"),
            ("redis://*.127.0.0.1", "its host"),
            ("redis://a.*.b", "a `*` may stand"),
            ("redis://*.*.b", "a `*` may stand"),
            ("rediss://h", "it needs a port"),
            ("udp://127.0.0.1", "it needs a port"),
            ("*://h", "it needs a port"),
            ("redis://h:port", "its port"),
            ("redis://h:65536", "its port"),
            ("redis://h:1..", "its port"),
            ("redis://[::1]:x", "its port"),
        ] {
            let error = Entry::read(entry).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{entry}` is not an outbound host: ")), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }

    /// Reads one entry with the variables `host`, `port` and, a secret one, `password`.
    fn resolved(entry: &str, host: &str, port: &str, password: &str) -> Result<Outbound> {
        let variable = |value: &str, secret| Variable { required: false, default: Some(value.to_string()), secret };
        let variables = [
            ("host".into(), variable(host, false)),
            ("port".into(), variable(port, false)),
            ("password".into(), variable(password, true)),
        ]
        .into();
        let values = Values::choose(&variables, &[], |_| None).unwrap();
        Outbound::resolve(&[Entry::read(entry).unwrap()], &values)
    }

    #[test]
    fn variables_are_filled_in_and_an_empty_entry_allows_nothing() {
        let address = Url::parse("redis://example.com:7000").unwrap();
        for (entry, host, expected) in [
            ("redis://{{ host }}:{{ port }}", "example.com", true),
            ("redis://{{ host }}:{{ port }}", "example.org", false),
            ("{{ host }}", "redis://example.com:7000", true),
            ("{{ host }}", "", false),
            ("https://{{ host }}", "", false),
        ] {
            assert_eq!(resolved(entry, host, "7000", "").unwrap().allows(&address), expected, "{entry} {host}");
        }
    }

    #[test]
    fn a_value_that_makes_a_bad_entry_is_shown_unless_it_is_secret() {
        for (entry, expected) in [
            (
                "redis://{{ host }}:{{ port }}",
                "`redis://{{ host }}:{{ port }}`, here `redis://h:x`, is not an outbound host: \
                 its port must be a number, a range as in 80..90, or `*`",
            ),
            (
                "redis://{{ password }}@{{ host }}",
                "`redis://{{ password }}@{{ host }}`, here `redis://***@h`, is not an outbound host: \
                 it must have no user and no password",
            ),
            ("{{ other }}", "the outbound host `{{ other }}` has a bad template: the manifest has no variable `other`"),
            ("{{ host", "the outbound host `{{ host` has a bad template: a `{{` has no `}}`"),
        ] {
            assert_eq!(format!("{:#}", resolved(entry, "h", "x", "pass").unwrap_err()), expected);
        }
    }
}
