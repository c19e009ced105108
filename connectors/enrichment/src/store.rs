//! What kernels share on disk: answers for as long as they are worth something, and how often services were asked.
//!
//! One SQLite file. Its locks keep kernels apart: a request is counted before it is sent, by one kernel at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::Value;

use crate::quota::{Limits, Permit, Usage};

/// How long a kernel waits for another one's few statements.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Expired answers removed when a kernel opens the file.
const REMOVED_AT_ONCE_MAX: u32 = 100_000;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS answers (
        source TEXT NOT NULL, function TEXT NOT NULL, version INTEGER NOT NULL, value TEXT NOT NULL,
        fields TEXT, asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        PRIMARY KEY (source, function, version, value)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS answers_by_end ON answers (expires_at);
    CREATE TABLE IF NOT EXISTS usage (
        source TEXT NOT NULL, account TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (source, account)
    ) WITHOUT ROWID;
";

/// The file cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the cache of answers `{}` cannot be used: {reason}", path.display())]
pub struct StoreError {
    path: PathBuf,
    reason: String,
}

/// Which answers belong together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shelf {
    /// The address of the service.
    pub(crate) source: String,
    pub(crate) function: &'static str,
    pub(crate) version: u32,
}

/// Whose quota it is: the service and a mark of the key.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) source: String,
    pub(crate) mark: String,
}

/// An answer as it was kept. `fields` is `None` when the service did not know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) fields: Option<Vec<Value>>,
    pub(crate) asked_at: DateTime<Utc>,
}

/// The file, open. Clones share the connection.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens the file, which is made when it is not there, and removes answers that have expired.
    pub(crate) fn open(path: &Path, now: DateTime<Utc>) -> Result<Store, StoreError> {
        let unusable = |reason: String| StoreError { path: path.to_owned(), reason };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|fault| unusable(fault.to_string()))?;
        }
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(LOCK_TIMEOUT)?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(TABLES)?;
            connection.execute(
                "DELETE FROM answers WHERE (source, function, version, value) IN
                 (SELECT source, function, version, value FROM answers WHERE expires_at <= ?1 LIMIT ?2)",
                params![now.timestamp(), REMOVED_AT_ONCE_MAX],
            )?;
            Ok(connection)
        };
        let connection = open().map_err(|fault| unusable(fault.to_string()))?;
        private(path).map_err(|fault| unusable(fault.to_string()))?;
        Ok(Store { path: path.to_owned(), connection: Arc::new(Mutex::new(connection)) })
    }

    /// The answers that are kept and still good, one for each value.
    pub(crate) async fn kept(
        &self,
        shelf: &Shelf,
        values: Vec<String>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<Kept>>, StoreError> {
        let shelf = shelf.clone();
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT fields, asked_at FROM answers
                 WHERE source = ?1 AND function = ?2 AND version = ?3 AND value = ?4 AND expires_at > ?5",
            )?;
            let mut one = |value: &String| {
                let key = params![shelf.source, shelf.function, shelf.version, value, now.timestamp()];
                statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()
            };
            values.iter().map(|value| Ok(one(value)?.and_then(|(fields, asked_at)| kept(fields, asked_at)))).collect()
        })
        .await
    }

    /// Keeps an answer.
    pub(crate) async fn keep(
        &self,
        shelf: &Shelf,
        value: String,
        answer: Kept,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let shelf = shelf.clone();
        self.run(move |connection| {
            let fields = answer.fields.map(|fields| Value::Array(fields).to_string());
            let (asked_at, expires_at) = (answer.asked_at.timestamp(), expires_at.timestamp());
            connection
                .prepare_cached("INSERT OR REPLACE INTO answers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute(params![shelf.source, shelf.function, shelf.version, value, fields, asked_at, expires_at])
        })
        .await?;
        Ok(())
    }

    /// Asks for one request, and counts it when it may be sent.
    pub(crate) async fn take(
        &self,
        account: &Account,
        limits: Limits,
        now: DateTime<Utc>,
    ) -> Result<Permit, StoreError> {
        self.with_usage(account, move |usage| usage.take(limits, now)).await
    }

    /// Leaves the service alone; gives the end of that.
    pub(crate) async fn pause(
        &self,
        account: &Account,
        for_s: Option<u64>,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, StoreError> {
        self.with_usage(account, move |usage| usage.pause(for_s, now)).await
    }

    /// Requests of this day.
    pub(crate) async fn used_today(&self, account: &Account, now: DateTime<Utc>) -> Result<u32, StoreError> {
        self.with_usage(account, move |usage| usage.used_today(now)).await
    }

    async fn with_usage<T: Send + 'static>(
        &self,
        account: &Account,
        change: impl FnOnce(&mut Usage) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let account = account.clone();
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let key = params![account.source, account.mark];
            let state: Option<String> = transaction
                .query_row("SELECT state FROM usage WHERE source = ?1 AND account = ?2", key, |row| row.get(0))
                .optional()?;
            let mut usage: Usage = state.and_then(|state| serde_json::from_str(&state).ok()).unwrap_or_default();
            let result = change(&mut usage);
            let state = serde_json::to_string(&usage).unwrap_or_default();
            let row = params![account.source, account.mark, state];
            transaction.execute("INSERT OR REPLACE INTO usage VALUES (?1, ?2, ?3)", row)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
    }

    /// Beside the asynchronous threads, as another kernel may hold the lock.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        let work = move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner));
        let unusable = |reason: String| StoreError { path: self.path.clone(), reason };
        let done = tokio::task::spawn_blocking(work).await.map_err(|fault| unusable(fault.to_string()))?;
        done.map_err(|fault| unusable(fault.to_string()))
    }
}

