//! Columns of one name in the outermost SELECT: `SELECT *, src_ip FROM flows`, `SELECT 'a' AS x, 'b' AS x`.
//!
//! DataFusion refuses them. Here the repeated ones get names that nobody sees while the query is planned and runs, and the
//! result has the names that were written. Within a query, and for tables, names stay distinct.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Fields, Schema};
use datafusion::common::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem, SetExpr, Statement as SqlStatement};

use crate::result::QueryResult;

/// Between a name and its number; a character of no language.
const MARK: char = '\u{f8f7}';
/// What DataFusion says of repeated names.
const REFUSALS: &[&str] = &["unique expression names", "duplicate", "ambiguous"];

/// The plan of a statement.
pub(crate) struct Planned {
    pub(crate) plan: LogicalPlan,
    /// Whether the names of its columns are to be cut at the mark ([`shown`]).
    pub(crate) has_marks: bool,
}

/// Plans a statement, with marks where names are repeated.
pub(crate) async fn plan(state: &SessionState, statement: Statement) -> DataFusionResult<Planned> {
    let refusal = match state.statement_to_plan(statement.clone()).await {
        Ok(plan) => return Ok(Planned { plan, has_marks: false }),
        Err(refusal) if is_about_names(&refusal) => refusal,
        Err(other) => return Err(other),
    };
    for marked in [Marked::Repeated, Marked::Unnamed, Marked::All] {
        let Some(statement) = with_marks(&statement, marked) else { continue };
        if let Ok(plan) = state.statement_to_plan(statement).await {
            return Ok(Planned { plan, has_marks: true });
        }
    }
    Err(refusal)
}

fn is_about_names(refusal: &DataFusionError) -> bool {
    let text = refusal.to_string();
    REFUSALS.iter().any(|said| text.contains(said))
}

/// Which columns get a mark: as few as suffice, since ORDER BY does not find them any more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marked {
    /// Those whose name was written before.
    Repeated,
    /// Beside a `*`, whose names are not known here, also those without a name of their own.
    Unnamed,
    /// Beside a `*` all.
    All,
}

/// The same statement with other names; `None` where that changes nothing or it is no plain SELECT.
fn with_marks(statement: &Statement, marked: Marked) -> Option<Statement> {
    let mut statement = statement.clone();
    let Statement::Statement(inner) = &mut statement else { return None };
    let SqlStatement::Query(query) = inner.as_mut() else { return None };
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let is_wildcard = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    if marked != Marked::Repeated && !select.projection.iter().any(is_wildcard) {
        return None;
    }
    let mut names = HashSet::new();
    let mut is_changed = false;
    for (place, item) in select.projection.iter_mut().enumerate() {
        let (name, is_named) = match &*item {
            SelectItem::ExprWithAlias { alias, .. } => (normalized(alias), true),
            SelectItem::UnnamedExpr(expr) => (name_of(expr), false),
            _ => continue,
        };
        let is_marked = marked == Marked::All || marked == Marked::Unnamed && !is_named;
        if names.insert(name.clone()) && !is_marked {
            continue;
        }
        let (SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr)) = &*item else { continue };
        let alias = Ident::with_quote('"', format!("{name}{MARK}{place}"));
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        is_changed = true;
    }
    is_changed.then_some(statement)
}

/// As a column without a name is called: by its own, or as it is written.
fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => normalized(name),
        Expr::CompoundIdentifier(parts) => parts.last().map(normalized).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn normalized(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// The rows under the names that were written.
pub(crate) fn shown(result: QueryResult) -> QueryResult {
    let fields = result.schema.fields().iter().map(|field| match field.name().split_once(MARK) {
        Some((name, _)) => Arc::new(Field::clone(field).with_name(name)),
        None => Arc::clone(field),
    });
    let schema = Arc::new(Schema::new_with_metadata(fields.collect::<Fields>(), result.schema.metadata().clone()));
    let renamed = result.batches.iter().map(|batch| {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = batch.columns().to_vec();
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).unwrap_or_else(|_| batch.clone())
    });
    let batches = renamed.collect();
    QueryResult { schema, batches, ..result }
}
