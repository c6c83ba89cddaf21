//! The datagram by which an instance tells others on the same host that it has published something.
//!
//! ```text
//! "sse2" | length of the epoch: 1 byte | epoch | sequence: 8 bytes | for each topic, its key: 8 bytes
//! ```
//!
//! Numbers are little endian. Anyone on the machine can send such a datagram. So it is a hint: a false one costs a
//! read, and a lost one some time.

use crate::log::{Hint, Position};

const MAGIC: &[u8] = b"sse2";
/// How many topics one datagram names at most: a datagram has less than 64 KiB.
const TOPICS: usize = 7_000;

/// The datagrams that tell of updates on these topics, the last of which is at `position`.
pub(crate) fn encode(position: &Position, topics: &[u64]) -> Vec<Vec<u8>> {
    let epoch = position.epoch.as_bytes();
    // The epochs of all logs are much shorter. One that is cut is one that nobody knows, which is a reason to read.
    let epoch = epoch.get(..epoch.len().min(255)).unwrap_or_default();
    let datagram = |topics: &[u64]| {
        let mut bytes = MAGIC.to_vec();
        bytes.push(u8::try_from(epoch.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(epoch);
        bytes.extend_from_slice(&position.sequence.to_le_bytes());
        topics.iter().for_each(|topic| bytes.extend_from_slice(&topic.to_le_bytes()));
        bytes
    };
    topics.chunks(TOPICS).map(datagram).collect()
}

/// Reads a datagram. What is not one has no hints.
pub(crate) fn decode(datagram: &[u8]) -> Vec<Hint> {
    read(datagram).unwrap_or_default()
}

fn read(datagram: &[u8]) -> Option<Vec<Hint>> {
    let (length, rest) = datagram.strip_prefix(MAGIC)?.split_first()?;
    let (epoch, rest) = rest.split_at_checked(usize::from(*length))?;
    let epoch = str::from_utf8(epoch).ok()?;
    let (sequence, topics) = rest.split_first_chunk()?;
    let position = Position { epoch: epoch.to_owned(), sequence: u64::from_le_bytes(*sequence) };
    let (topics, []) = topics.as_chunks() else { return None };
    Some(topics.iter().map(|topic| Hint { topic: u64::from_le_bytes(*topic), position: position.clone() }).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position(epoch: &str, sequence: u64) -> Position {
        Position { epoch: epoch.to_owned(), sequence }
    }

    #[test]
    fn a_datagram_is_read_as_it_is_written() {
        let position = position("0a1b", 42);
        let [datagram] = &encode(&position, &[1, u64::MAX])[..] else { panic!("one datagram") };
        let topics: Vec<_> = decode(datagram).iter().map(|hint| hint.topic).collect();
        assert_eq!((topics, &decode(datagram)[0].position), (vec![1, u64::MAX], &position));
    }

    #[test]
    fn many_topics_go_into_several_datagrams() {
        let topics: Vec<u64> = (0..15_000).collect();
        let datagrams = encode(&position("e", 1), &topics);
        assert!(datagrams.len() == 3 && datagrams.iter().all(|datagram| datagram.len() < 60_000));
        let read: Vec<_> = datagrams.iter().flat_map(|datagram| decode(datagram)).map(|hint| hint.topic).collect();
        assert_eq!(read, topics);
    }

    #[test]
    fn what_is_no_datagram_says_nothing() {
        let [good] = &encode(&position("e", 1), &[7])[..] else { panic!("one datagram") };
        assert_eq!(decode(good).len(), 1);
        for cut in 0..good.len() {
            assert_eq!(decode(&good[..cut]).len(), 0, "{cut}");
        }
        assert_eq!(decode(&[good, &b"x"[..]].concat()).len(), 0);
        assert_eq!(decode(b"sse2\xff\xff\xff").len(), 0);
        assert_eq!(decode(b"sse2\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").len(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_datagram_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
            let _ = decode(&[MAGIC, &bytes].concat());
        }
    }
}
