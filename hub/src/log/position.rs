//! Places in a log, and what a log says of them.

use std::fmt;

/// Where a log begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The random name of this log.
    pub epoch: String,
    /// The sequence of the oldest update it keeps; `head` plus one when it keeps none.
    pub oldest: u64,
    /// The sequence of the newest update it ever had; 0 when it had none.
    pub head: u64,
    /// Of this epoch and those before it, which the log continues, the last update: whoever is past that has seen
    /// updates that the log lost. Empty for a log that has one epoch only, and cannot tell.
    pub ends: Vec<EpochEnd>,
    /// Whether the log remembers that some topic has ended.
    pub has_ended_topics: bool,
}

/// Where an epoch ended, or is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochEnd {
    /// The epoch.
    pub epoch: String,
    /// Its last update.
    pub sequence: u64,
}

impl Extent {
    /// Whether all updates that follow `position` are kept.
    pub fn holds(&self, position: &Position) -> bool {
        self.find(position).is_ok()
    }

    /// `position` under the log's present epoch, when all updates that follow it are kept.
    ///
    /// # Errors
    ///
    /// The place to go on from after a gap: the end of what the log has in common with the one that `position` is in,
    /// or before the oldest update, where it has nothing in common, or no longer.
    pub fn find(&self, position: &Position) -> Result<Position, Position> {
        let at = |sequence| Position { epoch: self.epoch.clone(), sequence };
        let start = self.start();
        match self.common(position) {
            Some(common) if common >= start.sequence && common == position.sequence => Ok(at(common)),
            Some(common) => Err(at(common.max(start.sequence))),
            None => Err(start),
        }
    }

    /// The last update up to `position` that this log has, or had.
    pub fn common(&self, position: &Position) -> Option<u64> {
        if let Some(end) = self.ends.iter().find(|end| end.epoch == position.epoch) {
            return Some(position.sequence.min(end.sequence));
        }
        (position.epoch == self.epoch && position.sequence <= self.head).then_some(position.sequence)
    }

    /// Whether `position` is, or was, a place in this log.
    pub fn knows(&self, position: &Position) -> bool {
        self.common(position) == Some(position.sequence)
    }

    /// Before the oldest update.
    pub fn start(&self) -> Position {
        Position { epoch: self.epoch.clone(), sequence: self.oldest.saturating_sub(1) }
    }

    /// After the newest update.
    pub fn end(&self) -> Position {
        Position { epoch: self.epoch.clone(), sequence: self.head }
    }
}

/// A place in a log: its updates up to and including `sequence` are past. On the wire, `#<epoch>-<sequence>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The log's random name.
    pub epoch: String,
    /// The last update that is past; 0 before the first.
    pub sequence: u64,
}

impl Position {
    /// Reads `#<epoch>-<sequence>`; `None` for an id that the hub did not mint. After it, the last id of a stream may
    /// have `~` and what its client shows to come back as the same subscriber.
    pub fn parse(id: &str) -> Option<Position> {
        let place = id.split_once('~').map_or(id, |(place, _)| place);
        let (epoch, sequence) = place.strip_prefix('#')?.rsplit_once('-')?;
        let digits = sequence.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = sequence.parse().ok().filter(|_| digits)?;
        Some(Position { epoch: epoch.to_owned(), sequence })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}-{}", self.epoch, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(epoch: &str, sequence: u64) -> Position {
        Position { epoch: epoch.to_owned(), sequence }
    }

    #[test]
    fn a_position_is_read_as_it_is_written() {
        assert_eq!(position("0a1b", 42).to_string(), "#0a1b-42");
        for id in ["#0a1b-42", "#0a1b-42~", "#0a1b-42~0-7~"] {
            assert_eq!(Position::parse(id), Some(position("0a1b", 42)), "{id}");
        }
    }

    #[test]
    fn an_id_the_hub_did_not_mint_is_no_position() {
        for id in
            ["", "#", "#-", "#a-", "#a", "a-1", "#a-+1", "#a--", "#a-18446744073709551616", "#~a-1", "urn:uuid:1-2"]
        {
            assert_eq!(Position::parse(id), None, "{id}");
        }
    }

    #[test]
    fn an_extent_holds_only_its_own_past_and_what_it_kept() {
        let extent = Extent { epoch: "e".to_owned(), oldest: 5, head: 9, ends: vec![], has_ended_topics: false };
        let holds = |epoch: &str, sequence| extent.holds(&position(epoch, sequence));
        assert!(holds("e", 4) && holds("e", 9));
        assert!(!holds("e", 3) && !holds("e", 10) && !holds("f", 5));
        for (epoch, sequence) in [("e", 3), ("e", 10), ("f", 5)] {
            assert_eq!(extent.find(&position(epoch, sequence)), Err(position("e", 4)), "nothing in common is known");
        }
    }

    #[test]
    fn a_log_that_lost_its_last_updates_goes_on_where_the_two_part() {
        let end = |epoch: &str, sequence| EpochEnd { epoch: epoch.to_owned(), sequence };
        let ends = vec![end("a", 20), end("b", 94), end("c", 120)];
        let extent = Extent { epoch: "c".to_owned(), oldest: 31, head: 120, ends, has_ended_topics: false };
        for (epoch, sequence, expected) in [
            ("c", 120, Ok(120)),
            ("c", 40, Ok(40)),
            ("b", 94, Ok(94)),
            ("b", 30, Ok(30)),
            ("b", 95, Err(94)),
            ("c", 121, Err(120)),
            ("b", 29, Err(30)),
            ("a", 20, Err(30)),
            ("x", 94, Err(30)),
        ] {
            let found = extent.find(&position(epoch, sequence));
            let expected = expected.map(|at| position("c", at)).map_err(|at| position("c", at));
            assert_eq!(found, expected, "{epoch} {sequence}");
        }
    }
}
