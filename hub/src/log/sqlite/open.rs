//! A connection whose database has the tables of this release, and the limits that the hub was told.

use crate::lean::lean;
use crate::log::log::Retention;
use crate::log::sqlite::connection::{Connect, Database, OPENING, Value, is_locked, when_unlocked};
use crate::log::sqlite::row::{integer, only, unexpected};
use crate::log::unavailable::Unavailable;

/// The version of the tables. It was left at 0 before 2.
const VERSION: i64 = 4;

const SCHEMA: &str = lean!(include_str!("schema.sql"));
const MIGRATE: &str = lean!(include_str!("migrate.sql"));
const RETENTION: &str = lean!(include_str!("retention.sql"));
const SET_RETENTION: &str = lean!(include_str!("set_retention.sql"));
pub(super) const PRUNE: &str = lean!(include_str!("prune.sql"));
const FOUND: &str = "SELECT (SELECT user_version FROM pragma_user_version), \
    EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'updates')";

/// Connects, makes the tables where there are none, converts those of an earlier release, sets the limits, and removes
/// what is too old. Mostly there is nothing to do, and then nothing is written: an instance that only reads does not
/// wait for a writer.
///
/// # Errors
///
/// [`Unavailable`]; the database is as it was, or has all it needs but for some pruning.
pub(super) async fn open<C: Connect>(connect: &C, retention: Retention) -> Result<C::Database, Unavailable> {
    let database = connect.connect().await?;
    // While another instance holds a lock, from the beginning: hundreds may wait for one that makes the tables, and
    // need no lock when the tables are there.
    let opening = Opening { database: &database };
    if when_unlocked(connect, OPENING, || opening.prepare(retention)).await? {
        // It would find nothing to do if it began anew: the limits are set.
        while when_unlocked(connect, OPENING, || opening.prune()).await? {}
    }
    Ok(database)
}

struct Opening<'a, D> {
    database: &'a D,
}

impl<D: Database> Opening<'_, D> {
    /// Whether the history may exceed its limits.
    async fn prepare(&self, retention: Retention) -> Result<bool, Unavailable> {
        let limits = [retention.updates.max(1), retention.seconds, retention.bytes.max(1)].map(integer);
        // It fails where there is no table, or another one.
        let found = self.database.execute(RETENTION, vec![]).await.unwrap_or_default();
        match found.first().map(Vec::as_slice) {
            Some([Value::Integer(VERSION), known @ .., Value::Integer(0)]) if *known == limits => return Ok(false),
            Some([Value::Integer(VERSION), ..]) => {}
            _ => self.make_tables(&limits).await?,
        }
        self.database.execute(SET_RETENTION, limits.to_vec()).await?;
        Ok(true)
    }

    /// Removes some of what exceeds the history; whether there was any.
    async fn prune(&self) -> Result<bool, Unavailable> {
        self.database.execute(PRUNE, vec![]).await?;
        Ok(self.database.execute("SELECT changes()", vec![]).await? != [[Value::Integer(0)]])
    }

    async fn make_tables(&self, limits: &[Value]) -> Result<(), Unavailable> {
        if self.is_current().await? {
            return Ok(());
        }
        // With a write-ahead log, readers do not wait for writers, and an append costs half. The mode stays set.
        // A database that is not a file may not know it.
        if let Err(error) = self.database.execute("PRAGMA journal_mode = WAL", vec![]).await
            && is_locked(&error)
        {
            return Err(error);
        }
        self.database.execute("BEGIN IMMEDIATE", vec![]).await?;
        let mut made = self.make_tables_in_transaction(limits).await;
        if made.is_ok() {
            made = self.database.execute("COMMIT", vec![]).await.map(drop);
        }
        if made.is_err() {
            // After some errors, SQLite has done so.
            let _ = self.database.execute("ROLLBACK", vec![]).await;
        }
        made
    }

    async fn make_tables_in_transaction(&self, limits: &[Value]) -> Result<(), Unavailable> {
        // Another instance may have been first.
        if self.is_current().await? {
            return Ok(());
        }
        let (version, earlier) = self.found().await?;
        for statement in statements(earlier.then_some(version)) {
            self.database.execute(statement, vec![]).await.map_err(|error| match earlier {
                true => Unavailable::new(format!(
                    "the database of an earlier release could not be converted, and is as it was: remove the cause, \
                     or give the hub another database: {error}"
                )),
                false => error,
            })?;
        }
        // With the tables, so that who waited for them finds nothing to write.
        self.database.execute(SET_RETENTION, limits.to_vec()).await.map(drop)
    }

    /// Whether the tables are those of this release.
    async fn is_current(&self) -> Result<bool, Unavailable> {
        let (version, _) = self.found().await?;
        if version > VERSION {
            return Err(Unavailable::new(
                "the database was made by a newer release: deploy that release again, or give this one another database",
            ));
        }
        Ok(version == VERSION)
    }

    /// The version of the tables, and whether there are any.
    async fn found(&self) -> Result<(i64, bool), Unavailable> {
        match only(self.database.execute(FOUND, vec![]).await?)?.as_slice() {
            [Value::Integer(version), Value::Integer(tables)] => Ok((*version, *tables != 0)),
            _ => Err(unexpected()),
        }
    }
}

/// What makes the tables, from nothing or from those of an `earlier` version.
pub(super) fn statements(earlier: Option<i64>) -> impl Iterator<Item = &'static str> {
    // What came after version 2 is new tables only.
    let migrate = if earlier.is_some_and(|version| version < 2) { MIGRATE } else { "" };
    migrate.split_terminator("\n\n").chain(SCHEMA.split("\n\n"))
}
