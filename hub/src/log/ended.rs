//! Topics that have ended: nothing is appended to a topic after its last update.
//!
//! A log answers with the topics that have ended as one text, a line each: `<sequence> SP <topic> LF`. A topic has no
//! line break.

use std::collections::HashSet;
use std::rc::Rc;

use crate::log::record::Record;
use crate::log::unavailable::Unavailable;

/// Topics that have ended, each with the sequence of its last update.
pub(crate) type Ended = Vec<(Rc<str>, u64)>;

/// How many ends a log remembers at least, however few updates it keeps: those of one update, and more.
pub(crate) const MIN_ENDS: u64 = 1_000;

/// Why nothing was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AppendError {
    /// This topic has ended.
    Ended(String),
    /// The log cannot be written now; where it was lost on the way, it is not known whether the updates are appended.
    Unavailable(Unavailable),
}

impl From<Unavailable> for AppendError {
    fn from(unavailable: Unavailable) -> Self {
        AppendError::Unavailable(unavailable)
    }
}

/// Checks that nothing follows the last update of a topic within one append.
///
/// # Errors
///
/// [`AppendError::Ended`], with the topic.
pub(crate) fn check(records: &[Record]) -> Result<(), AppendError> {
    let mut ended = HashSet::new();
    for record in records {
        if let Some(topic) = record.topics().find(|topic| ended.contains(topic)) {
            return Err(AppendError::Ended(topic.to_owned()));
        }
        if record.last {
            ended.extend(record.topics());
        }
    }
    Ok(())
}

/// Reads topics that have ended. `None` when it is not as the module says.
pub(crate) fn parse(text: &str) -> Option<Ended> {
    let line = |line: &str| {
        let (sequence, topic) = line.split_once(' ')?;
        Some((Rc::from(topic), sequence.parse().ok()?))
    };
    text.split_terminator('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topics: &str, last: bool) -> Record {
        Record { id: None, last, meta: format!("-{}\n", topics.replace(' ', "\n")), body: String::new() }
    }

    #[test]
    fn nothing_follows_the_last_update_of_a_topic_within_an_append() {
        for (records, refused) in [
            (&[("a", false), ("a", true)][..], None),
            (&[("a b", true), ("c", true), ("d", false)], None),
            (&[("a a", true)], None),
            (&[("a", true), ("a", false)], Some("a")),
            (&[("a b", true), ("c", false), ("c b", false)], Some("b")),
            (&[("a", true), ("a", true)], Some("a")),
        ] {
            let records: Vec<_> = records.iter().map(|(topics, last)| record(topics, *last)).collect();
            let expected = refused.map_or(Ok(()), |topic| Err(AppendError::Ended(topic.to_owned())));
            assert_eq!(check(&records), expected, "{records:?}");
        }
    }

    #[test]
    fn topics_that_have_ended_are_a_line_each() {
        assert_eq!(parse(""), Some(vec![]));
        assert_eq!(parse("7 a b\n12 c\n"), Some(vec![(Rc::from("a b"), 7), (Rc::from("c"), 12)]));
        for text in ["a", "7", "x a\n", "\n", "-1 a\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
