//! What a client shows to come back as the subscriber that it was: the end of the last id of its stream.
//!
//! ```text
//! #<epoch>-<sequence>~<UUID of the subscriber><secret>
//! ```

/// How every subscriber's id begins; a UUID follows.
const URN: &str = "urn:uuid:";
/// How long a UUID is.
const UUID: usize = 36;
/// How long a secret is.
const SECRET: usize = 32;

/// The id of a subscriber, and its secret, from two random numbers.
pub(crate) fn new(id: u128, secret: u128) -> (String, String) {
    // RFC 9562, section 5.4: version 4, variant 10.
    let id = id & !(0xf000_u128 << 64 | 0xc000_u128 << 48) | 0x4000_u128 << 64 | 0x8000_u128 << 48;
    let mut uuid = format!("{id:032x}");
    for place in [20, 16, 12, 8] {
        uuid.insert(place, '-');
    }
    (format!("{URN}{uuid}"), format!("{secret:032x}"))
}

/// What is appended to the last id of a stream.
pub(crate) fn text(subscriber: &str, secret: &str) -> String {
    format!("{}{secret}", subscriber.strip_prefix(URN).unwrap_or_default())
}

/// The subscriber and the secret in a last event id, if it has them.
pub(crate) fn find(last_event_id: &str) -> Option<(String, String)> {
    let (_, ticket) = last_event_id.split_once('~').filter(|_| last_event_id.starts_with('#'))?;
    let is_ticket = ticket.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let (uuid, secret) = ticket.split_at_checked(UUID).filter(|(_, secret)| is_ticket && secret.len() == SECRET)?;
    Some((format!("{URN}{uuid}"), secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Position;

    #[test]
    fn a_subscriber_is_a_random_uuid() {
        let (subscriber, secret) = new(u128::MAX, 7);
        assert_eq!(subscriber, "urn:uuid:ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(secret, "00000000000000000000000000000007");
        assert_eq!(new(0, 0).0, "urn:uuid:00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn a_ticket_is_found_as_it_was_written() {
        let (subscriber, secret) = new(123, 456);
        let id = format!("#e-7~{}", text(&subscriber, &secret));
        assert_eq!(find(&id), Some((subscriber, secret)));
        assert_eq!(Position::parse(&id), Position::parse("#e-7"));
    }

    #[test]
    fn what_is_no_ticket_is_none() {
        let ticket = format!("~{}", text(&new(1, 2).0, &new(1, 2).1));
        for id in [
            "#e-7",
            "#e-7~",
            "#e-7~abc",
            &format!("urn:x{ticket}"),
            &format!("#e-7{ticket}0"),
            &format!("#e-7~{}", "é".repeat(34)),
        ] {
            assert_eq!(find(id), None, "{id}");
        }
    }
}
