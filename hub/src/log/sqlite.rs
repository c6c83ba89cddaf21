//! The log in SQLite.
//!
//! One statement per operation, because Spin runs one statement at a time: pruning is a trigger, and a page is one row.
//!
//! `connection` is what the log needs of SQLite, `row` what goes there and comes back, `open` makes and converts the
//! tables, `append`, `registry`, `relays` and `presence` have the statements that write, `log` runs them.

mod connection;

mod row;

mod open;

mod append;
mod registry;
mod relays;

mod log;

mod presence;

use std::rc::Rc;
use std::time::Duration;

use crate::instant::Instant;
use crate::lean::lean;
use crate::log::ended::{self, AppendError, Ended};
use crate::log::interest::Interest;
use crate::log::listener::{Census, ListenerId, Registration};
use crate::log::log::{Appended, AsOf, Log, Page};
use crate::log::position::Extent;
use crate::log::record::Record;
use crate::log::relay::{Begun, HolderId};
use crate::log::sqlite::log::uncertain;
use crate::log::unavailable::Unavailable;

pub(crate) use connection::{Connect, Value};
#[cfg(any(feature = "spin", test))]
pub(crate) use connection::{Database, Rows};
pub(crate) use log::SqliteLog;

const EXTENT: &str = lean!(include_str!("sqlite/extent.sql"));
const AFTER_ALL: &str = lean!(include_str!("sqlite/after_all.sql"));
const AFTER_TOPICS: &str = lean!(include_str!("sqlite/after_topics.sql"));
const AS_OF: &str = lean!(include_str!("sqlite/as_of.sql"));
const ENDED: &str = lean!(include_str!("sqlite/ended.sql"));
const FIND: &str = "SELECT min(sequence) FROM updates WHERE id = ?";

impl<C: Connect> SqliteLog<C> {
    /// Appends `records`; `None` if one of their topics has ended.
    async fn append_unless_ended(
        &self,
        database: &C::Database,
        records: &[Record],
    ) -> Result<Option<Appended>, Unavailable> {
        let mut values = append::values(records);
        let heard_as = append::heard_as(records);
        values.push(heard_as.clone());
        let row = match records {
            [_] => {
                values.push(heard_as);
                self.execute_on(database, append::APPEND_ONE, values).await?.pop()
            }
            records => {
                self.execute_on(database, &append::append_many(records.len()), values).await?;
                // They are in the log now, whatever comes of this.
                let rows = self.read_on(database, append::APPENDED, vec![heard_as]).await;
                let row = rows.and_then(row::only).map_err(uncertain)?;
                Some(row).filter(|row| row.last() != Some(&Value::Integer(0)))
            }
        };
        row.map(|row| append::appended(&row, records).map_err(uncertain)).transpose()
    }

    /// Appends `records` and ends the topics of which one is the last; `None` if one of their topics has ended.
    async fn append_and_end(&self, records: &[Record]) -> Result<Option<Appended>, Unavailable> {
        let database = self.connected().await?;
        if !records.iter().any(|record| record.last) {
            return self.append_unless_ended(&database, records).await;
        }
        // After an error, the connection is closed, which takes all back.
        self.execute_on(&database, "BEGIN IMMEDIATE", vec![]).await?;
        let appended = self.append_unless_ended(&database, records).await?;
        if let Some(appended) = &appended {
            for (record, sequence) in records.iter().zip(appended.first.sequence..).filter(|(record, _)| record.last) {
                self.execute_on(&database, append::END, append::end(record, sequence)).await?;
            }
            self.execute_on(&database, append::PRUNE_ENDED, vec![]).await?;
        }
        self.execute_on(&database, "COMMIT", vec![]).await.map_err(uncertain)?;
        Ok(appended)
    }
}

