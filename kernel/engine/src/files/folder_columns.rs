//! Columns that folders say: `site=brno/kind=dmz/flows.parquet` has the columns `site` and `kind` in each of its rows, as text.
//!
//! A condition on them alone chooses files. Who puts them beside the columns of rows is `listed`, and for CSV and JSON `plain`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, Result as DataFusionResult, ScalarValue};
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::logical_expr::Expr;
use percent_encoding::percent_decode_str;

use super::paths::Found;

/// What writers put where a row has no value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";
/// Columns that one path may have.
const COLUMNS_MAX: usize = 32;

/// What the folders of a path say, from the outermost: of a name that comes twice, the inner one.
pub(super) fn values_of(path: &str) -> BTreeMap<String, Option<String>> {
    let (folders, _) = path.rsplit_once('/').unwrap_or_default();
    let parts = folders.split('/').filter_map(|folder| folder.split_once('=')).filter(|(name, _)| !name.is_empty());
    let text = |written: &str| percent_decode_str(written).decode_utf8_lossy().into_owned();
    let named = parts.map(|(name, value)| (text(name), Some(text(value)).filter(|value| value != NO_VALUE)));
    named.take(COLUMNS_MAX).collect()
}

/// The columns of files beside those in their rows, and the values of each file.
#[derive(Debug, Clone)]
pub(super) struct FolderColumns {
    columns: Vec<FieldRef>,
    /// A row for each file.
    values: RecordBatch,
}

impl FolderColumns {
    /// `None` where folders say nothing. What rows hold is taken from the rows, as is what is not `wanted`.
    pub(super) fn of(
        files: &[&Found],
        rows: &Schema,
        wanted: impl Fn(&str) -> bool,
    ) -> DataFusionResult<Option<FolderColumns>> {
        let said: Vec<BTreeMap<String, Option<String>>> = files.iter().map(|found| values_of(&found.shown)).collect();
        let mut names: Vec<&String> = said.iter().flat_map(BTreeMap::keys).collect();
        names.sort();
        names.dedup();
        names.retain(|name| rows.index_of(name).is_err() && wanted(name));
        if names.is_empty() {
            return Ok(None);
        }
        let columns: Vec<FieldRef> =
            names.iter().map(|name| Arc::new(Field::new(name.as_str(), DataType::Utf8, true))).collect();
        let arrays = names.iter().map(|name| {
            let values = said.iter().map(|said| said.get(*name).cloned().flatten());
            Arc::new(values.collect::<StringArray>()) as ArrayRef
        });
        let values = RecordBatch::try_new(Arc::new(Schema::new(columns.clone())), arrays.collect())?;
        Ok(Some(FolderColumns { columns, values }))
    }

    pub(super) fn fields(&self) -> &[FieldRef] {
        &self.columns
    }

    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name().as_str()).collect()
    }

    /// The value of a file in a column; `None` where it is none of these columns.
    pub(super) fn value(&self, file: usize, column: &str) -> Option<Option<&str>> {
        let values = self.values.column_by_name(column)?.as_string_opt::<i32>()?;
        Some(values.iter().nth(file).flatten())
    }

    /// All values of a file.
    pub(super) fn scalars(&self, file: usize) -> Vec<ScalarValue> {
        let value = |name: &str| ScalarValue::Utf8(self.value(file, name).flatten().map(str::to_owned));
        self.names().into_iter().map(value).collect()
    }

    /// Whether a condition is about these columns alone.
    pub(super) fn decide(&self, filter: &Expr) -> bool {
        let is_of_others = |expr: &Expr| {
            Ok(matches!(
                expr,
                Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::SetComparison(_)
                    | Expr::OuterReferenceColumn(..)
                    | Expr::ScalarVariable(..)
            ))
        };
        expr_applicable_for_cols(&self.names(), filter) && !filter.exists(is_of_others).unwrap_or(true)
    }

    /// The places of the files for which the conditions on these columns hold.
    pub(super) fn chosen(&self, state: &dyn Session, filters: &[Expr]) -> DataFusionResult<Vec<usize>> {
        let schema = DFSchema::try_from(self.values.schema())?;
        let mut chosen: Vec<usize> = (0..self.values.num_rows()).collect();
        for filter in filters.iter().filter(|filter| self.decide(filter)) {
            let condition = state.create_physical_expr(filter.clone(), &schema)?;
            let holds = condition.evaluate(&self.values)?.into_array(self.values.num_rows())?;
            let Some(holds) = holds.as_boolean_opt() else { continue };
            let holds: Vec<bool> = holds.iter().map(|holds| holds == Some(true)).collect();
            chosen.retain(|&place| holds[place]);
        }
        Ok(chosen)
    }

    /// Those of some of the files.
    pub(super) fn some(&self, places: &[usize]) -> DataFusionResult<FolderColumns> {
        let places: UInt64Array = places.iter().map(|&place| place as u64).collect::<Vec<_>>().into();
        let values = take_record_batch(&self.values, &places)?;
        Ok(FolderColumns { columns: self.columns.clone(), values })
    }

    /// The columns of rows with these behind them.
    pub(super) fn behind(&self, rows: &Schema) -> SchemaRef {
        let fields: Vec<FieldRef> = rows.fields().iter().chain(&self.columns).cloned().collect();
        Arc::new(Schema::new_with_metadata(fields, rows.metadata().clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_paths() {
        for (path, expected) in [
            ("/data/site=brno/kind=dmz/a.parquet", vec![("kind", Some("dmz")), ("site", Some("brno"))]),
            ("s3://b/date=2024-02-05/x=y=z.csv", vec![("date", Some("2024-02-05"))]),
            ("a/time=10%3A00%3A00/f.csv", vec![("time", Some("10:00:00"))]),
            ("a%20b=c%2Fd/f.csv", vec![("a b", Some("c/d"))]),
            ("x=__HIVE_DEFAULT_PARTITION__/f.csv", vec![("x", None)]),
            ("x=1/y/x=2/f.csv", vec![("x", Some("2"))]),
            ("x=/=y/f.csv", vec![("x", Some(""))]),
            ("x=%ff/f.csv", vec![("x", Some("\u{fffd}"))]),
            ("site=brno", vec![]),
        ] {
            let found = values_of(path);
            let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            assert_eq!(found, expected, "{path}");
        }
    }
}
