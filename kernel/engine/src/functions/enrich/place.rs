//! Where in a query a lookup may stand: in the SELECT list, where it is asked for each row that comes out.
//!
//! Elsewhere DataFusion either cannot call an asynchronous function, or calls it for rows that are thrown away: in WHERE
//! before the other conditions, in CASE for all branches. That would cost the quota.

use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::functions::fault::FunctionFault;

/// Refuses a plan with a lookup in another place.
pub(crate) fn check_lookups(plan: &LogicalPlan) -> DataFusionResult<()> {
    plan.apply_with_subqueries(|node| {
        let is_selected = matches!(node, LogicalPlan::Projection(_));
        node.apply_expressions(|expression| {
            let misplaced = if is_selected { inside_case(expression)? } else { lookup_in(expression)? };
            match misplaced {
                Some(function) => Err(FunctionFault::LookupPlace { function }.into()),
                None => Ok(TreeNodeRecursion::Continue),
            }
        })
    })?;
    Ok(())
}

fn inside_case(expression: &Expr) -> DataFusionResult<Option<String>> {
    let mut found = None;
    expression.apply(|part| {
        if matches!(part, Expr::Case(_)) && found.is_none() {
            found = lookup_in(part)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn lookup_in(expression: &Expr) -> DataFusionResult<Option<String>> {
    let mut found = None;
    expression.apply(|part| {
        if let Expr::ScalarFunction(call) = part
            && call.func.as_async().is_some()
        {
            found = Some(call.func.name().to_owned());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::functions::testing::try_select;
    use crate::{CancellationToken, Engine, EngineError, FunctionFault, QueryOptions};

    async fn is_refused(sql: &str) -> bool {
        let engine = Engine::new().expect("an engine");
        let outcome = engine.query(sql, QueryOptions::default(), CancellationToken::new()).await;
        matches!(outcome, Err(EngineError::Function(FunctionFault::LookupPlace { .. })))
    }

    #[tokio::test]
    async fn lookups_stand_in_the_select_list() {
        const ROWS: &str = "FROM (VALUES ('a.example.com')) AS t(name)";
        const CALL: &str = "virustotal_domain(name)['status']";
        for (sql, expected) in [
            (format!("SELECT {CALL} {ROWS}"), false),
            (
                format!(
                    "SELECT * FROM (SELECT upper({CALL}) AS s {ROWS} WHERE name LIKE 'a%') WHERE s = 'X' ORDER BY s"
                ),
                false,
            ),
            (format!("SELECT DISTINCT {CALL} {ROWS}"), false),
            (format!("SELECT name {ROWS} WHERE name LIKE 'a%' AND {CALL} = 'found'"), true),
            (format!("SELECT count(*) {ROWS} GROUP BY {CALL}"), true),
            (format!("SELECT max({CALL}) {ROWS}"), true),
            (format!("SELECT CASE WHEN name = 'b' THEN {CALL} END {ROWS}"), true),
            (format!("SELECT 1 {ROWS} JOIN (VALUES ('x')) AS u(x) ON {CALL} = x"), true),
            (format!("SELECT 1 WHERE EXISTS (SELECT 1 {ROWS} WHERE {CALL} = 'found')"), true),
        ] {
            assert_eq!(is_refused(&sql).await, expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn an_engine_without_services_asks_nobody() {
        let engine = Engine::new().expect("an engine");
        let fault = try_select(&engine, "rdap_domain('example.com')").await.expect_err("no services");
        assert!(fault.to_string().contains("rdap_domain"), "{fault}");
    }
}
