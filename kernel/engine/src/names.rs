//! Names: which may be given to a table, which known name somebody probably meant, and how to keep columns apart.

use std::collections::HashSet;

use datafusion::sql::parser::DFParser;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, ExprWithAlias};

/// Longest name of a table.
const TABLE_NAME_CHARS_MAX: usize = 64;

/// Words the parser takes for a table's name in some places and for themselves in others.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "as",
    "by",
    "case",
    "cast",
    "create",
    "cross",
    "describe",
    "distinct",
    "drop",
    "except",
    "exists",
    "explain",
    "false",
    "from",
    "full",
    "group",
    "having",
    "in",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "join",
    "lateral",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "right",
    "select",
    "set",
    "show",
    "table",
    "then",
    "true",
    "union",
    "unnest",
    "update",
    "using",
    "values",
    "when",
    "where",
    "with",
];

/// The name a table gets, or why it cannot be a table's name. SQL folds unquoted names to lower case, so do we.
pub(crate) fn table_name(name: &str) -> Result<String, String> {
    let folded = name.to_ascii_lowercase();
    if folded.is_empty() {
        return Err("it is empty".into());
    }
    if folded.chars().count() > TABLE_NAME_CHARS_MAX {
        return Err(format!("it is longer than {TABLE_NAME_CHARS_MAX} characters"));
    }
    if let Some(odd) = folded.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
        return Err(format!("it contains `{}`", odd.escape_debug()));
    }
    if folded.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("it begins with a digit".into());
    }
    if RESERVED.contains(&folded.as_str()) || !is_one_table_in_sql(&folded) {
        return Err("it is a word of SQL".into());
    }
    Ok(folded)
}

/// Why SQL could not call a function by this name; `None` when it can.
pub(crate) fn not_a_function(name: &str) -> Option<String> {
    if let Err(reason) = table_name(name) {
        return Some(reason);
    }
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return Some("it has capital letters, which SQL does not tell from small ones".into());
    }
    (!is_one_call_in_sql(name)).then(|| "it is a word of SQL".into())
}

/// Whether the parser takes it for a call of a function: `cast(…)`, `extract(…)` and their like are no such calls.
fn is_one_call_in_sql(name: &str) -> bool {
    match DFParser::parse_sql_into_expr(&format!("{name}(a, b)")) {
        Ok(ExprWithAlias { expr: SqlExpr::Function(call), .. }) => call.name.to_string() == name,
        _ => false,
    }
}

/// A valid name near to one that is not.
pub(crate) fn suggested_table_name(name: &str) -> String {
    let mut tame: String = name
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(TABLE_NAME_CHARS_MAX - 6)
        .collect();
    if tame.is_empty() || tame.starts_with(|c: char| c.is_ascii_digit()) || table_name(&tame).is_err() {
        tame.insert_str(0, "table_");
    }
    tame
}

fn is_one_table_in_sql(name: &str) -> bool {
    let Ok(statements) = DFParser::parse_sql(&format!("SELECT * FROM {name} WHERE true")) else { return false };
    let Some(statement) = statements.front() else { return false };
    resolve_table_references(statement, true)
        .is_ok_and(|(tables, _)| matches!(tables.as_slice(), [only] if only.table() == name))
}

/// Names from `known` that resemble `wanted`, nearest first, at most `count_max`.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>, count_max: usize) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut ranked: Vec<(usize, &str)> =
        known.into_iter().filter_map(|name| Some((resemblance(&wanted, &name.to_lowercase())?, name))).collect();
    ranked.sort();
    ranked.dedup();
    ranked.into_iter().take(count_max).map(|(_, name)| name).collect()
}

/// Smaller is nearer; `None` when more than two fifths would have to change and neither contains the other.
fn resemblance(wanted: &str, name: &str) -> Option<usize> {
    let distance = edit_distance(wanted, name);
    let longest = wanted.chars().count().max(name.chars().count());
    let contained = wanted.len() >= 3 && name.len() >= 3 && (name.contains(wanted) || wanted.contains(name));
    (distance * 5 <= longest * 2 || contained).then_some(distance)
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

/// The same names with repeated ones numbered: the second `bytes` is `bytes_2`. Case counts as equal, since Parquet
/// readers and people fold it.
pub(crate) fn distinct(names: &[&str]) -> Vec<String> {
    let reserved: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mut taken: HashSet<String> = HashSet::new();
    names.iter().map(|name| next_free(name, &reserved, &mut taken)).collect()
}

fn next_free(name: &str, reserved: &HashSet<String>, taken: &mut HashSet<String>) -> String {
    if taken.insert(name.to_lowercase()) {
        return name.to_string();
    }
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let free = numbered.into_iter().find(|candidate| {
        let folded = candidate.to_lowercase();
        !reserved.contains(&folded) && !taken.contains(&folded)
    });
    let free = free.expect("numbers do not run out before names do");
    taken.insert(free.to_lowercase());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_names() {
        assert_eq!(table_name("Conn_2024"), Ok("conn_2024".into()));
        assert_eq!(table_name("result"), Ok("result".into()));
        for bad in ["", "2024", "a-b", "a b", "a;drop", "select", "where", "flöws", &"x".repeat(65)] {
            assert!(table_name(bad).is_err(), "{bad}");
            let suggestion = suggested_table_name(bad);
            assert_eq!(table_name(&suggestion), Ok(suggestion.clone()), "{bad}");
        }
    }

    #[test]
    fn names_of_functions() {
        assert_eq!(not_a_function("score_2"), None);
        for bad in ["", "Score", "cast", "extract", "select", "case", "a b", "f(x)"] {
            assert!(not_a_function(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn nearest_names() {
        let known = ["flows", "flow_stats", "dns", "conn.log"];
        assert_eq!(nearest("flws", known, 3), ["flows"]);
        assert_eq!(nearest("conn", known, 3), ["conn.log"]);
        assert!(nearest("zzzz", known, 3).is_empty());
    }

    #[test]
    fn repeated_names_are_numbered() {
        assert_eq!(distinct(&["a", "a", "b", "A"]), ["a", "a_2", "b", "A_3"]);
        assert_eq!(distinct(&["a", "a", "a_2"]), ["a", "a_3", "a_2"]);
    }
}
