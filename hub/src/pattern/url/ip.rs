//! IP addresses as hosts (URL Standard, "host parsing" and "host serializing").

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a domain has to be an IPv4 address: its last label is a number ("ends in a number checker").
pub(crate) fn ends_in_a_number(domain: &str) -> bool {
    let last = domain.strip_suffix('.').unwrap_or(domain).rsplit('.').next().unwrap_or_default();
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) || number(last).is_some()
}

/// The address that a domain is, as it is written canonically.
pub(crate) fn v4(domain: &str) -> Option<String> {
    let mut address: u64 = 0;
    let mut parts = domain.strip_suffix('.').unwrap_or(domain).split('.').peekable();
    let mut left: u32 = 4;
    while let Some(part) = parts.next() {
        let part = number(part)?;
        // The last number stands for all the bytes that are left.
        let bytes = if parts.peek().is_none() { left } else { 1 };
        left = left.checked_sub(bytes)?;
        let limit = 1_u64 << bytes.saturating_mul(8);
        if part >= limit {
            return None;
        }
        address = address.saturating_mul(limit).saturating_add(part);
    }
    Some(Ipv4Addr::from_bits(u32::try_from(address).ok()?).to_string())
}

/// A number as in an IPv4 address: decimal, or hexadecimal after `0x`, or octal after `0`.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [] => return None,
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    // A sign, which Rust takes, is no digit.
    if digits.is_empty() {
        return Some(0);
    }
    let all = digits.chars().all(|digit| digit.is_digit(radix));
    // What is too large for this type is too large for an address.
    all.then(|| u64::from_str_radix(digits, radix).unwrap_or(u64::MAX))
}

/// The address between the brackets of a host, as it is written canonically, with the brackets.
pub(crate) fn v6(text: &str) -> Option<String> {
    let pieces = text.parse::<Ipv6Addr>().ok()?.segments();
    let zeros = longest_zeros(&pieces);
    let mut written = String::from("[");
    for (at, piece) in pieces.iter().enumerate() {
        if zeros.contains(&at) {
            if at == zeros.start {
                written.push_str(if at == 0 { "::" } else { ":" });
            }
            continue;
        }
        let _ = write!(written, "{piece:x}");
        if at < 7 {
            written.push(':');
        }
    }
    written.push(']');
    Some(written)
}

/// The first of the longest runs of zeros, if it has two or more.
fn longest_zeros(pieces: &[u16]) -> std::ops::Range<usize> {
    let (mut longest, mut start) = (0..0, 0_usize);
    for (at, piece) in pieces.iter().enumerate() {
        let next = at.saturating_add(1);
        if *piece != 0 {
            start = next;
        } else if next.saturating_sub(start) > longest.len().max(1) {
            longest = start..next;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_has_one_way_to_be_written() {
        for (text, address) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4.", "1.2.3.4"),
            ("0x7f.1", "127.0.0.1"),
            ("017.0.0.0x", "15.0.0.0"),
            ("4294967295", "255.255.255.255"),
            ("1.65536", "1.1.0.0"),
            ("0", "0.0.0.0"),
        ] {
            assert!(ends_in_a_number(text), "{text}");
            assert_eq!(v4(text).as_deref(), Some(address), "{text}");
        }
        for text in ["256.1.1.1", "1.2.3.256", "1.2.3.4.5", "1..2", ".1", "4294967296", "08", "a.1", "1.+1", "0xg.1"] {
            assert_eq!(v4(text), None, "{text}");
        }
        for text in ["a", "1.a", "1.2.3.0xg", "", ".", "1..", "a.1b"] {
            assert!(!ends_in_a_number(text), "{text}");
        }
    }

    #[test]
    fn an_ipv6_address_has_one_way_to_be_written() {
        for (text, address) in [
            ("::", "[::]"),
            ("0:0:0:0:0:0:0:1", "[::1]"),
            ("1:0:0:2:0:0:0:3", "[1:0:0:2::3]"),
            ("1:0:2:0:3:0:4:0", "[1:0:2:0:3:0:4:0]"),
            ("ABCD::", "[abcd::]"),
            ("1:0:0:2:0:0:3:4", "[1::2:0:0:3:4]"),
            ("::ffff:1.2.3.4", "[::ffff:102:304]"),
        ] {
            assert_eq!(v6(text).as_deref(), Some(address), "{text}");
        }
        for text in ["", ":", "1", "1::2::3", "1:2:3:4:5:6:7:8:9", "::1%1", "12345::", "::1.2.3", "::01.2.3.4", " ::"] {
            assert_eq!(v6(text), None, "{text}");
        }
    }
}
