//! What is known about a name, in plain text.

use datafusion::logical_expr::Documentation;

use super::scan::{Scan, Word};
use crate::engine::Engine;
use crate::functions;

/// Columns listed for one table.
const COLUMNS_MAX: usize = 200;

pub(super) fn inspect(engine: &Engine, sql: &str, cursor: usize) -> Option<String> {
    let scan = Scan::of(sql, cursor);
    if scan.is_in_text() {
        return None;
    }
    let word = scan.word_at_cursor()?;
    column_text(engine, &scan, &word)
        .or_else(|| aliased_table_text(engine, &scan, &word))
        .or_else(|| function_help(engine, word.text.trim_matches('"')))
}

/// Syntax, meaning and arguments.
pub(super) fn function_help(engine: &Engine, name: &str) -> Option<String> {
    let name = name.to_lowercase();
    if let Some(function) = functions::help_of(&name) {
        return Some(function.help());
    }
    if let Some(signature) = functions::foreign_signature(engine, &name) {
        return Some(format!("{signature}\n\nA function of a Rust cell."));
    }
    let state = engine.context().state_ref();
    let state = state.read();
    let known = state.scalar_functions().get(&name).map(|function| function.documentation().cloned());
    let known = known.or_else(|| state.aggregate_functions().get(&name).map(|it| it.documentation().cloned()));
    let known = known.or_else(|| state.window_functions().get(&name).map(|it| it.documentation().cloned()));
    let known = known.or_else(|| state.higher_order_functions().get(&name).map(|it| it.documentation().cloned()));
    let known = known.or_else(|| state.table_functions().get(&name).map(|_| None));
    Some(known?.map_or_else(|| format!("{name}(…)\n\nA function without a description."), |it| documentation_text(&it)))
}

fn documentation_text(documentation: &Documentation) -> String {
    let mut parts = vec![documentation.syntax_example.clone(), documentation.description.trim().to_string()];
    let arguments = documentation.arguments.iter().flatten();
    let arguments: Vec<String> = arguments.map(|(name, meaning)| format!("  {name}: {meaning}")).collect();
    if !arguments.is_empty() {
        parts.push(format!("Arguments:\n{}", arguments.join("\n")));
    }
    if let Some(alternatives) = &documentation.alternative_syntax {
        parts.push(format!("Also: {}", alternatives.join(", ")));
    }
    if let Some(example) = &documentation.sql_example {
        let lines: Vec<&str> = example.lines().filter(|line| !line.trim_start().starts_with("```")).collect();
        parts.push(format!("Example:\n{}", lines.join("\n")));
    }
    parts.join("\n\n")
}

fn column_text(engine: &Engine, scan: &Scan, word: &Word) -> Option<String> {
    let tables = scan.tables().iter().filter(|table| match &word.qualifier {
        Some(qualifier) => table.alias.as_deref().unwrap_or(&table.name).eq_ignore_ascii_case(qualifier),
        None => true,
    });
    let found: Vec<String> = tables
        .filter_map(|table| {
            let columns = engine.columns(&table.name);
            let (name, kind) = columns.into_iter().find(|(name, _)| word.is_named(name))?;
            Some(format!("{name}: {kind}, a column of {}", table.name))
        })
        .collect();
    (!found.is_empty()).then(|| found.join("\n"))
}

fn aliased_table_text(engine: &Engine, scan: &Scan, word: &Word) -> Option<String> {
    let aliased = scan.tables().iter().find(|table| table.alias.as_deref().is_some_and(|alias| word.is_named(alias)));
    let name = aliased.map_or_else(|| word.text.trim_matches('"').to_lowercase(), |table| table.name.clone());
    if !engine.table_names().contains(&name) {
        return None;
    }
    let columns = engine.columns(&name);
    let mut lines = vec![format!("{name}: a table of {} columns", columns.len())];
    let width = columns.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    lines.extend(columns.iter().take(COLUMNS_MAX).map(|(name, kind)| format!("  {name:width$}  {kind}")));
    Some(lines.join("\n"))
}
