//! What an editor offers while SQL is typed, and what it tells about the name under the cursor.
//!
//! Unfinished SQL does not parse, so `scan` only cuts it into words and finds which tables it names. Nothing here
//! opens a file or waits.

use crate::engine::Engine;
use crate::functions;

mod inspect;
mod scan;

use scan::{Scan, Word};

/// Items offered at most; beyond it nobody reads them.
const ITEMS_MAX: usize = 500;

/// Words of SQL that are offered, in the order of their use.
const KEYWORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "HAVING",
    "JOIN",
    "LEFT JOIN",
    "RIGHT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "ON",
    "USING",
    "AS",
    "AND",
    "OR",
    "NOT",
    "IN",
    "BETWEEN",
    "LIKE",
    "ILIKE",
    "IS NULL",
    "IS NOT NULL",
    "DISTINCT",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "WITH",
    "UNION ALL",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "EXISTS",
    "ASC",
    "DESC",
    "NULLS FIRST",
    "NULLS LAST",
    "OFFSET",
    "OVER",
    "PARTITION BY",
    "QUALIFY",
    "INTERVAL",
    "TIMESTAMP",
    "NULL",
    "TRUE",
    "FALSE",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "DESCRIBE",
    "SHOW TABLES",
    "CREATE VIEW",
    "CREATE TABLE",
    "DROP TABLE",
    "DROP VIEW",
    "COPY",
    "VALUES",
    "FILTER",
    "UNNEST",
];

/// What kind of thing is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompletionKind {
    /// A column of a table the query names.
    Column,
    /// A table or view.
    Table,
    /// A function.
    Function,
    /// A word of SQL.
    Keyword,
}

/// One offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text to insert, quoted where SQL needs it.
    pub text: String,
    /// What it is.
    pub kind: CompletionKind,
    /// A type, a table's name or a syntax; may be empty.
    pub detail: String,
}

/// Offers that replace the bytes from `start` to `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completions {
    /// Byte offset where the replaced text begins.
    pub start: usize,
    /// Byte offset where it ends.
    pub end: usize,
    /// What could stand there, best first.
    pub items: Vec<Completion>,
}

impl Engine {
    /// What could stand at `cursor`, a byte offset in `sql`. Offsets inside a character count as before it.
    pub fn complete(&self, sql: &str, cursor: usize) -> Completions {
        let scan = Scan::of(sql, cursor);
        let nothing = Completions { start: scan.cursor, end: scan.cursor, items: Vec::new() };
        if scan.is_in_text() {
            return nothing;
        }
        let Some(word) = scan.word_before_cursor() else { return nothing };
        let mut items = match &word.qualifier {
            Some(qualifier) => self.columns_of(&scan, qualifier),
            None if scan.expects_table() => self.tables(),
            None => self.everything(&scan),
        };
        let prefix = word.text.trim_start_matches('"').to_lowercase();
        items.retain(|item| item.text.trim_start_matches('"').to_lowercase().starts_with(&prefix));
        items.truncate(ITEMS_MAX);
        Completions { start: word.start, end: word.end, items }
    }

    /// What is known about the name at `cursor`, as plain text; `None` when it is no name we know.
    pub fn inspect(&self, sql: &str, cursor: usize) -> Option<String> {
        inspect::inspect(self, sql, cursor)
    }

    /// Syntax, meaning and arguments of a function, as plain text; `None` when there is no such function.
    pub fn function_help(&self, name: &str) -> Option<String> {
        inspect::function_help(self, name)
    }

    fn everything(&self, scan: &Scan) -> Vec<Completion> {
        let mut items = Vec::new();
        for table in scan.tables() {
            items.extend(self.columns_offered(&table.name));
        }
        items.extend(scan.tables().iter().filter_map(|table| {
            let alias = table.alias.as_ref()?;
            let detail = format!("alias of {}", table.name);
            Some(Completion { text: quoted(alias), kind: CompletionKind::Table, detail })
        }));
        items.extend(KEYWORDS.iter().map(|keyword| Completion {
            text: if scan.is_lower_case() { keyword.to_lowercase() } else { (*keyword).to_string() },
            kind: CompletionKind::Keyword,
            detail: String::new(),
        }));
        items.extend(self.function_names().into_iter().map(|name| {
            let ours = functions::help_of(&name).map(|function| function.syntax.to_string());
            let detail = ours.or_else(|| functions::foreign_signature(self, &name)).unwrap_or_default();
            Completion { text: name, kind: CompletionKind::Function, detail }
        }));
        items.extend(self.tables());
        let mut seen = std::collections::HashSet::new();
        items.retain(|item| seen.insert((item.text.clone(), item.kind)));
        items
    }

    fn tables(&self) -> Vec<Completion> {
        let tables = self.table_names().into_iter().map(|name| {
            let detail = match self.columns(&name).len() {
                0 => "a source that is not open yet".to_owned(),
                count => format!("{count} columns"),
            };
            Completion { text: quoted(&name), kind: CompletionKind::Table, detail }
        });
        let functions = functions::table_functions().iter().map(|function| Completion {
            text: function.name.to_string(),
            kind: CompletionKind::Function,
            detail: function.syntax.to_string(),
        });
        tables.chain(functions).collect()
    }

    fn columns_of(&self, scan: &Scan, qualifier: &str) -> Vec<Completion> {
        let named = scan
            .tables()
            .iter()
            .find(|table| table.alias.as_deref().unwrap_or(&table.name).eq_ignore_ascii_case(qualifier));
        self.columns_offered(named.map_or(qualifier, |table| &table.name))
    }

    fn columns_offered(&self, table: &str) -> Vec<Completion> {
        let columns = self.columns(table).into_iter();
        columns
            .map(|(name, kind)| Completion { text: quoted(&name), kind: CompletionKind::Column, detail: kind })
            .collect()
    }
}

/// The names of the tables that the statement at the cursor names.
pub(crate) fn tables_named(sql: &str, cursor: usize) -> Vec<String> {
    Scan::of(sql, cursor).tables().iter().map(|table| table.name.clone()).collect()
}

/// The name as SQL must have it: folded names stay bare, all others need double quotes.
fn quoted(name: &str) -> String {
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let is_bare = begins_well && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_bare { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

impl Word {
    fn is_named(&self, name: &str) -> bool {
        self.text.trim_matches('"').eq_ignore_ascii_case(name)
    }
}
