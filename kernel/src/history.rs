//! Cells of this session, for `history_request`: tail, range and search.

use std::collections::HashSet;

use serde_json::{Value, json};

/// How many cells are remembered; a session of a day has some hundreds.
const ENTRIES_MAX: usize = 100_000;

/// The number of this session: there is one per process.
const SESSION: i64 = 1;

/// One cell that was run.
#[derive(Clone, Debug)]
struct Entry {
    line: u64,
    input: String,
    output: Option<String>,
}

/// The cells run so far, oldest first.
#[derive(Debug, Default)]
pub struct History {
    entries: Vec<Entry>,
}

/// A `history_request`, parsed leniently: clients leave most fields out.
#[derive(Clone, Debug)]
pub struct Query {
    /// `tail`, `range` or `search`.
    pub access: String,
    /// Whether outputs are wanted with the inputs.
    pub output: bool,
    /// At most this many entries; for `search` the last ones.
    pub n: Option<usize>,
    /// First line of a range.
    pub start: Option<u64>,
    /// Line behind a range.
    pub stop: Option<u64>,
    /// Glob pattern of a search: `*` and `?`.
    pub pattern: String,
    /// Only the last of equal inputs.
    pub unique: bool,
}

impl History {
    /// Remembers a cell, with its result as text if it had one.
    pub fn add(&mut self, line: u64, input: &str, output: Option<String>) {
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.remove(0);
        }
        self.entries.push(Entry { line, input: input.to_owned(), output });
    }

    /// The entries that a request asks for: `(session, line, input)`, or with outputs `(session, line, (input, output))`.
    pub fn query(&self, query: &Query) -> Vec<Value> {
        let chosen: Vec<&Entry> = match query.access.as_str() {
            "range" => self.range(query.start.unwrap_or(0), query.stop),
            "search" => self.search(query),
            _ => last(self.entries.iter().collect(), query.n),
        };
        chosen.into_iter().map(|entry| entry.tuple(query.output)).collect()
    }

    fn range(&self, start: u64, stop: Option<u64>) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.line >= start && stop.is_none_or(|stop| entry.line < stop)).collect()
    }

    fn search(&self, query: &Query) -> Vec<&Entry> {
        // A pattern that is no glob matches itself.
        let pattern = glob::Pattern::new(&query.pattern)
            .or_else(|_| glob::Pattern::new(&glob::Pattern::escape(&query.pattern)))
            .unwrap_or_default();
        let mut found: Vec<&Entry> = self.entries.iter().filter(|entry| pattern.matches(&entry.input)).collect();
        if query.unique {
            let mut seen = HashSet::new();
            found.reverse();
            found.retain(|entry| seen.insert(entry.input.as_str()));
            found.reverse();
        }
        last(found, query.n)
    }
}

impl Entry {
    fn tuple(&self, output: bool) -> Value {
        match output {
            true => json!([SESSION, self.line, [self.input, self.output]]),
            false => json!([SESSION, self.line, self.input]),
        }
    }
}

fn last<T>(mut entries: Vec<T>, n: Option<usize>) -> Vec<T> {
    let surplus = n.map_or(0, |n| entries.len().saturating_sub(n));
    entries.split_off(surplus)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(access: &str) -> Query {
        let (n, start, stop) = (None, None, None);
        Query { access: access.into(), output: false, n, start, stop, pattern: "*".into(), unique: false }
    }

    fn history() -> History {
        let mut history = History::default();
        for (line, input) in ["1+1", "1+2", "1+1", "let [a] = b;"].into_iter().enumerate() {
            history.add(line as u64 + 1, input, Some(line.to_string()));
        }
        history
    }

    #[test]
    fn tail_range_and_search() {
        let history = history();
        let tail = history.query(&Query { n: Some(2), output: true, ..query("tail") });
        assert_eq!(tail, [json!([1, 3, ["1+1", "2"]]), json!([1, 4, ["let [a] = b;", "3"]])]);
        let range = history.query(&Query { start: Some(1), stop: Some(2), ..query("range") });
        assert_eq!(range, [json!([1, 1, "1+1"])]);
        let search = |pattern: &str, unique, n| {
            history.query(&Query { pattern: pattern.into(), unique, n, ..query("search") }).len()
        };
        assert_eq!(search("1?1", false, None), 2);
        assert_eq!(search("1?1", true, None), 1);
        assert_eq!(search("*", false, Some(3)), 3);
        assert_eq!(search("let [a] = b;", false, None), 0, "brackets are a set in a glob");
        assert_eq!(search("[", false, None), 0, "a broken pattern is no panic");
    }
}
