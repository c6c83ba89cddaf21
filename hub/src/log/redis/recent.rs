//! Where the log was a moment ago, by marks of the last seconds.

use crate::instant::Instant;
use crate::log::log::AsOf;
use crate::log::position::Extent;
use crate::log::redis::reply::{self, unexpected};
use crate::log::redis::server::Value;
use crate::log::unavailable::Unavailable;

/// Within how many milliseconds all was appended that a mark begins.
const MARK: u64 = 1;
/// For how many milliseconds the marks are kept, without an append.
const KEPT: u64 = 60_000;
/// How many marks are kept.
const MARKS: usize = 4_096;

/// A mark: the updates from `first` on were appended at `time` or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    first: u64,
    /// In milliseconds of Redis's clock.
    time: u64,
}

/// Reads the answer to the question where the log was at `moment`, when it is `now`.
///
/// # Errors
///
/// [`Unavailable`].
pub(crate) fn as_of(reply: Vec<Value>, moment: Instant, now: Instant) -> Result<AsOf, Unavailable> {
    let mut values = reply.into_iter();
    let extent = reply::extent(&mut values)?;
    let time = reply::number(values.next())?;
    let marks = values.map(|value| {
        let mark = reply::text(Some(value))?;
        let (first, time) = mark.split_once(' ').ok_or_else(unexpected)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| unexpected());
        Ok(Mark { first: number(first)?, time: number(time)? })
    });
    let marks = marks.collect::<Result<Vec<_>, Unavailable>>()?;
    let ago = now.saturating_sub(moment).div_ceil(1_000_000);
    Ok(AsOf { sequence: sequence(&extent, &marks, time, ago), extent })
}

/// The sequence up to which all was appended more than `ago` milliseconds before `time`.
fn sequence(extent: &Extent, marks: &[Mark], time: u64, ago: u64) -> u64 {
    let since = time.saturating_sub(ago);
    let start = extent.start().sequence;
    let Some(first) = marks.first() else {
        // Nothing was appended for as long as marks are kept.
        return if ago < KEPT { extent.head } else { start };
    };
    let before = |mark: &Mark| mark.first.saturating_sub(1);
    let found = match marks.iter().rposition(|mark| mark.time < since) {
        // The marks before these may have been dropped, for there were too many, or nothing came for as long as that.
        None if marks.len() >= MARKS || since.saturating_add(KEPT) < first.time => start,
        None => before(first),
        Some(at) => {
            let mark = marks.get(at).copied().unwrap_or(*first);
            if since < mark.time.saturating_add(MARK) {
                before(&mark)
            } else {
                marks.get(at.saturating_add(1)).map_or(extent.head, before)
            }
        }
    };
    found.clamp(start, extent.head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(oldest: u64, head: u64) -> Extent {
        Extent { epoch: "7".to_owned(), oldest, head, ends: vec![], has_ended_topics: false }
    }

    #[test]
    fn a_moment_is_after_all_that_its_marks_are_before() {
        let marks = [(11, 1_000), (15, 1_020), (20, 1_500)].map(|(first, time)| Mark { first, time });
        for (since, expected) in
            [(900, 10), (1_000, 10), (1_001, 14), (1_020, 14), (1_021, 19), (1_500, 19), (1_501, 25), (9_000, 25)]
        {
            assert_eq!(sequence(&extent(1, 25), &marks, 10_000, 10_000 - since), expected, "{since}");
        }
    }

    #[test]
    fn without_marks_nothing_was_appended_for_a_minute() {
        assert_eq!(sequence(&extent(5, 9), &[], 1_000_000, 59_999), 9);
        assert_eq!(sequence(&extent(5, 9), &[], 1_000_000, 60_000), 4);
    }

    #[test]
    fn what_is_not_kept_is_before_any_moment() {
        let marks = [Mark { first: 2, time: 1_000 }];
        assert_eq!(sequence(&extent(5, 9), &marks, 2_000, 1_000), 4);
    }

    #[test]
    fn a_moment_before_marks_that_are_not_kept_is_before_all_updates() {
        let mark = |n: u64| Mark { first: n, time: 100_000 + n };
        let marks = |count: u64| (11..11 + count).map(mark).collect::<Vec<_>>();
        for (count, since, expected) in [
            (4_095, 99_000, 10),
            (4_096, 99_000, 0),
            (4_096, 100_012, 11),
            // Marks expire after a minute without an append: who asked before that may not have what they began.
            (10, 40_011, 10),
            (10, 40_010, 0),
        ] {
            assert_eq!(
                sequence(&extent(1, 9_000), &marks(count), 200_000, 200_000 - since),
                expected,
                "{count} {since}"
            );
        }
    }

    #[test]
    fn a_clock_that_was_set_back_loses_nothing() {
        let marks = [(11, 5_000), (15, 1_000), (20, 1_040)].map(|(first, time)| Mark { first, time });
        for (since, expected) in [(1_000, 10), (1_010, 19), (1_030, 19), (1_100, 25)] {
            assert_eq!(sequence(&extent(1, 25), &marks, 10_000, 10_000 - since), expected, "{since}");
        }
    }

    #[test]
    fn an_answer_in_another_shape_is_an_error() {
        let answer = |words: &[&str]| {
            as_of(words.iter().map(|word| Value::Bytes(word.as_bytes().to_vec())).collect(), 5_000_000, 8_000_001)
        };
        let good = answer(&["7", "9", "", "5", "0", "1000", "3 970", "7 980", "8 996"]).unwrap();
        assert_eq!((good.sequence, good.extent.oldest), (7, 5), "4 ms before 1000 is not after the mark at 996");
        for words in
            [&["7", "9", "", "5", "0"][..], &["7", "9", "", "5", "0", "x"], &["7", "9", "", "5", "0", "1", "3"]]
        {
            assert!(answer(words).is_err(), "{words:?}");
        }
    }
}
