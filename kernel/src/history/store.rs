//! The history's SQLite file: IPython's tables `sessions`, `history` and `output_history`.

use std::{fs, path::Path, time::Duration};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::Query;

/// How long one kernel waits for another that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Entries of an answer at most: `tail` without a number would send years.
const ENTRIES_MAX: usize = 10_000;

/// Bytes of an output that are kept: a wide table is not worth its place.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS sessions (session INTEGER PRIMARY KEY AUTOINCREMENT, start TIMESTAMP, end TIMESTAMP,
        num_cmds INTEGER, remark TEXT);
    CREATE TABLE IF NOT EXISTS history (session INTEGER, line INTEGER, source TEXT, source_raw TEXT,
        PRIMARY KEY (session, line));
    CREATE TABLE IF NOT EXISTS output_history (session INTEGER, line INTEGER, output TEXT,
        PRIMARY KEY (session, line));";

/// An open history and the number of this session in it.
pub(super) struct Store {
    connection: Connection,
    session: i64,
}

impl Store {
    /// Opens or makes the file and begins a session.
    ///
    /// # Errors
    /// When the folder cannot be made or the file is no history.
    pub(super) fn open(file: &Path) -> anyhow::Result<Store> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let connection = Connection::open(file)?;
        only_for_the_owner(file);
        // A crash of the machine may cost the last cells; none of them waits for the disk.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Store::begin(connection)?)
    }

    /// A history that ends with the process.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn in_memory() -> rusqlite::Result<Store> {
        Store::begin(Connection::open_in_memory()?)
    }

    fn begin(connection: Connection) -> rusqlite::Result<Store> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute_batch(TABLES)?;
        connection.execute("INSERT INTO sessions (start) VALUES (datetime('now'))", [])?;
        let session = connection.last_insert_rowid();
        Ok(Store { connection, session })
    }

    /// Remembers a cell.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn add(&self, line: u64, input: &str, output: Option<&str>) -> rusqlite::Result<()> {
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        self.connection.prepare_cached("INSERT OR REPLACE INTO history VALUES (?1, ?2, ?3, ?3)")?.execute(params![
            self.session,
            line,
            input
        ])?;
        if let Some(output) = output.filter(|output| output.len() <= OUTPUT_BYTES_MAX) {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO output_history VALUES (?1, ?2, ?3)")?
                .execute(params![self.session, line, output])?;
        }
        Ok(())
    }

    /// The entries that a request asks for, oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn query(&self, query: &Query) -> rusqlite::Result<Vec<Value>> {
        match query.access.as_str() {
            "range" => self.range(query),
            "search" => self.search(query),
            _ => self.select("1 ORDER BY session DESC, line DESC LIMIT ?1", &[&limit(query)], query.output),
        }
    }

    fn range(&self, query: &Query) -> rusqlite::Result<Vec<Value>> {
        let Some(session) = self.session_number(query.session)? else { return Ok(Vec::new()) };
        let number = |line: Option<u64>, missing| line.and_then(|line| i64::try_from(line).ok()).unwrap_or(missing);
        let (start, stop) = (number(query.start, 0), number(query.stop, i64::MAX));
        let condition = "session = ?1 AND line >= ?2 AND line < ?3 ORDER BY line DESC LIMIT ?4";
        self.select(condition, &[&session, &start, &stop, &limit(query)], query.output)
    }

    fn search(&self, query: &Query) -> rusqlite::Result<Vec<Value>> {
        let condition = match query.unique {
            // SQLite has no maximum of pairs: a row's place in the file grows with session and line.
            true => {
                "history.rowid IN (SELECT max(rowid) FROM history WHERE source GLOB ?1 GROUP BY source)
                 ORDER BY session DESC, line DESC LIMIT ?2"
            }
            false => "source GLOB ?1 ORDER BY session DESC, line DESC LIMIT ?2",
        };
        self.select(condition, &[&query.pattern, &limit(query)], query.output)
    }

    /// The number of a session that is given relative to this one.
    fn session_number(&self, session: i64) -> rusqlite::Result<Option<i64>> {
        if session > 0 {
            return Ok(Some(session));
        }
        if session == 0 {
            return Ok(Some(self.session));
        }
        let Some(back) = session.checked_neg() else { return Ok(None) };
        // Numbers have gaps: sessions without a cell are not counted.
        self.connection
            .prepare_cached(
                "SELECT DISTINCT session FROM history WHERE session < ?1 ORDER BY session DESC LIMIT 1 OFFSET ?2",
            )?
            .query_row(params![self.session, back - 1], |row| row.get(0))
            .optional()
    }

    fn select(
        &self,
        condition: &str,
        parameters: &[&dyn rusqlite::ToSql],
        output: bool,
    ) -> rusqlite::Result<Vec<Value>> {
        let sql = format!(
            "SELECT session, line, source, output FROM history LEFT JOIN output_history USING (session, line)
             WHERE {condition}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let entries = statement.query_map(parameters, |row| {
            let (session, line, input): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(match output {
                true => json!([session, line, [input, row.get::<_, Option<String>>(3)?]]),
                false => json!([session, line, input]),
            })
        })?;
        let mut entries = entries.collect::<rusqlite::Result<Vec<Value>>>()?;
        entries.reverse();
        Ok(entries)
    }
}

