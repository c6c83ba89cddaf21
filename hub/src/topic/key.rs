//! Topics as numbers, for hints and indices.

/// The number that stands for a topic. Two topics may have the same: who follows it compares the topic too.
///
/// FNV-1a, 64 bits: the same in every instance.
pub fn key(topic: &str) -> u64 {
    topic.bytes().fold(0xcbf2_9ce4_8422_2325, |key, byte| (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_the_same_key_everywhere() {
        assert_eq!(
            [key(""), key("a"), key("foobar")],
            [0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c, 0x8594_4171_f739_67e8]
        );
    }
}