impl<C: Connect> Log for SqliteLog<C> {
    async fn append(&self, records: &[Record]) -> Result<Appended, AppendError> {
        ended::check(records)?;
        loop {
            if let Some(appended) = self.append_and_end(records).await? {
                return Ok(appended);
            }
            let mut topics: Vec<Rc<str>> = Vec::new();
            topics.extend(records.iter().flat_map(Record::topics).map(Rc::from));
            if let Some((topic, _)) = self.ended(&topics).await?.first() {
                return Err(AppendError::Ended(topic.to_string()));
            }
            // It was forgotten at this moment.
        }
    }

    async fn after(&self, interest: &Interest) -> Result<Page, Unavailable> {
        let statement = match interest {
            Interest::All(_) => AFTER_ALL,
            Interest::Topics(_) => AFTER_TOPICS,
        };
        row::page(self.read(statement, vec![row::interest(interest)]).await?)
    }

    async fn extent(&self) -> Result<Extent, Unavailable> {
        row::extent(&self.read(EXTENT, vec![]).await?)
    }

    async fn as_of(&self, moment: Instant) -> Result<AsOf, Unavailable> {
        row::as_of(self.read(AS_OF, vec![row::integer(self.connect.unix_millis(moment))]).await?)
    }

    async fn find(&self, id: &str) -> Result<Option<u64>, Unavailable> {
        let row = self.read(FIND, vec![Value::Text(id.to_owned())]).await?;
        row::optional(row.first().unwrap_or(&Value::Null))
    }

    async fn ended(&self, topics: &[Rc<str>]) -> Result<Ended, Unavailable> {
        let row = self.read(ENDED, vec![row::topics(topics)]).await?;
        row::ended(row.first().unwrap_or(&Value::Null))
    }

    async fn register(&self, registration: &Registration) -> Result<Census, Unavailable> {
        registry::census(&self.row(registry::REGISTER, registry::values(registration)).await?)
    }

    async fn unregister(&self, listener: ListenerId) -> Result<(), Unavailable> {
        self.execute(registry::UNREGISTER, vec![registry::id(listener)]).await.map(drop)
    }

    async fn drain(&self, listeners: &[ListenerId], pause: Duration) -> Result<bool, Unavailable> {
        if self.execute(registry::DRAIN, vec![registry::pause(pause)]).await?.is_empty() {
            return Ok(false);
        }
        self.execute(registry::SET_DRAINS, vec![registry::ids(listeners)]).await?;
        Ok(true)
    }

    async fn begin_relay(&self, topic: &str, holder: HolderId, left: &Record) -> Result<Begun, Unavailable> {
        let rows = self.execute(relays::BEGIN, relays::values(topic, holder, left)).await?;
        if let Some(held) = relays::held_from(&rows)? {
            return Ok(Begun::Held(held));
        }
        Ok(if self.ended(&[Rc::from(topic)]).await?.is_empty() { Begun::Running } else { Begun::Ended })
    }

    async fn has_any(&self, topics: &[Rc<str>]) -> Result<bool, Unavailable> {
        let topics = row::topics(topics);
        Ok(relays::is_true(&self.read(relays::HAS_ANY, vec![topics]).await?))
    }

    async fn held(&self, holder: HolderId, topics: &[Rc<str>], renew: bool) -> Result<Vec<String>, Unavailable> {
        let values = relays::lease(holder, topics);
        if renew {
            self.execute(relays::RENEW, values.clone()).await?;
        }
        relays::held(&self.read(relays::HELD, values).await?)
    }

    async fn take_over(&self, holder: HolderId, but: &[Rc<str>]) -> Result<Vec<Record>, Unavailable> {
        if !relays::is_true(&self.read(relays::ARE_OVER, vec![relays::id(holder)]).await?) {
            return Ok(Vec::new());
        }
        self.execute(relays::TAKE_OVER, relays::lease(holder, but)).await?;
        let mut left = Vec::new();
        for row in self.read_rows(relays::LEFT, vec![relays::id(holder)]).await? {
            left.push(relays::left(row)?);
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests;
