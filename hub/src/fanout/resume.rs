//! Where a client goes on that asks for a position.

use crate::log::{Ended, Extent, Log, Position, Unavailable};
use crate::request::subscribe::Start;
use crate::topic::field::EARLIEST;

/// The position that a client asked for by its last event id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Where the stream starts.
    pub position: Position,
    /// The last event id, where the log does not have what follows it.
    pub lost: Option<String>,
    /// Whether the client gets everything that follows its last event id.
    pub resumed: bool,
    /// Whether the client must be told the place: it would ask for another one when it comes back.
    pub untold: bool,
}

impl Resume {
    /// The end of the log: the client gets what comes from now on.
    pub(crate) fn at_end(position: Position) -> Resume {
        Resume { position, lost: None, resumed: false, untold: true }
    }

    /// Finds the position in a log that begins and ends as `extent` says.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], as [`Log::find`], which is asked for an id that a publisher gave.
    pub(crate) async fn find(start: &Start, extent: &Extent, log: &impl Log) -> Result<Resume, Unavailable> {
        let id = match start {
            Start::Now => return Ok(Resume::at_end(extent.end())),
            Start::Earliest => {
                return Ok(Resume { position: extent.start(), lost: None, resumed: false, untold: false });
            }
            Start::After(id) => id,
        };
        let found = match Position::parse(id) {
            Some(minted) => extent.find(&minted),
            None if id.starts_with('#') => Err(extent.start()),
            None => {
                let sequence = log.find(id).await?;
                sequence.map(|sequence| Position { sequence, ..extent.end() }).ok_or(extent.start())
            }
        };
        Ok(match found {
            Ok(position) => Resume { position, lost: None, resumed: true, untold: false },
            Err(position) => Resume { position, lost: Some(id.clone()), resumed: false, untold: true },
        })
    }

    /// Whether nothing can follow: all `topics` have ended, at or before the place that the client asked for. The log
    /// may have lost what follows that place, if it is the log's.
    pub(crate) fn is_over<'t>(
        &self,
        extent: &Extent,
        mut topics: impl Iterator<Item = &'t str>,
        ended: &Ended,
    ) -> bool {
        let place = match &self.lost {
            None => Some(self.position.sequence),
            Some(id) => Position::parse(id).filter(|place| extent.knows(place)).map(|place| place.sequence),
        };
        let is_before = |end: u64| place.is_some_and(|place| end <= place);
        topics.all(|topic| ended.iter().any(|(name, end)| &**name == topic && is_before(*end)))
    }

    /// The id that the stream follows: the value of the header `mercure-last-event-id`.
    pub(crate) fn preceding<'s>(&self, start: &'s Start) -> &'s str {
        match start {
            Start::After(id) if self.resumed => id,
            _ => EARLIEST,
        }
    }
}
