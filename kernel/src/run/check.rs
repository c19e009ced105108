//! What can be said about an order before anything runs.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use flow_engine::{Format, QueryResult, nearest_names, render};

use super::{notebook::CodeCell, template::Template};
use crate::{
    cell::Cell,
    form::definition::{Field, Kind},
};

/// Whether the buttons are there.
///
/// # Errors
/// The first that is not, and the nearest.
pub(super) fn buttons(press: &[String], fields: &[Field]) -> Result<()> {
    let buttons = || fields.iter().filter(|field| field.kind == Kind::Button).map(|field| field.name.as_str());
    for wanted in press {
        if !buttons().any(|button| button == wanted) {
            let near = nearest_names(wanted, buttons(), 1);
            let near = near.first().map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let all = buttons().collect::<Vec<_>>().join(", ");
            bail!("the notebook has no button `{wanted}`\nhint: {near}buttons are: {all}");
        }
    }
    Ok(())
}

/// Whether the notebook makes the tables that are asked for. Rust cells and statements may make others.
///
/// # Errors
/// The first that is not, and the nearest.
pub(super) fn tables(results: &[(String, Template)], cells: &[CodeCell]) -> Result<()> {
    let parsed: Vec<Cell> = cells.iter().filter_map(|cell| Cell::parse(&cell.source).ok()).collect();
    let makes_others = |cell: &Cell| match cell {
        Cell::Rust(_) => true,
        Cell::Sql(sql) => sql.query.to_ascii_uppercase().contains("CREATE") || sql.selection.is_some(),
        _ => false,
    };
    if parsed.iter().any(makes_others) {
        return Ok(());
    }
    let made = || {
        parsed.iter().filter_map(|cell| match cell {
            Cell::Sql(sql) => sql.into.as_deref(),
            _ => None,
        })
    };
    for (name, _) in results {
        if !made().any(|known| known.eq_ignore_ascii_case(name)) {
            let near = nearest_names(name, made(), 1);
            let near = near.first().map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let all = made().collect::<Vec<_>>().join(", ");
            bail!("no cell of the notebook makes the table `{name}`\nhint: {near}its tables are: {all}");
        }
    }
    Ok(())
}

/// Whether a table may be written: one that is cut without its author's word would be taken for the whole.
///
/// # Errors
/// When it is cut.
pub(super) fn is_whole(name: &str, result: &QueryResult, has_limit: bool) -> Result<()> {
    if result.truncated && !has_limit {
        let rows = render::with_commas(result.row_count as i128);
        bail!(
            "the table `{name}` has more rows than the {rows} that a cell brings at most: it is not written\nhint: run it in shorter windows with --step, or say in its cell with --limit how many rows are wanted; --limit 0 brings all"
        );
    }
    Ok(())
}

/// How a table is written to a file.
///
/// # Errors
/// When its ending tells no format.
pub(super) fn format_of(name: &str, file: &Path) -> Result<Format> {
    Format::of_path(file).ok_or_else(|| {
        let endings: Vec<&str> = Format::NAMES.iter().map(|(_, format)| format.ending()).collect();
        anyhow!("`{}` does not tell how `{name}` is written\nhint: endings are {}", file.display(), endings.join(", "))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::datatypes::Schema;

    use super::*;

    #[test]
    fn a_table_is_cut_only_where_its_author_says_so() {
        let mut result = QueryResult::of_batches(Arc::new(Schema::empty()), Vec::new());
        assert!(is_whole("t", &result, false).is_ok());
        result.truncated = true;
        assert!(is_whole("t", &result, true).is_ok());
        let error = is_whole("t", &result, false).unwrap_err().to_string();
        assert!(error.contains("`t`") && error.contains("--limit"), "{error}");
    }
}
