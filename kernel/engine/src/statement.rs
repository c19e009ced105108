//! The text of a query as statements, and which of them may be run.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result as DataFusionResult, TableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::dialect_from_str;

/// Splits a text at its semicolons.
pub(crate) fn parse(context: &SessionContext, sql: &str) -> DataFusionResult<Vec<Statement>> {
    let config = context.copied_config();
    let settings = &config.options().sql_parser;
    let mut builder = DFParserBuilder::new(sql).with_recursion_limit(settings.recursion_limit.get());
    let dialect = dialect_from_str(settings.dialect.as_ref());
    if let Some(dialect) = &dialect {
        builder = builder.with_dialect(dialect.as_ref());
    }
    Ok(builder.build()?.parse_statements()?.into())
}

/// The tables that a statement reads; not the one that it makes, which is not there yet.
pub(crate) fn tables_read(state: &SessionState, statement: &Statement) -> DataFusionResult<Vec<TableReference>> {
    let Statement::Statement(inner) = statement else { return state.resolve_table_references(statement) };
    let ast::Statement::CreateTable(made) = inner.as_ref() else { return state.resolve_table_references(statement) };
    match &made.query {
        Some(query) => {
            let query = ast::Statement::Query(query.clone());
            state.resolve_table_references(&Statement::Statement(Box::new(query)))
        }
        None => Ok(Vec::new()),
    }
}

/// What in `plan` writes outside the engine's own tables, in words. Looks inside EXPLAIN ANALYZE and PREPARE too.
pub(crate) fn write_in(plan: &LogicalPlan) -> Option<&'static str> {
    let mut found = None;
    let visited = plan.apply(|node| {
        found = found.or(match node {
            LogicalPlan::Copy(_) => Some("COPY … TO"),
            LogicalPlan::Dml(_) => Some("INSERT, UPDATE or DELETE"),
            LogicalPlan::Ddl(DdlStatement::CreateExternalTable(_)) => Some("CREATE EXTERNAL TABLE"),
            _ => None,
        });
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    // The closure above never fails.
    visited.ok().and(found)
}

/// Whether a LIMIT may be put on top: only what yields rows of tables takes one.
pub(crate) fn yields_rows(plan: &LogicalPlan) -> bool {
    !matches!(
        plan,
        LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::DescribeTable(_)
    )
}
