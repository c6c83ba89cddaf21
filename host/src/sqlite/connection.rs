//! What a component has of a database: a connection.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A connection, opened by its first statement. A clone is another handle to the same connection.
#[derive(Clone)]
#[allow(unreachable_pub, reason = "the generated code re-exports it")]
pub struct Connection {
    file: PathBuf,
    opened: Arc<Mutex<Option<rusqlite::Connection>>>,
}

impl Connection {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.into(), opened: Arc::default() }
    }

    /// Calls `work` with the database. The first call opens it, which may fail.
    pub(super) fn with<T>(&self, work: impl FnOnce(rusqlite::Result<&rusqlite::Connection>) -> T) -> T {
        let mut opened = self.locked();
        work(match &mut *opened {
            Some(database) => Ok(database),
            None => open(&self.file).map(|database| &*opened.insert(database)),
        })
    }

    pub(super) fn last_insert_rowid(&self) -> i64 {
        self.locked().as_ref().map_or(0, rusqlite::Connection::last_insert_rowid)
    }

    /// How many rows the last statement changed.
    pub(super) fn changes(&self) -> u64 {
        self.locked().as_ref().map_or(0, rusqlite::Connection::changes)
    }

    fn locked(&self) -> MutexGuard<'_, Option<rusqlite::Connection>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The library waits 5 s for a lock by default, and so does Spin.
fn open(file: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let database = rusqlite::Connection::open(file)?;
    // A component has no files, and ATTACH would give it some.
    database.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Attach { filename } if !matches!(filename, "" | ":memory:") => Authorization::Deny,
        _ => Authorization::Allow,
    }));
    Ok(database)
}