fn limit(query: &Query) -> i64 {
    i64::try_from(query.n.unwrap_or(ENTRIES_MAX).min(ENTRIES_MAX)).unwrap_or(i64::MAX)
}

/// Cells may hold what others must not read.
fn only_for_the_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if let Err(error) = fs::set_permissions(file, fs::Permissions::from_mode(0o600)) {
        tracing::warn!(%error, "the history file keeps its permissions");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn query(access: &str) -> Query {
        Query { access: access.into(), pattern: "*".into(), ..Query::default() }
    }

    fn fill(store: &Store) {
        for (line, input) in ["1+1", "1+2", "1+1", "let [a] = b;"].into_iter().enumerate() {
            store.add(line as u64 + 1, input, Some(&line.to_string())).unwrap();
        }
    }

    #[test]
    fn tail_range_and_search() {
        let store = Store::in_memory().unwrap();
        fill(&store);
        let tail = store.query(&Query { n: Some(2), output: true, ..query("tail") }).unwrap();
        assert_eq!(tail, [json!([1, 3, ["1+1", "2"]]), json!([1, 4, ["let [a] = b;", "3"]])]);
        let range = store.query(&Query { start: Some(1), stop: Some(2), ..query("range") }).unwrap();
        assert_eq!(range, [json!([1, 1, "1+1"])]);
        let search = |pattern: &str, unique, n| {
            store.query(&Query { pattern: pattern.into(), unique, n, ..query("search") }).unwrap()
        };
        assert_eq!(search("1?1", false, None).len(), 2);
        assert_eq!(search("1?1", true, None), [json!([1, 3, "1+1"])], "the last of equal cells is found");
        assert_eq!(search("*", false, Some(3)).len(), 3);
        assert_eq!(search("let [a] = b;", false, None).len(), 0, "brackets are a set in a glob");
        assert_eq!(search("[", false, None).len(), 0, "a broken pattern is no error");
    }

    #[test]
    fn earlier_sessions_are_found_in_the_file_and_counted_backwards() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/history.sqlite");
        fill(&Store::open(&file).unwrap());
        drop(Store::open(&file).unwrap());
        let store = Store::open(&file).unwrap();
        store.add(1, "here", None).unwrap();
        let range = |session| store.query(&Query { session, ..query("range") }).unwrap().len();
        assert_eq!((range(0), range(-1), range(-2), range(1)), (1, 4, 0, 4), "a session without a cell is not counted");
        let tail = store.query(&Query { n: Some(2), ..query("tail") }).unwrap();
        assert_eq!(tail, [json!([1, 4, "let [a] = b;"]), json!([3, 1, "here"])]);
        let unique = store.query(&Query { unique: true, ..query("search") }).unwrap();
        assert_eq!(unique.len(), 4);
    }

    #[test]
    fn a_file_that_is_no_history_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.sqlite");
        fs::write(&file, "this is not a database, it is a note of some length").unwrap();
        assert!(Store::open(&file).is_err());
        assert!(fs::read_to_string(&file).unwrap().starts_with("this is not"), "it is left as it was");
    }
}