/// What cannot be read any more is asked again.
fn kept(fields: Option<String>, asked_at: i64) -> Option<Kept> {
    let fields = fields.map(|fields| serde_json::from_str(&fields)).transpose().ok()?;
    Some(Kept { fields, asked_at: DateTime::from_timestamp(asked_at, 0)? })
}

/// What was asked about tells what is being investigated.
#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    const LIMITS: Limits = Limits { per_minute: 50, per_day: 100 };

    fn shelf(version: u32) -> Shelf {
        Shelf { source: "https://ti.example/".into(), function: "look_up", version }
    }

    #[tokio::test]
    async fn answers_are_kept_for_their_time_also_when_there_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/enrichment.sqlite");
        let now = Utc::now();
        let store = Store::open(&path, now).expect("a store");
        let asked_at = DateTime::from_timestamp(now.timestamp(), 0).expect("a moment");
        let known = Kept { fields: Some(vec![Value::from(3), Value::Null]), asked_at };
        let unknown = Kept { fields: None, asked_at };
        let hour = TimeDelta::hours(1);
        store.keep(&shelf(1), "a".into(), known.clone(), now + hour).await.expect("kept");
        store.keep(&shelf(1), "b".into(), unknown.clone(), now + hour).await.expect("kept");
        let values = || vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let another = Store::open(&path, now).expect("another kernel");
        let found = another.kept(&shelf(1), values(), now).await.expect("read");
        assert_eq!(found, [Some(known), Some(unknown), None]);
        assert_eq!(another.kept(&shelf(2), values(), now).await.expect("read"), [None, None, None]);
        assert_eq!(another.kept(&shelf(1), values(), now + hour).await.expect("read"), [None, None, None]);
        let later = Store::open(&path, now + hour).expect("a later kernel");
        assert_eq!(later.kept(&shelf(1), values(), now).await.expect("read"), [None, None, None], "removed");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn kernels_share_the_quota() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("enrichment.sqlite");
        let now = Utc::now();
        let account = Account { source: "https://ti.example/".into(), mark: "k".into() };
        let kernels: Vec<_> = (0..4)
            .map(|_| {
                let (store, account) = (Store::open(&path, now).expect("a store"), account.clone());
                tokio::spawn(async move {
                    let mut sent = 0;
                    for _ in 0..20 {
                        sent += u32::from(store.take(&account, LIMITS, now).await.expect("an answer") == Permit::Go);
                    }
                    sent
                })
            })
            .collect();
        let mut sent = 0;
        for kernel in kernels {
            sent += kernel.await.expect("no panic");
        }
        assert_eq!(sent, 50);
        let store = Store::open(&path, now).expect("a store");
        assert_eq!(store.used_today(&account, now).await.expect("an answer"), 50);
        let other = Account { mark: "another key".into(), ..account };
        assert_eq!(store.take(&other, LIMITS, now).await.expect("an answer"), Permit::Go);
    }

    #[test]
    fn a_file_that_is_none_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("enrichment.sqlite");
        std::fs::write(&path, "no database at all, but text that is long enough").expect("a file");
        let error = Store::open(&path, Utc::now()).expect_err("no store").to_string();
        assert!(error.contains("enrichment.sqlite"), "{error}");
    }
}
